using System.IO.Compression;
using System.Text;
using Sidecar.Exposition;
using Sidecar.Primitives;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Tests.Requests;

namespace Sidecar.Tests.Scraping;

/// <summary>What is sent from scrape to scrape: all or nothing, markers, report series.</summary>
public sealed class TargetSeriesTests : IDisposable
{
    private readonly ScrapeFixture target = new();

    public void Dispose() => target.Dispose();

    [Fact]
    public void A_good_scrape_is_sent_whole_at_its_timestamp()
    {
        Assert.Equal(["a 1 @1000", "b{c=\"d\"} 2 @1000", "up 1 @1000"], target.Sent("a 1\nb{c=\"d\"} 2\n", 1000));
        AssertOutcome(scraped: 2, post: 2, added: 2);
        Assert.Equal(["a 3 @2000", "b{c=\"d\"} 4 @2000", "up 1 @2000"], target.Sent("a 3\nb{c=\"d\"} 4\n", 2000));
        AssertOutcome(scraped: 2, post: 2, added: 0);
        Assert.Equal(["a 3 @3000", "b{c=\"d\"} 4 @3000", "e 5 @3000", "up 1 @3000"], target.Sent("a 3\nb{c=\"d\"} 4\ne 5\n", 3000));
        AssertOutcome(scraped: 3, post: 3, added: 1);
    }

    [Fact]
    public void Five_report_series_have_the_labels_of_the_target_and_the_external_ones()
    {
        using var external = new ScrapeFixture(external: [("cluster", "c"), ("job", "e")]);
        var samples = external.Send(external.Scrape("a 1\na 2\nb 3\n", 1000));
        const string Labels = "{cluster=\"c\",instance=\"h:1\",job=\"j\"}";
        Assert.Equal(
            [
                $"a{Labels} 1 @1000", $"b{Labels} 3 @1000", $"up{Labels} 1 @1000", $"scrape_duration_seconds{Labels} 0.25 @1000",
                $"scrape_samples_scraped{Labels} 3 @1000", $"scrape_samples_post_metric_relabeling{Labels} 3 @1000",
                $"scrape_series_added{Labels} 2 @1000",
            ],
            samples.Select(s => s.ToString()));
    }

    [Fact]
    public void A_series_of_the_last_scrape_that_is_missing_in_this_one_gets_one_marker()
    {
        target.Sent("a 1\nb 2\nc{d=\"e\"} 3\n", 1000);
        Assert.Equal(["b 2 @2000", "a stale @2000", "c{d=\"e\"} stale @2000", "up 1 @2000"], target.Sent("b 2\n", 2000));
        Assert.Equal(2, target.Outcome.Vanished);
        Assert.Equal(["b 2 @3000", "up 1 @3000"], target.Sent("b 2\n", 3000));
        Assert.Equal(["a 1 @4000", "b 2 @4000", "up 1 @4000"], target.Sent("a 1\nb 2\n", 4000));
        Assert.Equal(1, target.Outcome.Added);
        Assert.Equal(["a stale @5000", "b stale @5000", "up 1 @5000"], target.Sent("# nothing\n", 5000));
    }

    [Fact]
    public void A_marker_has_the_very_labels_of_its_series()
    {
        const string Body = "# TYPE h histogram\nh_bucket{le=\"1\",q=\"a\\\\b\\\"c\\nd\",job=\"s\",e=\"\"} 1\n" +
            "{\"n o\",\"l.m\"=\"é\n\"} 2\na{b=\"\\t\"} 3\n";
        var sent = target.Send(target.Scrape(Body, 1000)).Select(s => s.Series).ToList();
        var markers = target.Send(target.Scrape("", 2000));
        Assert.Equal(sent.Take(3), markers.Take(3).Select(s => s.Series));
        Assert.All(markers.Take(3), s => Assert.Equal((SentSample.Stale, 2000), (s.Bits, s.Timestamp)));
    }

    [Fact]
    public void A_failed_scrape_marks_all_series_of_the_last_good_one_once()
    {
        target.Sent("a 1\nb 2\n", 1000);
        Assert.Equal(["a stale @2000", "b stale @2000", "up 0 @2000"], target.Sent(null, 2000));
        AssertOutcome(FailureReason.ConnectionRefused);
        Assert.Equal(["up 0 @3000"], target.Sent(null, 3000));
        Assert.Equal(["up 0 @4000"], target.Sent(null, 4000));
        Assert.Equal(["a 1 @5000", "b 2 @5000", "c 3 @5000", "up 1 @5000"], target.Sent("a 1\nb 2\nc 3\n", 5000));
        AssertOutcome(scraped: 3, post: 3, added: 1); // as in Prometheus, whose cache survives failures
        Assert.Equal(["c stale @6000", "up 0 @6000"], target.Sent(null, 6000).Where(l => l[0] is 'c' or 'u'));
        Assert.Equal(["a 1 @7000", "up 1 @7000"], target.Sent("a 1\n", 7000)); // b and c had their markers
        Assert.Equal(["a 1 @8000", "b 1 @8000", "up 1 @8000"], target.Sent("a 1\nb 1\n", 8000));
        AssertOutcome(scraped: 2, post: 2, added: 1);
    }

    [Fact]
    public void The_first_scrape_may_fail()
    {
        Assert.Equal(["up 0 @1000"], target.Sent(null, 1000));
        Assert.Equal(["a 1 @2000", "up 1 @2000"], target.Sent("a 1\n", 2000));
        AssertOutcome(scraped: 1, post: 1, added: 1);
    }

    [Theory]
    [InlineData("a 2\nc 3\nbroken", 2, 2)]
    [InlineData("a 2\nc 3\nb{x=\"1\",x=\"2\"} 4\nd 5\n", 3, 2)]
    [InlineData("a 2\nc 3\nb{__name__=\"\"} 4\nd 5\n", 3, 2)]
    [InlineData("a 2\nc 3\nb{x=\"open} 4\n", 2, 2)]
    public void One_scrape_is_all_or_nothing(string broken, int scraped, int post)
    {
        target.Sent("a 1\nb 2\n", 1000);
        // a, which the broken one shows before it breaks, gets its marker; c, which only that one showed, none.
        Assert.Equal(["a stale @2000", "b stale @2000", "up 0 @2000"], target.Sent(broken, 2000));
        AssertOutcome(FailureReason.Parse, scraped, post, added: 1);
        Assert.Equal(["up 0 @3000"], target.Sent(broken, 3000));
        AssertOutcome(FailureReason.Parse, scraped, post, added: 0);
        Assert.Equal(["a 1 @4000", "b 2 @4000", "up 1 @4000"], target.Sent("a 1\nb 2\n", 4000));
        Assert.Equal(["a 1 @5000", "b stale @5000", "up 1 @5000"], target.Sent("a 1\n", 5000));
    }

    [Fact]
    public void Parse_errors_of_labels_name_the_sample()
    {
        target.Sent("a 1\nb{x=\"1\",x=\"2\"} 4\n", 1000);
        Assert.Equal("sample 2, b: the label name \"x\" occurs twice", target.Outcome.Failure.Message);
    }

    [Fact]
    public void Counters_on_a_failed_scrape_are_reported_as_far_as_it_got()
    {
        var samples = target.Send(target.Scrape("a 1\na 2\nb 3\nbroken", 1000))
            .Select(s => s.ToString().Replace($"{{{ScrapeFixture.Labels}}}", ""));
        Assert.Equal(
            [
                "up 0 @1000", "scrape_duration_seconds 0.25 @1000", "scrape_samples_scraped 3 @1000",
                "scrape_samples_post_metric_relabeling 3 @1000", "scrape_series_added 2 @1000",
            ],
            samples);
    }

    [Fact]
    public void A_truncated_body_is_no_scrape_and_counts_nothing()
    {
        var body = string.Concat(Enumerable.Range(0, 50_000).Select(i => $"a{{b=\"{i * 7919 % 50_000}\"}} {i}\n"));
        target.Sent("z 1\n", 500);
        Assert.Equal(["z stale @1000", "up 0 @1000"], target.Sent(body, 1000, cut: 20));
        AssertOutcome(FailureReason.Truncated); // Prometheus parses only what it has read to the end
    }

    [Fact]
    public void A_body_over_the_limit_is_no_scrape_and_counts_nothing()
    {
        using var limited = new ScrapeFixture(bodySizeLimit: 100_000);
        Assert.Equal(["up 0 @1000"], limited.Sent(string.Concat(Enumerable.Range(0, 20_000).Select(i => $"a{i} 1\n")), 1000));
        var outcome = limited.Outcome;
        Assert.Equal((FailureReason.BodySizeLimit, 0, 0, 0),
            (outcome.Failure.Reason, outcome.Scraped, outcome.PostRelabeling, outcome.Added));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_empty_200_is_up_and_marks_all(bool withoutGzip)
    {
        target.Sent("a 1\nb 2\n", 1000);
        Assert.Equal(["a stale @2000", "b stale @2000", "up 1 @2000"], target.Sent("", 2000, cut: withoutGzip ? Gzip("").Length : 0));
        Assert.Equal(["up 1 @3000"], target.Sent("", 3000));
        Assert.Equal(["up 0 @4000"], target.Sent(null, 4000));
        Assert.Equal(["a 1 @5000", "b 2 @5000", "c 3 @5000", "up 1 @5000"], target.Sent("a 1\nb 2\nc 3\n", 5000));
        AssertOutcome(scraped: 3, post: 3, added: 1); // Prometheus keeps its cache over an empty answer
        Assert.Equal(["a 1 @6000", "b stale @6000", "c stale @6000", "up 1 @6000"], target.Sent("a 1\n", 6000));
    }

    [Fact]
    public void A_body_of_comments_is_no_empty_one()
    {
        target.Sent("a 1\n", 1000);
        Assert.Equal(["a stale @2000", "up 1 @2000"], target.Sent("# HELP a b\n", 2000));
        target.Sent("a 1\n", 3000);
        AssertOutcome(scraped: 1, post: 1, added: 1);
    }

    [Fact]
    public void Of_two_identical_series_the_first_wins_and_the_rest_are_counted()
    {
        Assert.Equal(
            ["a{b=\"1\",c=\"2\"} 1 @1000", "a 4 @1000", "up 1 @1000"],
            target.Sent("a{b=\"1\",c=\"2\"} 1\na{c=\"2\",b=\"1\"} 2\na{b=\"1\",d=\"\",c=\"2\"} 3\na 4\na{} 5\n", 1000));
        AssertOutcome(scraped: 5, post: 5, added: 2);
        Assert.Equal(3, target.Outcome.Duplicates);
        Assert.Equal(["a{b=\"1\",c=\"2\"} stale @2000", "a stale @2000", "up 1 @2000"], target.Sent("", 2000));
    }

    [Fact]
    public void A_target_that_is_gone_gets_markers_for_all_and_for_the_report_series()
    {
        target.Sent("a 1\nb 2\n", 1000);
        var samples = target.Send(target.End(2000));
        Assert.Equal(
            ["a", "b", "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
            "scrape_series_added"],
            samples.Select(s => s.Series[..s.Series.IndexOf('{')]));
        Assert.All(samples, s => Assert.Equal((SentSample.Stale, 2000), (s.Bits, s.Timestamp)));
    }

    [Fact]
    public void A_failed_target_that_is_gone_gets_markers_for_the_report_series_only()
    {
        target.Sent("a 1\n", 1000);
        target.Sent(null, 2000);
        Assert.Equal(ReportSeries.Count, target.Send(target.End(3000)).Count);
    }

    [Fact]
    public void A_target_that_fails_again_and_again_does_not_fill_the_memory()
    {
        target.Sent("a 1\n", 1000);
        for (var scrape = 0; scrape < 10; scrape++)
        {
            var lines = Enumerable.Range(0, 500).Select(i => $"a{{s=\"{scrape}-{i}\"}} 1\n");
            target.Sent(string.Concat(lines) + "broken", 2000 + scrape);
            Assert.Equal(500, target.Outcome.Added);
        }
        Assert.Equal(["a 1 @9000", "up 1 @9000"], target.Sent("a 1\n", 9000));
    }

    [Fact]
    public void Random_scrapes_are_sent_as_a_plain_model_says()
    {
        var random = new Random(7);
        var last = new List<string>();
        for (var scrape = 1; scrape <= 300; scrape++)
        {
            var timestamp = scrape * 1000L;
            var names = Enumerable.Range(0, random.Next(40)).Select(_ => $"m{random.Next(30)}").ToList();
            var kind = random.Next(10);
            var text = string.Concat(names.Select((n, i) => $"{n} {i}\n"));
            var distinct = names.Distinct().ToList();
            if (kind < 2)
            {
                var markers = last.Select(n => $"{n} stale @{timestamp}");
                Assert.Equal([.. markers, $"up 0 @{timestamp}"], target.Sent(kind == 0 ? null : text + "broken", timestamp));
                last.Clear();
                continue;
            }
            var values = distinct.Select(n => $"{n} {names.IndexOf(n)} @{timestamp}");
            var vanished = last.Except(distinct).Select(n => $"{n} stale @{timestamp}");
            Assert.Equal([.. values, .. vanished, $"up 1 @{timestamp}"], target.Sent(text, timestamp));
            last = distinct;
        }
    }

    [Fact]
    public void Bodies_are_released_when_nothing_needs_them()
    {
        using var fixture = new ScrapeFixture();
        var first = fixture.Scrape("a 1\n", 1000);
        var body = first.Scrape.Body!;
        first.Release();
        Assert.NotEqual(0, body.Length); // for the markers of the next scrape
        var second = fixture.Scrape("b 1\n", 2000);
        Assert.Equal(0, body.Length);
        var vanished = second.Scrape.Vanished!;
        fixture.Dispose();
        var secondBody = second.Scrape.Body!;
        Assert.NotEqual(0, secondBody.Length);
        second.Release();
        Assert.Equal(0, secondBody.Length);
        Assert.Equal(0, vanished.Length);
    }

    private static byte[] Gzip(string text)
    {
        var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return bytes.ToArray();
    }

    private void AssertOutcome(FailureReason reason = FailureReason.None, int scraped = 0, int post = 0, int added = 0)
    {
        var outcome = target.Outcome;
        Assert.Equal((reason, scraped, post, added), (outcome.Failure.Reason, outcome.Scraped, outcome.PostRelabeling, outcome.Added));
    }
}
