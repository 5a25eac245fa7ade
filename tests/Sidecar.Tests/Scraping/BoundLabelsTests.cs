using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Scraping;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Exposition;
using Sidecar.Tests.Http;
using Sidecar.Tests.Queueing;
using static Sidecar.Tests.Exposition.ProtobufBody;
using Sidecar.Tests.Exposition.Wire;

namespace Sidecar.Tests.Scraping;

/// <summary>SIDECAR_BUCKET_LABELS: <c>le</c> and <c>quantile</c> as Prometheus 3 stores them, or as the target writes them.</summary>
public sealed class BoundLabelsTests
{
    private const string Text =
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1e6\"} 2\n# TYPE s summary\ns{quantile=\"0.50\"} 3\n# TYPE g gauge\ng{le=\"1\"} 4\n";

    private static readonly string[] AsScraped =
        ["h_bucket{le=\"1\"} 1", "h_bucket{le=\"1e6\"} 2", "s{quantile=\"0.50\"} 3", "g{le=\"1\"} 4"];
    private static readonly string[] Normalized =
        ["h_bucket{le=\"1.0\"} 1", "h_bucket{le=\"1e+06\"} 2", "s{quantile=\"0.5\"} 3", "g{le=\"1\"} 4"];

    [Theory]
    [InlineData(BodyFormat.PrometheusText004)]
    [InlineData(BodyFormat.PrometheusText100)]
    [InlineData(BodyFormat.OpenMetricsText001)]
    [InlineData(BodyFormat.OpenMetricsText100)]
    public void Text_stays_as_it_stands_or_becomes_canonical(object format)
    {
        var text = (BodyFormat)format >= BodyFormat.OpenMetricsText001 ? Text + "# EOF\n" : Text;
        Assert.Equal(AsScraped, Sent(BodyReading.BoundsAsScraped));
        Assert.Equal(Normalized, Sent(BodyReading.Usual));

        string[] Sent(BodyReading reading)
        {
            using var target = new ScrapeFixture();
            var body = ScrapeFixture.Body(text, format: (BodyFormat)format);
            body.Reading = reading;
            return [.. target.SentBody(body, 1000).Where(l => !l.StartsWith("up ")).Select(l => l.Replace(" @1000", ""))];
        }
    }

    /// <summary>There the bounds are numbers: they come out as the same target writes them in its text format.</summary>
    [Fact]
    public void Numbers_of_protobuf_are_written_as_the_text_format_has_them()
    {
        var body = ScrapeFixture.Body(
            Of(Family("h", MetricKind.Histogram, Classic(9, 1, [(0.005, 1), (1, 6), (30, 7), (1e6, 8)])),
                Family("s", MetricKind.Summary, Summary(1, 2, [(0, 3), (0.5, 4), (1, 5)]))),
            format: BodyFormat.PrometheusProto);
        body.Reading = BodyReading.BoundsAsScraped;
        using var target = new ScrapeFixture();
        var sent = string.Join(' ', target.SentBody(body, 1000));
        foreach (var bound in (string[])["le=\"0.005\"", "le=\"1\"", "le=\"30\"", "le=\"1e+06\"", "le=\"+Inf\"", "quantile=\"0\"",
            "quantile=\"0.5\"", "quantile=\"1\""])
            Assert.Contains(bound, sent);
    }

    /// <summary>
    /// What waits is sent as it was scraped, and its series end when others take their place: nothing is left without a marker.
    /// </summary>
    [Fact]
    public async Task Another_setting_after_a_restart_ends_the_series_of_before()
    {
        using var queue = new QueueFixture();
        using (var before = new ScrapeFixture())
            await queue.AddAsync(before.Scrape("# TYPE h histogram\nh_bucket{le=\"1\"} 1\n", 1000));
        queue.Restart();
        using var after = new ScrapeFixture();
        var last = await queue.Queue.RecallAsync(after.Target, TestContext.Current.CancellationToken);
        after.Recall(last!);
        last!.Release();
        Assert.Equal(["h_bucket{le=\"1.0\"} 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(await queue.SendNextAsync()));

        var body = ScrapeFixture.Body("# TYPE h histogram\nh_bucket{le=\"1\"} 1\n");
        body.Reading = BodyReading.BoundsAsScraped;
        var scrape = after.ScrapeBody(body, 2000);
        await queue.AddAsync(scrape);
        queue.Restart();
        Assert.Equal(["h_bucket{le=\"1\"} 1 @2000", "h_bucket{le=\"1.0\"} stale @2000", "up 1 @2000"],
            ScrapeFixture.Lines(await queue.SendNextAsync()));
    }

    [Theory]
    [InlineData(null, BodyReading.Usual)]
    [InlineData("normalized", BodyReading.Usual)]
    [InlineData("as_scraped", BodyReading.BoundsAsScraped)]
    public async Task The_variable_says_how_what_comes_is_read(string? value, object reading)
    {
        var options = Given.Good(Given.StaticTarget(("SIDECAR_BUCKET_LABELS", value))).Scrape;
        await using var server = new RawServer(_ => RawServer.Answer("200 OK", "a 1\n", "Content-Type: text/plain"));
        using var client = new PeerClient(new HttpOptions(), 1, TimeProvider.System);
        var queue = new QueueOptions { SizeLimit = 1 << 21, AgeLimit = TimeSpan.Zero };
        using var bodies = new LargeBodies(queue.BodyLimit);
        var download = new BodyDownload(client, options, queue, bodies, TimeProvider.System);
        using var turn = download.BeginBody();
        var (body, _) = await download.GetAsync(new(server.Url, [], []), turn, TestContext.Current.CancellationToken);
        Assert.Equal((BodyReading)reading, body!.Reading);
        body.Release();
    }
}
