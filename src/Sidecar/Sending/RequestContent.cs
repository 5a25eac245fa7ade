using System.Net;
using Sidecar.Requests;

namespace Sidecar.Sending;

/// <summary>Posts a request from its pieces, without a copy of the whole.</summary>
internal sealed class RequestContent(EncodedRequest request) : HttpContent
{
    /// <summary>Both specifications, section "Protocol": these headers, and a snappy block as the body.</summary>
    /// <param name="headers">The user's own.</param>
    public static HttpRequestMessage Message(EncodedRequest request, Uri url, ReadOnlySpan<KeyValuePair<string, string>> headers)
    {
        var (type, version) = request.Version == WriteVersion.One
            ? ("application/x-protobuf", "0.1.0") : ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0");
        var message = new HttpRequestMessage(HttpMethod.Post, url) { Content = new RequestContent(request) };
        message.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        message.Content.Headers.TryAddWithoutValidation("Content-Encoding", "snappy");
        message.Headers.TryAddWithoutValidation("X-Prometheus-Remote-Write-Version", version);
        foreach (var (name, value) in headers)
            message.Headers.TryAddWithoutValidation(name, value);
        return message;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        foreach (var piece in request.Pieces())
            await stream.WriteAsync(piece, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = request.Length;
        return true;
    }
}
