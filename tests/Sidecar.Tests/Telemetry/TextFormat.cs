using System.Globalization;
using System.Text.RegularExpressions;

namespace Sidecar.Tests.Telemetry;

/// <summary>A strict reader of text format 0.0.4 that shares no line with the product, to check what the sidecar exposes.</summary>
internal static partial class TextFormat
{
    /// <summary>All samples by series as written; throws on anything that the format or good manners forbid.</summary>
    public static Dictionary<string, double> Read(string text)
    {
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', text);
        var samples = new Dictionary<string, double>();
        var families = new HashSet<string>();
        string? family = null, type = null;
        var lines = text[..^1].Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            if (Help().Match(lines[i]) is { Success: true } help)
            {
                family = help.Groups[1].Value;
                Assert.True(families.Add(family), $"{family} twice");
                var kind = Type().Match(lines[++i]);
                Assert.True(kind.Success && kind.Groups[1].Value == family, $"no TYPE after HELP: {lines[i]}");
                type = kind.Groups[2].Value;
                Assert.Equal(type == "counter", family.EndsWith("_total", StringComparison.Ordinal));
                continue;
            }
            var sample = Sample().Match(lines[i]);
            Assert.True(sample.Success, $"line {i + 1}: {lines[i]}");
            var name = sample.Groups[1].Value;
            var allowed = type switch
            {
                "histogram" => name == family + "_bucket" || name == family + "_sum" || name == family + "_count",
                "summary" => name == family || name == family + "_sum" || name == family + "_count",
                _ => name == family,
            };
            Assert.True(allowed, $"{name} is not of family {family}");
            var names = Label().Matches(sample.Groups[2].Value).Select(l => l.Groups[1].Value).ToList();
            Assert.Equal(names.Count, names.Distinct().Count());
            var number = sample.Groups[3].Value switch
            {
                "+Inf" => double.PositiveInfinity,
                "-Inf" => double.NegativeInfinity,
                var other => double.Parse(other, CultureInfo.InvariantCulture),
            };
            Assert.True(samples.TryAdd(name + sample.Groups[2].Value, number), $"duplicate series: {lines[i]}");
        }
        return samples;
    }

    [GeneratedRegex(@"^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\]|\\\\|\\n)+)$")]
    private static partial Regex Help();

    [GeneratedRegex("^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$")]
    private static partial Regex Type();

    private const string OneLabel = """[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\\\|\\"|\\n)*["]""";

    [GeneratedRegex(@"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{" + OneLabel + "(?:," + OneLabel + @")*\})? (NaN|[+-]Inf|-?[0-9.]+(?:E[+-][0-9]+)?)$")]
    private static partial Regex Sample();

    [GeneratedRegex("""([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\]|\\.)*" ?""")]
    private static partial Regex Label();
}
