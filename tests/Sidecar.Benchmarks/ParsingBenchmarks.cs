using System.IO.Compression;
using BenchmarkDotNet.Attributes;
using Sidecar.Exposition;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Benchmarks;

/// <summary>
/// The pass over a body, a step more in each line, beside the floors that it could reach: a copy of the text, counting its line breaks,
/// inflating it.
/// </summary>
[MemoryDiagnoser]
[Throughput]
public class ParsingBenchmarks
{
    private static readonly SampleReader Reader = new();
    private static readonly SeriesTable Table = new();
    private readonly SeriesEncoder encoder = new(MicroPayload.Samples * 2);
    private readonly TargetLabels target =
        new([KeyValuePair.Create("instance", "10.0.0.1:6443"), KeyValuePair.Create("job", "apiserver")], [], honorLabels: false);

    private readonly byte[] copy = new byte[MicroPayload.Text.Length];

    [Benchmark]
    public void Copy() => MicroPayload.Text.CopyTo(copy, 0);

    [Benchmark(Baseline = true)]
    public int Count_line_breaks() => MicroPayload.Text.AsSpan().Count((byte)'\n');

    [Benchmark]
    public long Inflate()
    {
        using var gzip = new GZipStream(MicroPayload.Gzip.OpenRead(), CompressionMode.Decompress);
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
        return Checked(samples);
    }

    [Benchmark]
    public int Inflate_parse_label_and_hash()
    {
        encoder.Begin(target);
        Reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        var samples = 0;
        while (Reader.Read() && encoder.TryBegin(Reader.Sample, out _))
            samples++;
        return Checked(samples);
    }

    [Benchmark]
    public int Inflate_parse_label_hash_and_look_up()
    {
        encoder.Begin(target);
        Table.ClearSeen();
        Reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        var samples = 0;
        while (Reader.Read() && encoder.TryBegin(Reader.Sample, out var hash))
        {
            Table.Add(hash);
            samples++;
        }
        return Checked(samples);
    }

    /// <summary>All of it in one pass: what a scrape costs, but for the network.</summary>
    [Benchmark]
    public int Inflate_parse_label_hash_look_up_encode_and_compress()
    {
        encoder.Begin(target);
        Table.ClearSeen();
        Reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        var samples = 0;
        while (Reader.Read() && encoder.TryBegin(Reader.Sample, out var hash))
        {
            Table.Add(hash);
            encoder.Commit(Reader.Sample.Value, 1_800_000_000_000);
            samples++;
        }
        return Checked(samples);
    }

    /// <summary>
    /// The other path: validated first, and made into requests when its turn comes, because they did not fit the budget for held ones.
    /// </summary>
    [Benchmark]
    public int Two_passes()
    {
        Inflate_parse_label_hash_and_look_up();
        encoder.Begin(target);
        Reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        var samples = 0;
        while (Reader.Read() && encoder.TryBegin(Reader.Sample, out _))
        {
            encoder.Commit(Reader.Sample.Value, 1_800_000_000_000);
            samples++;
        }
        return Checked(samples);
    }

    private static int Checked(int samples) =>
        samples == MicroPayload.Samples ? samples : throw new InvalidOperationException(Reader.ErrorMessage);
}
