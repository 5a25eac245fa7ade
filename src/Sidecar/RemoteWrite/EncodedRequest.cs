using IronSnappy;
using Sidecar.Scraping;

namespace Sidecar.RemoteWrite;

/// <summary>One write request, compressed and ready to be posted. Whoever holds it last releases it.</summary>
/// <param name="Body">Snappy block of a prometheus.WriteRequest.</param>
/// <param name="Samples">Samples in it, staleness markers included.</param>
internal sealed record EncodedRequest(CompressedBody Body, int Samples)
{
    /// <param name="message">A prometheus.WriteRequest as protobuf.</param>
    public static EncodedRequest Compress(ReadOnlySpan<byte> message, int samples)
    {
        var body = new CompressedBody();
        body.Append(Snappy.Encode(message));
        return new EncodedRequest(body, samples);
    }

    /// <summary>The prometheus.WriteRequest as protobuf.</summary>
    public byte[] Decompress() => Snappy.Decode(Body.ToArray());

    public void Release() => Body.Release();
}
