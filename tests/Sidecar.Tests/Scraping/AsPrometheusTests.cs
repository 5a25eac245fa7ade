using System.Text;
using Sidecar.Exposition;
using Sidecar.Tests.Exposition.Wire;
using Sidecar.Tests.Requests;
using static Sidecar.Tests.Exposition.ProtobufBody;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// Odd bodies, and what the released Prometheus 3.5.3 made of them: up, scrape_samples_scraped, scrape_samples_post_metric_relabeling and
/// the samples, as its own query API told them. Where a comment says so, something else is right here.
/// </summary>
public sealed class AsPrometheusTests
{
    private const BodyFormat Om = BodyFormat.OpenMetricsText100;
    private const BodyFormat Proto = BodyFormat.PrometheusProto;

    /// <param name="Body">A char a byte.</param>
    private sealed record Case(BodyFormat Format, string Body, int Up, int Scraped, int Post, params string[] Samples);

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["NUL in a name"] = new(default, "good 1\na\0b 1\n", 0, 1, 1),
        ["NUL behind a name"] = new(default, "a\0 1\nc 2\n", 0, 0, 0),
        ["NUL in a comment"] = new(default, "# foo\0bar\na 1\n", 1, 1, 1, "a 1"),
        ["NUL in a value"] = new(default, "a{b=\"x\0y\"} 1\nc 2\n", 1, 2, 2, "a{b=\"x\0y\"} 1", "c 2"),
        ["NUL in a help text"] = new(default, "# HELP a x\0y\na 1\n", 1, 1, 1, "a 1"),
        ["NUL behind a number"] = new(default, "a 1\0\nb 2\n", 0, 0, 0),
        ["NUL as a timestamp"] = new(default, "a 1 \0\nb 2\n", 0, 0, 0),
        ["NUL in a type"] = new(default, "# TYPE a counter\0\na 1\n", 0, 0, 0),
        ["NUL before a label"] = new(default, "a{\0b=\"c\"} 1\nd 2\n", 0, 0, 0),
        ["NUL in the name of metadata"] = new(default, "# TYPE a\0b counter\nc 1\n", 0, 0, 0),
        ["OpenMetrics: NUL in a name"] = new(Om, "a\0b 1\n# EOF\n", 0, 0, 0),
        ["OpenMetrics: NUL at the start of a line"] = new(Om, "a 1\n\0\n# EOF\n", 0, 1, 1),
        ["OpenMetrics: NUL in a help text"] = new(Om, "# HELP a x\0y\na 1\n# EOF\n", 1, 1, 1, "a 1"),
        ["OpenMetrics: NUL in a value"] = new(Om, "a{b=\"x\0y\"} 1\n# EOF\n", 1, 1, 1, "a{b=\"x\0y\"} 1"),
        ["bounds that are numbers to Go, and some that are not"] = new(default, "# TYPE a histogram\n"
            + Buckets("0x10", "1_0", "0x1p4", "infinity", "-inf", "1e400", "0x1P-2", "+5", "1__0", "NaN", "+nan"), 1, 11, 11,
            "a_bucket{le=\"0x10\"} 1", "a_bucket{le=\"10.0\"} 2", "a_bucket{le=\"16.0\"} 3", "a_bucket{le=\"+Inf\"} 4",
            "a_bucket{le=\"-Inf\"} 5", "a_bucket{le=\"1e400\"} 6", "a_bucket{le=\"0.25\"} 7", "a_bucket{le=\"5.0\"} 8",
            "a_bucket{le=\"1__0\"} 9", "a_bucket{le=\"NaN\"} 10", "a_bucket{le=\"+nan\"} 11"),
        ["two bounds that are one number"] = new(default,
            "# TYPE a histogram\na_bucket{le=\"0x1p4\"} 3\na_bucket{le=\"0x_1p4\"} 4\na_bucket{le=\"0X10p0\"} 8\n",
            1, 3, 3, "a_bucket{le=\"16.0\"} 3"),
        ["a label without a name"] = new(default, "a{\"\"=\"x\"} 1\nb 2\n", 0, 1, 0),
        ["OpenMetrics: a label without a name"] = new(Om, "a{\"\"=\"x\"} 1\nb 2\n# EOF\n", 0, 1, 0),
        ["a label without a name and without a value"] = new(default, "a{\"\"=\"\"} 1\nb 2\n", 1, 2, 2, "a 1", "b 2"),
        // Counted as scraped there.
        ["an empty name"] = new(default, "{\"\"} 1\nb 2\n", 0, 0, 0),
        ["an empty name and a label"] = new(default, "{\"\",b=\"c\"} 1\nb 2\n", 0, 0, 0),
        ["OpenMetrics: an empty name"] = new(Om, "{\"\"} 1\nb 2\n# EOF\n", 0, 0, 0),
        // There it costs that sample alone; here no timestamp makes a good line of it.
        ["a label name twice, too far in the future"] =
            new(default, $"good 1\na{{b=\"1\",b=\"2\"}} 1 {long.MaxValue}\nc 2\n", 0, 2, 1),
        ["a label name twice"] = new(default, "good 1\na{b=\"1\",b=\"2\"} 1\nc 2\n", 0, 2, 1),
        ["a type that changes"] = new(default, "# TYPE a counter\na 1\n# TYPE a gauge\na 2\nb 3\n", 1, 3, 3, "a 1", "b 3"),
        ["a line that fails"] = new(default, "a 1\nb 2\nbroken\n", 0, 2, 2),
        // There the second is read as a classic one, too.
        ["classic, native, native"] = new(Proto, Histograms(Both("1", native: false), Both("2"), Both("3")), 1, 6, 6,
            "h_count{x=\"1\"} 3", "h_sum{x=\"1\"} 4.5", "h_bucket{le=\"1.0\",x=\"1\"} 1", "h_bucket{le=\"+Inf\",x=\"1\"} 3",
            "h{x=\"2\"} schema 1", "h{x=\"3\"} schema 1"),
        // There it fails.
        ["native, classic, native"] = new(Proto, Histograms(Both("1"), Both("2", native: false), Both("3")), 1, 6, 6,
            "h{x=\"1\"} schema 1", "h_count{x=\"2\"} 3", "h_sum{x=\"2\"} 4.5", "h_bucket{le=\"1.0\",x=\"2\"} 1",
            "h_bucket{le=\"+Inf\",x=\"2\"} 3", "h{x=\"3\"} schema 1"),
        ["a schema below -4"] = new(Proto, Histograms(Both("1", schema: -5)), 1, 1, 1, "h{x=\"1\"} schema -5"),
        ["the smallest schema"] = new(Proto, Histograms(Both("1", schema: -9)), 1, 1, 1, "h{x=\"1\"} schema -9"),
        // Taken by 3.5, and refused from 3.8 on.
        ["a schema below the smallest"] = new(Proto, Histograms(Both("1", schema: -10)), 0, 0, 0),
        ["a schema above 8"] = new(Proto, Histograms(Both("1", schema: 9)), 1, 1, 1, "h{x=\"1\"} schema 8"),
        ["the largest schema"] = new(Proto, Histograms(Both("1", schema: 52)), 1, 1, 1, "h{x=\"1\"} schema 8"),
        // Counted as scraped there.
        ["custom buckets without bounds"] = new(Proto, Histograms(Both("1", schema: -53)), 0, 0, 0),
        ["wrong wire type in a histogram"] = new(Proto,
            Latin1(OneGauge) + Message(0x0a, 1, 'h', 0x18, 4, 0x22, 0x0b, 0x3a, 9, 0x09, 0, 0, 0, 0, 0, 0, 8, 0x40), 0, 1, 1),
        ["wrong wire type in a summary"] =
            new(Proto, Latin1(OneGauge) + Message(0x0a, 1, 's', 0x18, 2, 0x22, 6, 0x22, 4, 0x0a, 2, 'x', 'x'), 0, 1, 1),
        // Its count and sum are not counted there.
        ["wrong wire type in a quantile"] =
            new(Proto, Latin1(OneGauge) + Message(0x0a, 1, 's', 0x18, 2, 0x22, 6, 0x22, 4, 0x1a, 2, 8, 1), 0, 3, 3),
        ["a quantile of the wrong wire type"] =
            new(Proto, Latin1(OneGauge) + Message(0x0a, 1, 's', 0x18, 2, 0x22, 4, 0x22, 2, 0x18, 1), 0, 1, 1),
        // There it fails; here nobody looks at a value that counts for nothing.
        ["wrong wire type in a value of another type"] = new(Proto,
            Message(0x0a, 1, 'g', 0x18, 1, 0x22, 17, 0x12, 9, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x22, 4, 0x0a, 2, 'x', 'x'),
            1, 1, 1, "g 1"),
    };

    private static Exposition.Wire.MetricFamily OneGauge => Family("g", MetricKind.Gauge, Exposition.ProtobufBody.Gauge(1));

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Odd_bodies_are_taken_or_refused_as_by_prometheus(string name)
    {
        var one = Cases[name];
        using var target = new ScrapeFixture();
        var scrape = target.ScrapeBody(ScrapeFixture.Body(Encoding.Latin1.GetBytes(one.Body), format: one.Format), 1000);
        var report = scrape.Scrape.Report;
        var failure = target.Outcome.Failure.Message;
        var samples = target.Requests(scrape).SelectMany(r => SentSample.Decode(r).Timeseries)
            .Select(t => $"{Series(t)} {(t.Histograms.Count > 0 ? $"schema {t.Histograms[0].Schema}" : t.Samples[0].Value)}")
            .Where(l => !l.StartsWith("up ", StringComparison.Ordinal) && !l.StartsWith("scrape_", StringComparison.Ordinal)).ToArray();
        scrape.Release();
        Assert.Equal(
            $"up {one.Up}, scraped {one.Scraped}, post {one.Post}: {string.Join(' ', one.Samples)}",
            $"up {report.Up}, scraped {report.Scraped}, post {report.PostRelabeling}: {string.Join(' ', samples)}"
            + $"{(report.Up == one.Up ? "" : failure)}");
    }

    /// <summary>Behind gzip's end: there they fail the scrape; here nothing is missing, which its checksum says.</summary>
    [Theory]
    [InlineData("garbage")]
    [InlineData("\0\0\0")]
    public void What_stands_behind_the_compressed_body_is_passed_over(string rest)
    {
        using var target = new ScrapeFixture();
        var body = ScrapeFixture.Body("a 1\nb 2\n");
        body.Append(Encoding.Latin1.GetBytes(rest));
        Assert.Equal(["a 1 @1000", "b 2 @1000", "up 1 @1000"], target.SentBody(body, 1000));
    }

    [Fact]
    public void A_second_body_behind_the_first_is_read_too()
    {
        using var target = new ScrapeFixture();
        var body = ScrapeFixture.Body("a 1\n");
        body.Append(ScrapeFixture.Body("b 2\n").ToArray());
        Assert.Equal(["a 1 @1000", "b 2 @1000", "up 1 @1000"], target.SentBody(body, 1000));
    }

    private static string Series(Requests.Wire.TimeSeries series) =>
        SentSample.Describe(series).Replace($"{{{ScrapeFixture.Labels}}}", "").Replace($"{ScrapeFixture.Labels},", "")
            .Replace($",{ScrapeFixture.Labels}", "");

    private static string Buckets(params string[] bounds) => string.Concat(bounds.Select((b, i) => $"a_bucket{{le=\"{b}\"}} {i + 1}\n"));

    private static string Histograms(params Metric[] metrics) => Latin1(Family("h", MetricKind.Histogram, metrics));

    private static Metric Both(string x, bool native = true, int schema = 1)
    {
        var histogram = new Histogram
        {
            SampleCount = 3, SampleSum = 4.5,
            Bucket =
            {
                new Bucket { UpperBound = 1, CumulativeCount = 1 },
                new Bucket { UpperBound = double.PositiveInfinity, CumulativeCount = 3 },
            },
        };
        if (native)
        {
            (histogram.Schema, histogram.ZeroThreshold) = (schema, 0.001);
            histogram.PositiveSpan.Add(new Sidecar.Tests.Exposition.Wire.BucketSpan { Offset = 0, Length = 2 });
            histogram.PositiveDelta.AddRange([1, 1]);
        }
        return Native(histogram, "x", x);
    }

    private static string Latin1(Sidecar.Tests.Exposition.Wire.MetricFamily family) => Encoding.Latin1.GetString(Of(family));

    /// <summary>A family by its bytes, with its length before it.</summary>
    private static string Message(params int[] bytes) => (char)bytes.Length + string.Concat(bytes.Select(b => (char)b));
}
