using System.Globalization;
using System.Text;
using Sidecar.Exposition;

namespace Sidecar.Operation.Commands;

/// <summary>Metric relabel rules that make the biggest metrics smaller, as the JSON that the configuration takes.</summary>
internal static class Proposal
{
    /// <summary>Of so many boundaries one stays.</summary>
    private const int ThinnedTo = 3;

    /// <summary>Histograms with fewer boundaries than this are left as they are.</summary>
    private const int FewBoundaries = 6;

    /// <summary>
    /// Every third bucket of these histograms stays, so that quantiles become coarser; null where there is none to thin. Buckets are named
    /// that go, not those that stay: another version's boundaries are not lost.
    /// </summary>
    public static string? ThinBuckets(IEnumerable<MetricCost> metrics, LabelCosts labels)
    {
        // Histograms with the same boundaries share a rule.
        var rules = new Dictionary<string, List<string>>();
        foreach (var metric in metrics.Where(CanBeNamed))
        {
            var finite = labels.BoundariesOf(metric).Where(b => b != "+Inf" && IsNumber(b)).OrderBy(b => double.Parse(b, CultureInfo.InvariantCulture)).ToList();
            if (finite.Count < FewBoundaries)
                continue;
            var dropped = string.Join('|', finite.Where((_, i) => i % ThinnedTo != ThinnedTo - 1).Select(b => b.Replace(".", "\\.").Replace("+", "\\+")));
            if (!rules.TryGetValue(dropped, out var names))
                rules.Add(dropped, names = []);
            names.Add(metric.Name[..^"_bucket".Length]);
        }
        if (rules.Count == 0)
            return null;
        return $"[{string.Join(',', rules.Select(r => Rule("[\"__name__\",\"le\"]", $"({string.Join('|', r.Value)})_bucket;({r.Key})")))}]";
    }

    /// <summary>The buckets of these histograms go; null where there is none.</summary>
    public static string? DropBuckets(IEnumerable<MetricCost> metrics, LabelCosts labels)
    {
        var names = metrics.Where(m => CanBeNamed(m) && labels.BoundariesOf(m).Count > 0).Select(m => m.Name[..^"_bucket".Length]).ToList();
        return names.Count == 0 ? null : $"[{Rule("[\"__name__\"]", $"({string.Join('|', names)})_bucket")}]";
    }

    /// <summary>A whole metric goes.</summary>
    public static string? DropMetric(MetricCost metric) => CanBeNamed(metric) ? $"[{Rule("[\"__name__\"]", metric.Name)}]" : null;

    /// <summary>Rules behind rules that are there already.</summary>
    public static string Append(string? present, string added)
    {
        var before = (present ?? "").Trim();
        if (before.Length < 2)
            return added;
        before = before[..^1].TrimEnd(); // its closing bracket: it was read as an array before
        return before == "[" ? added : $"{before},{added[1..]}";
    }

    private static string Rule(string sourceLabels, string regex)
    {
        var json = new StringBuilder($"{{\"source_labels\":{sourceLabels},\"regex\":\"");
        foreach (var c in regex)
            json.Append(c == '\\' ? "\\\\" : c.ToString());
        return json.Append("\",\"action\":\"drop\"}").ToString();
    }

    /// <summary>Names of other characters would need escapes of the pattern, of JSON and of the shell; they are left alone.</summary>
    private static bool CanBeNamed(MetricCost metric) => LineCursor.IsLegacyMetric(metric.Utf8Name);

    private static bool IsNumber(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
}
