using System.Net;
using Sidecar.Scraping;

namespace Sidecar.RemoteWrite;

/// <summary>Posts a compressed body from its blocks, without a copy of the whole.</summary>
internal sealed class RequestContent(CompressedBody body) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        foreach (var block in body.Blocks())
            await stream.WriteAsync(block, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = body.Length;
        return true;
    }
}
