using System.Text;
using Sidecar.Exposition;
using static Sidecar.Tests.Exposition.ProtobufBody;
using MetricFamily = Sidecar.Exposition.MetricFamily;
using Sidecar.Tests.Exposition.Wire;

namespace Sidecar.Tests.Exposition;

/// <summary>Which metadata a sample gets, as Prometheus attaches it (isSeriesPartOfFamily of scrape/scrape.go).</summary>
public sealed class MetricFamilyTests
{
    private const BodyFormat Text = BodyFormat.PrometheusText004;
    private const BodyFormat OpenMetrics = BodyFormat.OpenMetricsText100;

    public static TheoryData<string, string> Bodies => new()
    {
        { "a 1\n", "a:a Unknown" },
        { "# TYPE a counter\na 1\n", "a:a Counter" },
        { "# HELP a some text\n# TYPE a counter\na 1\n", "a:a Counter 'some text'" },
        { "# TYPE a counter\n# HELP a some text\na 1\n", "a:a Counter 'some text'" },
        { "# HELP a some text\na 1\n", "a:a Unknown 'some text'" },
        { "# HELP a x\\ny\\\\z\\\"\\t\na 1\n", "a:a Unknown 'x\ny\\z\\\"\\t'" },
        { "# HELP a\na 1\n", "a:a Unknown" },
        { "# TYPE a gauge\n# HELP b text\na 1\nb 2\n", "a:a Unknown|b:b Unknown 'text'" }, // lines of one metric stand together
        { "# TYPE a counter\na_total 1\n", "a_total:a Counter" },
        { "# TYPE a_total counter\na_total 1\na 2\n", "a_total:a_total Counter|a:a Unknown" },
        { "# TYPE a gauge\na_total 1\n", "a_total:a_total Unknown" },
        { "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 2\na_count 3\na 4\n",
        "a_bucket:a Histogram|a_sum:a Histogram|a_count:a Histogram|a:a Histogram" },
        { "# TYPE a summary\na{quantile=\"1\"} 1\na_sum 2\na_count 3\na_bucket 4\n",
        "a:a Summary|a_sum:a Summary|a_count:a Summary|a_bucket:a_bucket Unknown" },
        { "# TYPE a histogram\na_count 1\nab_count 2\n", "a_count:a Histogram|ab_count:ab_count Unknown" },
        { "# TYPE a histogram\nb 1\na_sum 2\nb 3\n", "b:b Unknown|a_sum:a Histogram|b:b Unknown" },
        { "# TYPE a gauge\na 1\n# TYPE b counter\nb 2\n", "a:a Gauge|b:b Counter" },
        { "# HELP a one\na 1\n# HELP a two\na 2\n", "a:a Unknown 'one'|a:a Unknown 'two'" },
        { "# TYPE \"a b\" gauge\n{\"a b\"} 1\n", "a b:a b Gauge" },
        { "# HELP \"a\\\"b\" text\n{\"a\\\"b\"} 1\n", "a\"b:a\"b Unknown 'text'" },
        { "a{b=\"c\"} 1\na{b=\"d\"} 2\n", "a:a Unknown|a:a Unknown" },
        { "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds text\na_seconds_total 1\n# EOF\n",
            "a_seconds_total:a_seconds Counter 'text' [seconds]" },
        { "# HELP a x\\ny\\\\z\\\"\\t\na 1\n# EOF\n", "a:a Unknown 'x\ny\\z\"\\t'" },
        { "# TYPE a counter\na_total{x=\"1\"} 1\na_created{x=\"1\"} 5\na_total{x=\"2\"} 1\na_created{x=\"2\"} 5\n# EOF\n",
            "a_total:a Counter|a_created:a_created Unknown|a_total:a Counter|a_created:a_created Unknown" },
        { "# TYPE a gaugehistogram\na_bucket{le=\"1\"} 1\na_gsum 2\na_gcount 3\na_count 4\n# EOF\n",
            "a_bucket:a GaugeHistogram|a_gsum:a GaugeHistogram|a_gcount:a GaugeHistogram|a_count:a_count Unknown" },
        { "# TYPE a info\na_info{x=\"1\"} 1\n# TYPE b stateset\nb{b=\"x\"} 1\n# EOF\n", "a_info:a Info|b:b StateSet" },
        { "# TYPE a unknown\na 1\n# EOF\n", "a:a Unknown" },
    };

    [Theory, MemberData(nameof(Bodies))]
    public void A_sample_gets_the_metadata_of_its_metric(string body, string expected)
    {
        var format = body.EndsWith("# EOF\n", StringComparison.Ordinal) ? OpenMetrics : Text;
        var bytes = Encoding.UTF8.GetBytes(body);
        Assert.Equal(expected, string.Join('|', Read(bytes, format, int.MaxValue).Select(f => f.Text)));
        Assert.Equal(expected, string.Join('|', Read(bytes, format, 1).Select(f => f.Text)));
    }

    [Fact]
    public void Protobuf_says_it_with_each_family()
    {
        var body = Of(
            new() { Name = "a_seconds", Help = "some\\n \"text\"", Unit = "seconds", Type = MetricKind.Histogram,
            Metric = { Classic(1, 1, []), Native(NativeHistogram()) } },
            Family("b", MetricKind.GaugeHistogram, Classic(1, 1, [])), Family("c", MetricKind.Untyped, Untyped(1)));
        var families = Read(body, BodyFormat.PrometheusProto, 1);
        Assert.All(families[..4], f => Assert.EndsWith(":a_seconds Histogram 'some\\n \"text\"' [seconds]", f.Text));
        Assert.All(families[4..7], f => Assert.EndsWith(":b GaugeHistogram", f.Text));
        Assert.Equal("c:c Unknown", families[^1].Text);
        Assert.Equal(3, families.Select(f => f.Ordinal).Distinct().Count());
    }

    [Fact]
    public void Ordinals_tell_metrics_apart_and_stay_while_one_lasts()
    {
        const string Body = "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 2\nb 1\nb 2\na_count 3\nb 4\nc 5\n# TYPE d gauge\nd 6\n";
        var ordinals = Read(Encoding.UTF8.GetBytes(Body), Text, int.MaxValue).Select(f => f.Ordinal).ToArray();
        Assert.Equal(ordinals[0], ordinals[1]);
        Assert.Equal(ordinals[0], ordinals[4]);
        Assert.Equal(ordinals[2], ordinals[3]);
        Assert.Equal(ordinals[2], ordinals[5]);
        Assert.Equal(4, ordinals.Distinct().Count());
    }

    [Fact]
    public void Metadata_changes_part_by_part()
    {
        var family = new MetricFamily();
        family.Begin("name"u8);
        family.SetUnit("seconds"u8);
        family.SetHelp(Encoding.UTF8.GetBytes(new string('x', 2000)));
        family.SetHelp("help"u8);
        family.SetUnit("s"u8);
        Assert.Equal(("name", "help", "s"), (Utf8(family.Name), Utf8(family.Help), Utf8(family.Unit)));
    }

    private static List<(string Text, int Ordinal)> Read(byte[] body, BodyFormat format, int chunk)
    {
        using var reader = new SampleReader();
        reader.Open(ParsedText.Chunked(ParsedText.Gzip(body), chunk), 0, format);
        var families = new List<(string, int)>();
        while (reader.Read())
        {
            var family = reader.Sample.Family;
            var help = family.Help.IsEmpty ? "" : $" '{Utf8(family.Help)}'";
            var unit = family.Unit.IsEmpty ? "" : $" [{Utf8(family.Unit)}]";
            families.Add(($"{Utf8(reader.Sample.Name)}:{Utf8(family.Name)} {family.Type}{help}{unit}", family.Ordinal));
        }
        Assert.Equal("", reader.ErrorMessage);
        return families;
    }

    private static string Utf8(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text);
}
