using Sidecar.Exposition;
using Sidecar.Relabeling;

namespace Sidecar.Commands;

/// <summary>Metric relabel rules that make the biggest metrics smaller, as the JSON that the configuration takes.</summary>
internal static class Proposal
{
    /// <summary>Of so many boundaries one stays.</summary>
    private const int ThinnedTo = 3;

    /// <summary>Histograms with fewer boundaries than this are left as they are.</summary>
    private const int FewBoundaries = 6;

    /// <summary>Drops two of every three buckets; null for none. Rules name what is dropped: bounds of a new version stay.</summary>
    public static string? ThinBuckets(List<MetricCost> metrics)
    {
        // Histograms with the same boundaries share a rule.
        var alike = metrics.FindAll(CanBeNamed).GroupBy(ThinnedBoundaries).Where(g => g.Key.Length > 0);
        return List([.. alike.Select(g => Rule("[\"__name__\",\"le\"]", $"({Histograms(g)})_bucket;({g.Key})"))]);
    }

    /// <summary>Drops all finite buckets but those that others read; null for none.</summary>
    public static string? DropBuckets(List<MetricCost> metrics)
    {
        var histograms = metrics.FindAll(m => CanBeNamed(m) && !ReadByOthers.IsWhole(m.Name) && m.Boundaries.Count > 0);
        var unread = histograms.FindAll(static m => !ReadByOthers.IsAny(m.Name));
        var rules = new List<string>();
        if (unread.Count > 0)
            rules.Add(Rule("[\"__name__\"]", $"({Histograms(unread)})_bucket"));
        foreach (var histogram in histograms.FindAll(static m => ReadByOthers.IsAny(m.Name)))
        {
            if (Alternatives(Finite(histogram), static _ => false, histogram) is { Length: > 0 } bounds)
                rules.Add(Rule("[\"__name__\",\"le\"]", $"{histogram.Name};({bounds})"));
        }
        return List(rules);
    }

    /// <summary>A whole metric goes, unless others read it.</summary>
    public static string? DropMetric(MetricCost metric) =>
        CanBeNamed(metric) && !ReadByOthers.IsAny(metric.Name) ? $"[{Rule("[\"__name__\"]", metric.Name)}]" : null;

    /// <summary>All but each third and those that others read, as alternatives of a pattern; empty where there are few.</summary>
    private static string ThinnedBoundaries(MetricCost metric)
    {
        var finite = Finite(metric);
        return finite.Count < FewBoundaries || ReadByOthers.IsWhole(metric.Name) ? ""
            : Alternatives(finite, static i => i % ThinnedTo == ThinnedTo - 1, metric);
    }

    private static List<string> Finite(MetricCost metric)
    {
        var finite = metric.Boundaries.FindAll(static b => b != "+Inf" && !double.IsNaN(Number(b)));
        finite.Sort(static (one, other) => Number(one).CompareTo(Number(other)));
        return finite;
    }

    /// <summary>The bounds that go, as alternatives of a pattern.</summary>
    /// <param name="stays">Whether the bound at this place stays, whoever reads it.</param>
    private static string Alternatives(List<string> bounds, Func<int, bool> stays, MetricCost metric)
    {
        var read = ReadByOthers.BoundsOf(metric.Name);
        var dropped = bounds.Where((bound, i) => !stays(i) && !read.AsSpan().Contains(Number(bound)));
        return string.Join('|', dropped.Select(static bound => bound.Replace(".", "\\.").Replace("+", "\\+")));
    }

    private static double Number(string bound) => FloatText.TryParse(Encoding.UTF8.GetBytes(bound), out var number) ? number : double.NaN;

    public static string Append(string? present, string added)
    {
        var before = Encoding.UTF8.GetString(RelabelConfigs.Json((present ?? "").Trim(), out _));
        if (before.Length < 2)
            return added;
        before = before[..^1].TrimEnd(); // its closing bracket: it was read as an array before
        return before == "[" ? added : $"{before},{added[1..]}";
    }

    private static string? List(List<string> rules) => rules.Count == 0 ? null : $"[{string.Join(',', rules)}]";

    private static string Histograms(IEnumerable<MetricCost> buckets) =>
        string.Join('|', buckets.Select(static m => m.Name[..^"_bucket".Length]));

    private static string Rule(string sourceLabels, string regex) =>
        $$"""{"source_labels":{{sourceLabels}},"regex":"{{regex.Replace("\\", "\\\\")}}","action":"drop"}""";

    /// <summary>Names of other characters would need escapes of the pattern, of JSON and of the shell; they are left alone.</summary>
    private static bool CanBeNamed(MetricCost metric) => LineCursor.IsLegacyMetric(metric.Utf8Name);
}
