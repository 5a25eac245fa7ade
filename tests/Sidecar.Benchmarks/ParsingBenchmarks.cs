using BenchmarkDotNet.Attributes;
using Sidecar.Exposition;

namespace Sidecar.Benchmarks;

/// <summary>The parser beside the floors it could reach: inflating alone, and counting line breaks in the plain bytes.</summary>
[MemoryDiagnoser]
public class ParsingBenchmarks
{
    private static readonly SampleReader Reader = new();

    [Benchmark(Baseline = true)]
    public int Count_line_breaks() => MicroPayload.Text.AsSpan().Count((byte)'\n');

    [Benchmark]
    public long Inflate()
    {
        using var gzip = new System.IO.Compression.GZipStream(MicroPayload.Gzip.OpenRead(), System.IO.Compression.CompressionMode.Decompress);
        Span<byte> window = stackalloc byte[32 * 1024];
        long total = 0;
        while (gzip.Read(window) is > 0 and var read)
            total += read;
        return total;
    }

    [Benchmark]
    public int Inflate_and_parse()
    {
        Reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        var samples = 0;
        while (Reader.Read())
            samples++;
        return samples == MicroPayload.Samples ? samples : throw new InvalidOperationException(Reader.ErrorMessage);
    }
}
