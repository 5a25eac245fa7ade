using System.Net;

namespace Sidecar.RemoteWrite;

/// <summary>Posts a request from its blocks, without a copy of the whole.</summary>
internal sealed class RequestContent(EncodedRequest request) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        foreach (var block in request.Blocks())
            await stream.WriteAsync(block, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = request.Length;
        return true;
    }
}
