using BenchmarkDotNet.Attributes;
using IronSnappy;

namespace Sidecar.Benchmarks;

/// <summary>Compression of a request's bytes beside the floor, a copy of them.</summary>
[MemoryDiagnoser]
public class SnappyBenchmarks
{
    private readonly byte[] request = MicroPayload.Text.AsSpan(0, Math.Min(MicroPayload.Text.Length, 430 * 1024)).ToArray();
    private readonly byte[] copy = new byte[430 * 1024];

    [Benchmark(Baseline = true)]
    public void Copy() => request.CopyTo(copy, 0);

    [Benchmark]
    public int IronSnappy_block() => Snappy.Encode(request).Length;
}
