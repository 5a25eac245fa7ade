using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Sidecar.Exposition;
using Exemplar = Sidecar.Tests.Exposition.Wire.Exemplar;
using MetricFamily = Sidecar.Tests.Exposition.Wire.MetricFamily;
using BucketSpan = Sidecar.Tests.Exposition.Wire.BucketSpan;
using Sidecar.Tests.Exposition.Wire;

namespace Sidecar.Tests.Exposition;

/// <summary>Bodies as a client library writes them, by generated types.</summary>
internal static class ProtobufBody
{
    public static byte[] Of(params MetricFamily[] families)
    {
        var body = new MemoryStream();
        foreach (var family in families)
            family.WriteDelimitedTo(body);
        return body.ToArray();
    }

    public static string Read(byte[] body, BodyFormat format = BodyFormat.PrometheusProto) =>
        string.Join('|', ParsedText.ReadAtEverySplit(body, format));

    public static MetricFamily Family(string name, MetricKind kind, params Metric[] metrics) =>
        new() { Name = name, Type = kind, Metric = { metrics } };

    public static Metric Counter(double value, params string[] labels) => With(new() { Counter = new() { Value = value } }, labels);

    public static Metric Gauge(double value, params string[] labels) => With(new() { Gauge = new() { Value = value } }, labels);

    public static Metric Untyped(double value, params string[] labels) => With(new() { Untyped = new() { Value = value } }, labels);

    public static Metric Summary(ulong count, double sum, (double, double)[] quantiles, params string[] labels)
    {
        var summary = new Summary { SampleCount = count, SampleSum = sum };
        foreach (var (quantile, value) in quantiles)
            summary.Quantile.Add(new Quantile { Quantile_ = quantile, Value = value });
        return With(new() { Summary = summary }, labels);
    }

    public static Metric Classic(ulong count, double sum, (double, ulong)[] buckets, params string[] labels)
    {
        var histogram = new Histogram { SampleCount = count, SampleSum = sum };
        foreach (var (bound, value) in buckets)
            histogram.Bucket.Add(new Bucket { UpperBound = bound, CumulativeCount = value });
        return With(new() { Histogram = histogram }, labels);
    }

    /// <summary>Count 6: two in the zero bucket, one and two in two positive buckets, one in a negative one.</summary>
    public static Histogram NativeHistogram() => new()
    {
        SampleCount = 6, SampleSum = 4.5, Schema = 1, ZeroThreshold = 0.001, ZeroCount = 2,
        PositiveSpan = { new BucketSpan { Offset = 0, Length = 1 }, new BucketSpan { Offset = 2, Length = 1 } }, PositiveDelta = { 1, 1 },
        NegativeSpan = { new BucketSpan { Offset = -3, Length = 1 } }, NegativeDelta = { 1 },
    };

    public static Metric Native(Histogram histogram, params string[] labels) => With(new() { Histogram = histogram }, labels);

    public static Metric With(Metric metric, params string[] labels)
    {
        for (var i = 0; i < labels.Length; i += 2)
            metric.Label.Add(new LabelPair { Name = labels[i], Value = labels[i + 1] });
        return metric;
    }

    public static Exemplar Exemplar(double value, long? milliseconds, params string[] labels)
    {
        var exemplar = new Exemplar { Value = value, Timestamp = milliseconds is { } ms ? Time(ms) : null };
        for (var i = 0; i < labels.Length; i += 2)
            exemplar.Label.Add(new LabelPair { Name = labels[i], Value = labels[i + 1] });
        return exemplar;
    }

    public static Timestamp Time(long milliseconds) =>
        new() { Seconds = milliseconds / 1000, Nanos = (int)(milliseconds % 1000) * 1_000_000 };
}
