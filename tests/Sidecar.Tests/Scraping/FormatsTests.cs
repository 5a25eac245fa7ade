using Sidecar.Exposition;
using Sidecar.Primitives;
using Sidecar.Tests.Exposition;
using Sidecar.Tests.Requests;
using static Sidecar.Tests.Exposition.ProtobufBody;
using Sidecar.Tests.Exposition.Wire;

namespace Sidecar.Tests.Scraping;

/// <summary>Scrapes of one target in changing formats.</summary>
public sealed class FormatsTests : IDisposable
{
    private const BodyFormat OpenMetrics = BodyFormat.OpenMetricsText100;

    private readonly ScrapeFixture target = new();

    public void Dispose() => target.Dispose();

    [Fact]
    public void The_same_series_are_the_same_in_every_format()
    {
        Assert.Equal(["a{b=\"c\"} 1 @1000", "h_bucket{le=\"1.0\"} 2 @1000", "up 1 @1000"],
            target.Sent("a{b=\"c\"} 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\n", 1000));
        Assert.Equal(["a{b=\"c\"} 3 @2000", "h_bucket{le=\"1.0\"} 4 @2000", "up 1 @2000"],
            target.Sent("a{b=\"c\"} 3\n# TYPE h histogram\nh_bucket{le=\"1\"} 4\n# EOF\n", 2000, format: OpenMetrics));
        Assert.Equal(0, target.Outcome.Added);
        var body = Of(Family("a", MetricKind.Gauge, Gauge(5, "b", "c")), Family("h", MetricKind.Histogram, Classic(9, 1, [(1, 6)])));
        Assert.Equal(
            ["a{b=\"c\"} 5 @3000", "h_count 9 @3000", "h_sum 1 @3000", "h_bucket{le=\"1.0\"} 6 @3000", "h_bucket{le=\"+Inf\"} 9 @3000",
            "up 1 @3000"],
            target.SentBody(ScrapeFixture.Body(body, format: BodyFormat.PrometheusProto), 3000));
        Assert.Equal(3, target.Outcome.Added);
        Assert.Equal(["h_count stale @4000", "h_sum stale @4000", "h_bucket{le=\"+Inf\"} stale @4000"],
            target.Sent("a{b=\"c\"} 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\n", 4000).Where(l => l.Contains("stale")));
    }

    [Fact]
    public void Half_an_open_metrics_body_is_no_scrape()
    {
        target.Sent("a 1\n# EOF\n", 1000, format: OpenMetrics);
        Assert.Equal(["a stale @2000", "up 0 @2000"], target.Sent("a 1\n", 2000, format: OpenMetrics));
        Assert.Equal((FailureReason.Parse, 1), (target.Outcome.Failure.Reason, target.Outcome.Scraped));
        Assert.Contains("does not end with # EOF", target.Outcome.Failure.Message);
    }

    [Fact]
    public void An_empty_answer_is_up_in_every_format()
    {
        target.Sent("a 1\n# EOF\n", 1000, format: OpenMetrics);
        Assert.Equal(["a stale @2000", "up 1 @2000"], target.Sent("", 2000, format: OpenMetrics));
        Assert.Equal(["up 1 @3000"], target.Sent("", 3000, format: BodyFormat.PrometheusProto));
    }

    [Fact]
    public void Markers_have_the_very_labels_of_their_series_whatever_their_names()
    {
        string[] names = ["a", "a.b", "1", "a b", "a\"b", "a\\b", "a\nb", "ü", "{", "}", ",", "=", "#", "# EOF", "le", "\0", "\t"];
        var metrics = names.Select(name => Gauge(1, name, $"value {name}", "second", name)).ToArray();
        var families = names.Select(name => Family(name, MetricKind.Gauge, metrics)).ToArray();
        var sent = target.Send(target.ScrapeBody(ScrapeFixture.Body(Of(families), format: BodyFormat.PrometheusProto), 1000));
        Assert.Equal((names.Length * names.Length) + 5, sent.Count);
        var markers = target.Send(target.Scrape(null, 2000));
        Assert.Equal(sent.Select(s => s.Series), markers.Select(s => s.Series));
        Assert.All(markers[..^5], m => Assert.Equal(SentSample.Stale, m.Bits));
    }

    [Fact]
    public void Timestamps_of_open_metrics_are_seconds()
    {
        Assert.Equal(["a 1 @1500", "up 1 @2000"], target.Sent("a 1 1.5\n# EOF\n", 2000, format: OpenMetrics));
    }

    [Fact]
    public void Created_lines_are_series()
    {
        Assert.Equal(["a_total 1 @1000", "a_created 1520430000 @1000", "up 1 @1000"],
            target.Sent("# TYPE a counter\na_total 1\na_created 1520430000\n# EOF\n", 1000, format: OpenMetrics));
    }
}
