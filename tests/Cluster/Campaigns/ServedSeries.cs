using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Cluster.Campaigns;

/// <summary>What a scrape serves, and what must arrive of it.</summary>
/// <param name="Lines">Of the text format, a sample each.</param>
/// <param name="Arriving">Bits of the values by series as the receiver names them.</param>
/// <param name="Refused">The series that the receiver refuses, which is known to the sidecar all the same; null for none.</param>
/// <param name="Kept">Samples that metric relabeling leaves.</param>
public sealed record ServedScrapeBody(List<string> Lines, Dictionary<string, ulong> Arriving, string? Refused, int Kept);

/// <summary>
/// The series of the targets as a function of seed, target and the scrape's ordinal, so that each value and each label that arrives can be
/// checked exactly. The relabel rules are computed here a second time, with other means than the sidecar's.
/// </summary>
public sealed partial class ServedSeries(int seed)
{
    public const string Job = "campaign";

    public const string RefusedName = "campaign_refused";

    /// <summary>Groups of a regex, labels by pattern, a series that is dropped.</summary>
    public const string Rules = """
        [{"source_labels":["v"],"regex":"([a-z]+)-(\\d+)","target_label":"w","replacement":"$2:$1"},
         {"regex":"x_(.+)","action":"labelmap","replacement":"$1"},
         {"regex":"x_.+","action":"labeldrop"},
         {"source_labels":["__name__"],"regex":"campaign_dropped.*","action":"drop"}]
        """;

    private const ulong ScrapedNaN = 0x7ff8000000000001;

    private static readonly string[] Words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];

    /// <summary>What only the scrape knows stands in each value: target, ordinal, series.</summary>
    public static double Value(int target, int ordinal, int series) => ((long)target << 44) + ((long)ordinal << 16) + series;

    /// <summary>The ordinal in a value.</summary>
    public static int Ordinal(double value) => (int)((long)value >> 16 & 0xfffffff);

    /// <summary>A series of a target as the receiver names it, with labels of its own.</summary>
    public static string Name(string name, int port, params (string Name, string Value)[] labels)
    {
        (string Name, string Value)[] all = [("cluster", "test"), ("instance", $"127.0.0.1:{port}"), ("job", Job), .. labels];
        return $"{name}{{{string.Join(',', all.OrderBy(l => l.Name, StringComparer.Ordinal).Select(l => $"{l.Name}=\"{l.Value}\""))}}}";
    }

    /// <param name="withRefused">Has a series that the receiver refuses.</param>
    public ServedScrapeBody Of(int target, int port, int ordinal, bool withRefused)
    {
        var lines = new List<string>();
        var arriving = new Dictionary<string, ulong>();
        var number = 0;
        Add("campaign_ordinal");
        for (var i = 0; i < 40; i++)
            Add("campaign_steady", ("i", $"{i}"), ("v", $"{Words[i % Words.Length]}-{i * 37 % 1000}"));
        for (var i = 0; i < 60; i++)
        {
            var generation = ordinal / (1 + i % 9);
            number++;
            if (Mix(seed, target, i, generation) % 3 != 0)
                Add("campaign_coming", ("i", $"{i}"), ("v", $"{Words[(i + generation) % Words.Length]}-{generation}"));
        }
        for (var i = 0; i < 5; i++)
            Add("campaign_unmatched", ("v", $"No match {i}"));
        Put("campaign_conflict{instance=\"mine\"}", Name("campaign_conflict", port, ("exported_instance", "mine")));
        Put($"campaign_mapped{{x_rack=\"r{target}\",x_zone=\"z\"}}", Name("campaign_mapped", port, ("rack", $"r{target}"), ("zone", "z")));
        Put("campaign_escaped{s=\"a\\\"b\\\\c\\nd é\"}", Name("campaign_escaped", port, ("s", "a\"b\\c\nd é")));
        lines.Add("campaign_nan NaN");
        arriving[Name("campaign_nan", port)] = ScrapedNaN;
        lines.Add("campaign_infinite +Inf");
        arriving[Name("campaign_infinite", port)] = BitConverter.DoubleToUInt64Bits(double.PositiveInfinity);
        string? refused = null;
        if (withRefused)
        {
            lines.Insert(lines.Count / 2, $"{RefusedName}{{o=\"{ordinal}\"}} 1");
            refused = Name(RefusedName, port, ("o", $"{ordinal}"));
        }
        var kept = lines.Count;
        if (ordinal % 7 == 3)
        {
            lines.Add("campaign_ordinal 0"); // a second time: the first one counts
            kept++;
        }
        lines.Add("campaign_dropped{i=\"1\"} 1");
        lines.Add("campaign_dropped_too 2");
        return new ServedScrapeBody(lines, arriving, refused, kept);

        void Add(string name, params (string Name, string Value)[] labels)
        {
            var written = string.Join(',', labels.Select(l => $"{l.Name}=\"{l.Value}\""));
            var sent = labels.ToList();
            if (labels.FirstOrDefault(l => l.Name == "v").Value is { } v && WordAndNumber().Match(v) is { Success: true } match)
                sent.Add(("w", $"{match.Groups[2].Value}:{match.Groups[1].Value}"));
            Put($"{name}{{{written}}}", Name(name, port, [.. sent]));
        }

        void Put(string written, string sent)
        {
            var value = Value(target, ordinal, number++);
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{written} {value:R}"));
            arriving[sent] = BitConverter.DoubleToUInt64Bits(value);
        }
    }

    /// <summary>The body in either text format.</summary>
    public static byte[] Text(ServedScrapeBody body, bool isOpenMetrics)
    {
        var text = new StringBuilder("# HELP campaign_steady Is always there.\n# TYPE campaign_steady gauge\n");
        foreach (var family in body.Lines.GroupBy(l => l[..l.AsSpan().IndexOfAny("{ ")]))
        {
            foreach (var line in family)
                text.Append(line).Append('\n');
        }
        return Encoding.UTF8.GetBytes(isOpenMetrics ? text.Append("# EOF\n").ToString() : text.ToString());
    }

    /// <summary>A number that is the same in every run of the seed.</summary>
    public static uint Mix(int seed, int first, int second, int third)
    {
        var x = 0x9e3779b97f4a7c15UL;
        foreach (var part in (ReadOnlySpan<int>)[seed, first, second, third])
        {
            x ^= (uint)part;
            x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9;
            x = (x ^ x >> 29) * 0x94d049bb133111eb;
        }
        return (uint)(x >> 32);
    }

    [GeneratedRegex("^([a-z]+)-([0-9]+)$")]
    private static partial Regex WordAndNumber();
}
