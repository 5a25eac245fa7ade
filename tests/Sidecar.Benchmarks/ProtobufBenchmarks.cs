using System.IO.Compression;
using BenchmarkDotNet.Attributes;
using Google.Protobuf;
using Sidecar.Exposition;
using Sidecar.Tests.Exposition.Wire;

namespace Sidecar.Benchmarks;

/// <summary>What reading protobuf in place buys over the generated types: a body of 10,000 samples, half of them buckets.</summary>
[MemoryDiagnoser]
public class ProtobufBenchmarks
{
    private const int Samples = 10_000;
    private static readonly SampleReader Reader = new();
    private static readonly byte[] Body = Make();
    private static readonly byte[] Gzip = Compress();

    [Benchmark(Baseline = true)]
    public int Generated_types()
    {
        using var inflated = new GZipStream(new MemoryStream(Gzip), CompressionMode.Decompress);
        using var body = new MemoryStream();
        inflated.CopyTo(body);
        body.Position = 0;
        var metrics = 0;
        while (body.Position < body.Length)
            metrics += Tests.Exposition.Wire.MetricFamily.Parser.ParseDelimitedFrom(body).Metric.Count;
        return metrics;
    }

    [Benchmark]
    public int In_place()
    {
        Reader.Open(new MemoryStream(Gzip), sizeLimit: 0, BodyFormat.PrometheusProto);
        var samples = 0;
        while (Reader.Read())
            samples++;
        return samples == Samples ? samples : throw new InvalidOperationException($"{samples} samples {Reader.ErrorMessage}");
    }

    private static byte[] Make()
    {
        var body = new MemoryStream();
        for (var f = 0; f < 10; f++)
        {
            var counters = new Tests.Exposition.Wire.MetricFamily { Name = $"apiserver_requests_{f}_total",
                Help = "Requests by verb and code.", Type = MetricKind.Counter };
            var histograms = new Tests.Exposition.Wire.MetricFamily { Name = $"apiserver_duration_{f}_seconds", Help = "Duration.",
                Type = MetricKind.Histogram };
            for (var i = 0; i < 500; i++)
                counters.Metric.Add(Labelled(new Metric { Counter = new() { Value = i } }, i));
            for (var i = 0; i < 50; i++)
            {
                var histogram = new Histogram { SampleCount = (ulong)i, SampleSum = i * 0.5 };
                for (var b = 0; b < 7; b++)
                    histogram.Bucket.Add(new Bucket { UpperBound = 0.005 * Math.Pow(2, b), CumulativeCount = (ulong)b });
                histograms.Metric.Add(Labelled(new Metric { Histogram = histogram }, i));
            }
            counters.WriteDelimitedTo(body);
            histograms.WriteDelimitedTo(body);
        }
        return body.ToArray();
    }

    private static Metric Labelled(Metric metric, int i)
    {
        metric.Label.Add(new LabelPair { Name = "code", Value = $"{200 + (i % 5)}" });
        metric.Label.Add(new LabelPair { Name = "resource", Value = $"resource{i}" });
        metric.Label.Add(new LabelPair { Name = "verb", Value = "LIST" });
        return metric;
    }

    private static byte[] Compress()
    {
        var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Optimal))
            gzip.Write(Body);
        return output.ToArray();
    }
}
