using System.IO.Hashing;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary>Counts the values of the labels of a few metrics. They are kept as hashes, and no more than a bound of each label.</summary>
internal static class LabelCosts
{
    /// <summary>More values of one label are not told apart.</summary>
    public const int MostValues = 50_000;

    /// <summary>Those of a metric, the one with the most values first. Labels with one value only, like job, are left out.</summary>
    public static List<LabelCost> Of(MetricCost metric)
    {
        var labels = metric.Labels.FindAll(static l => l.Values > 1);
        labels.Sort(static (one, other) => one.Values != other.Values ? other.Values.CompareTo(one.Values)
            : string.CompareOrdinal(one.Name, other.Name));
        return labels;
    }

    /// <summary>The bucket boundaries of a classic histogram, as they are sent; none of any other metric.</summary>
    public static List<string> BoundariesOf(MetricCost metric) =>
        metric.Name.EndsWith("_bucket", StringComparison.Ordinal) ? metric.Labels.Find(static l => l.Name == "le")?.Texts ?? [] : [];

    public static void Count(List<MetricCost> metrics, ScrapeWalk series)
    {
        MetricCost? metric = null;
        while (series.Next())
        {
            var name = series.Labels.Find("__name__"u8);
            if (metric is null || !name.SequenceEqual(metric.Utf8Name))
            {
                metric = null;
                foreach (var candidate in metrics)
                {
                    if (name.SequenceEqual(candidate.Utf8Name))
                        metric = candidate;
                }
                if (metric is null)
                    continue;
            }
            Add(metric.Labels, series.Labels);
        }
    }

    private static void Add(List<LabelCost> known, SeriesLabels labels)
    {
        for (var i = 0; i < labels.Count; i++)
        {
            var name = labels.Name(i);
            if (name.SequenceEqual("__name__"u8))
                continue;
            LabelCost? label = null;
            foreach (var one in known)
            {
                if (name.SequenceEqual(one.Utf8Name))
                    label = one;
            }
            if (label is null)
                known.Add(label = new LabelCost(name.ToArray()));
            label.Add(labels.Value(i));
        }
    }
}

/// <summary>The values of one label within one metric.</summary>
internal sealed class LabelCost(byte[] name)
{
    private readonly HashSet<ulong> values = [];
    private ulong last;

    public byte[] Utf8Name { get; } = name;
    public string Name { get; } = Encoding.UTF8.GetString(name);
    public int Values => values.Count;

    /// <summary>There are more, which were not counted.</summary>
    public bool IsCut => values.Count == LabelCosts.MostValues;

    /// <summary>The values themselves, of the label le only.</summary>
    public List<string> Texts { get; } = [];

    public void Add(ReadOnlySpan<byte> value)
    {
        var hash = XxHash3.HashToUInt64(value);
        if (hash == last || IsCut)
            return;
        last = hash;
        if (values.Add(hash) && Utf8Name.AsSpan().SequenceEqual("le"u8) && Texts.Count < 200)
            Texts.Add(Encoding.UTF8.GetString(value));
    }
}
