using System.Globalization;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Sidecar.Tests.Exposition.Wire;

namespace Cluster;

/// <summary>
/// The metrics of a text as an API server of Kubernetes 1.37 serves them over protobuf: each histogram in its classic and its native form
/// (KEP-5808), as its client library makes them.
/// </summary>
internal static partial class BothForms
{
    public const string ContentType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

    /// <summary>Of native histograms here: eight buckets for each doubling.</summary>
    private const int Schema = 3;

    /// <summary>The client library's own.</summary>
    private const double ZeroThreshold = 2.938735877055719e-39;

    /// <param name="text">Text format 0.0.4 with a TYPE line before each metric; the lines of one histogram stand together.</param>
    public static byte[] Of(string text)
    {
        var body = new MemoryStream();
        var family = new MetricFamily();
        var help = "";
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ', 4);
            if (words[0] == "#" && words[1] == "HELP")
                help = words[3];
            else if (words[0] == "#")
            {
                End(family, body);
                family = new MetricFamily { Name = words[2], Help = help, Type = Enum.Parse<MetricKind>(words[3], ignoreCase: true) };
            }
            else
                Add(family, line);
        }
        End(family, body);
        return body.ToArray();
    }

    private static void Add(MetricFamily family, string line)
    {
        var at = line.LastIndexOf(' ');
        var value = double.Parse(line[(at + 1)..], CultureInfo.InvariantCulture);
        var brace = line.IndexOf('{');
        var name = line[..(brace < 0 ? at : brace)];
        var labels = Label().Matches(brace < 0 ? "" : line[brace..at])
            .Select(m => new LabelPair { Name = m.Groups[1].Value, Value = m.Groups[2].Value }).ToList();
        if (family.Type != MetricKind.Histogram)
        {
            var metric = new Metric { Label = { labels } };
            if (family.Type == MetricKind.Counter)
                metric.Counter = new Counter { Value = value };
            else
                metric.Gauge = new Gauge { Value = value };
            family.Metric.Add(metric);
            return;
        }
        var own = labels.Where(l => l.Name != "le").ToList();
        if (family.Metric.Count == 0 || !family.Metric[^1].Label.SequenceEqual(own))
            family.Metric.Add(new Metric { Label = { own }, Histogram = new Histogram() });
        var histogram = family.Metric[^1].Histogram;
        if (name.EndsWith("_sum", StringComparison.Ordinal))
            histogram.SampleSum = value;
        else if (name.EndsWith("_count", StringComparison.Ordinal))
            histogram.SampleCount = (ulong)value;
        else
        {
            var bound = labels.Single(l => l.Name == "le").Value;
            histogram.Bucket.Add(new Bucket
            {
                UpperBound = bound == "+Inf" ? double.PositiveInfinity : double.Parse(bound, CultureInfo.InvariantCulture),
                CumulativeCount = (ulong)value,
            });
        }
    }

    private static void End(MetricFamily family, MemoryStream body)
    {
        if (family.Metric.Count == 0)
            return;
        foreach (var metric in family.Metric.Where(m => m.Histogram is not null))
            AddNative(metric.Histogram);
        family.WriteDelimitedTo(body);
    }

    /// <summary>All observations of a classic bucket stand where its bound is.</summary>
    private static void AddNative(Histogram histogram)
    {
        (histogram.Schema, histogram.ZeroThreshold) = (Schema, ZeroThreshold);
        var counts = new SortedDictionary<int, long>();
        ulong before = 0;
        var last = 0;
        foreach (var bucket in histogram.Bucket)
        {
            var own = bucket.CumulativeCount - before;
            before = bucket.CumulativeCount;
            if (bucket.UpperBound <= 0)
            {
                histogram.ZeroCount += own;
                continue;
            }
            last = double.IsPositiveInfinity(bucket.UpperBound) ? last + 1
                : (int)Math.Ceiling(Math.Log2(bucket.UpperBound) * (1 << Schema));
            if (own > 0)
                counts[last] = counts.GetValueOrDefault(last) + (long)own;
        }
        var (end, count) = (0, 0L);
        foreach (var (index, own) in counts)
        {
            if (histogram.PositiveSpan.Count > 0 && index == end)
                histogram.PositiveSpan[^1].Length++;
            else
                histogram.PositiveSpan.Add(new BucketSpan { Offset = index - end, Length = 1 });
            histogram.PositiveDelta.Add(own - count);
            (end, count) = (index + 1, own);
        }
    }

    [GeneratedRegex("([a-zA-Z_]+)=\"([^\"]*)\"")]
    private static partial Regex Label();
}
