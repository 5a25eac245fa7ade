using BenchmarkDotNet.Attributes;
using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Benchmarks;

/// <summary>Compression of a real request's bytes beside the floor, a copy of them; and by another C# port of snappy.</summary>
[MemoryDiagnoser]
[Throughput]
public class SnappyBenchmarks
{
    private static readonly byte[] Request = MakeRequest();
    private readonly byte[] copy = new byte[RequestSize * 2];

    public static int RequestSize => Request.Length;

    [Benchmark(Baseline = true)]
    public void Copy() => Request.CopyTo(copy, 0);

    [Benchmark]
    public int IronSnappy_block() => IronSnappy.Snappy.Encode(Request).Length;

    [Benchmark]
    public int Snappier_block() => Snappier.Snappy.Compress(Request, copy);

    /// <summary>2,000 series.</summary>
    private static byte[] MakeRequest()
    {
        using var reader = new SampleReader();
        var encoder = new SeriesEncoder(2000);
        encoder.Begin(new TargetLabels([KeyValuePair.Create("instance", "10.0.0.1:6443"), KeyValuePair.Create("job", "apiserver")], [],
            false));
        reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        while (!encoder.IsFull && reader.Read() && encoder.TryBegin(reader.Sample, out _))
            encoder.Commit(reader.Sample.Value, 1_800_000_000_000);
        return encoder.Take()!.Decompress();
    }
}
