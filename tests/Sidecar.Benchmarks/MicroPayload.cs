using System.Buffers;
using System.IO.Compression;
using Cluster;
using Sidecar.Exposition;

namespace Sidecar.Benchmarks;

/// <summary>10,000 samples of kube-apiserver's shape: what all micro-benchmarks work on.</summary>
internal static class MicroPayload
{
    public const int Samples = 10_000;

    public static byte[] Text { get; } = MakeText();

    /// <summary>As it would be held.</summary>
    public static CompressedBody Gzip { get; } = MakeGzip();

    private static byte[] MakeText()
    {
        var text = new ArrayBufferWriter<byte>();
        new ApiServerPayload(seed: 1).Write(text, Samples, scrapeIndex: 1);
        return text.WrittenSpan.ToArray();
    }

    private static CompressedBody MakeGzip()
    {
        var body = new CompressedBody();
        using var gzip = new GZipStream(body.OpenWrite(), CompressionLevel.Optimal);
        gzip.Write(Text);
        return body;
    }
}
