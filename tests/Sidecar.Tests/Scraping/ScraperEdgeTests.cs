using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Telemetry;
using Sidecar.Tests.Http;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Scraping;

/// <summary>An exception that nobody expects, at each step of a scrape loop: reported, and the loop goes on.</summary>
public sealed class ScraperEdgeTests : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly FaultyTime time = new();
    private readonly RawServer target = new(_ => RawServer.Answer("200 OK", "a 1\n", "Content-Type: text/plain; version=0.0.4"));
    private readonly CancellationTokenSource stop = new();
    private readonly LogText log = new();
    private readonly Metrics metrics;
    private readonly InternalErrors errors;
    private readonly Passes passes = new(2000);
    private readonly ScrapeQueue queue;
    private readonly PeerClient client;
    private readonly LargeBodies bodies = new(1 << 20);
    private readonly BodyDownload download;
    private readonly Scraper scraper;

    public ScraperEdgeTests()
    {
        metrics = new Metrics(new Uri("http://receiver/"), "j", Interval, time);
        var lines = new Log(log, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);
        errors = new InternalErrors(metrics, lines, TimeProvider.System);
        var options = ScrapeFixture.Options with { Interval = Interval };
        queue = new ScrapeQueue(new QueueOptions { SizeLimit = 1 << 20, AgeLimit = TimeSpan.Zero }, null, metrics, lines,
            TimeProvider.System);
        client = new PeerClient(new HttpOptions(), 1, TimeProvider.System);
        download = new BodyDownload(
            client, options, new QueueOptions { SizeLimit = 1 << 21, AgeLimit = TimeSpan.Zero }, bodies, time);
        scraper = new Scraper(options, new ReceiverProtocol(), download, passes, new HeldBudget(HeldBudget.Usual), queue, metrics, lines,
            errors, time, stop.Token);
    }

    private long Reported => metrics.InternalErrors[ProcessLoop.Scrape];

    public async ValueTask DisposeAsync()
    {
        time.Where = null;
        await stop.CancelAsync();
        await scraper.StopAsync(finalScrape: false, CancellationToken.None);
        bodies.Dispose();
        client.Dispose();
        queue.Dispose();
        passes.Dispose();
        stop.Dispose();
        await target.DisposeAsync();
    }

    [Theory]
    [InlineData("ScrapeSchedule+<WaitAsync>")]
    [InlineData("ScrapeLoop+<TickAsync>")]
    [InlineData("ScrapeLoop+<ScrapeAsync>")]
    [InlineData("BodyDownload+<GetAsync>")]
    [InlineData("ScrapePass.")]
    public async Task A_step_that_throws_is_reported_and_the_next_scrapes_come(string step)
    {
        scraper.Update([ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}")]);
        await UntilAsync(() => target.Requests.Count >= 2);
        var began = TimeProvider.System.GetTimestamp();
        time.Where = step;
        await UntilAsync(() => Reported > 0);
        time.Where = null;
        var thrown = time.Thrown;
        Assert.InRange(thrown, 1, 20 + 2 * (TimeProvider.System.GetElapsedTime(began) / Interval)); // no loop spins
        var scraped = target.Requests.Count;
        await UntilAsync(() => target.Requests.Count >= scraped + 2); // what began before is over
        var reported = Reported;
        await UntilAsync(() => target.Requests.Count >= scraped + 5);
        Assert.Equal(reported, Reported);
        Assert.False(scraper.Ended.IsCompleted);
        Assert.Contains("loop=scrape", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("thrown by a test", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("loop scrape met InvalidOperationException", errors.Recent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_of_a_target_is_tried_three_times_and_then_it_leaves()
    {
        scraper.Update([ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}")]);
        await UntilAsync(() => target.Requests.Count >= 2);
        time.Where = "ScrapeLoop+<EndAsync>";
        passes.Dispose(); // no pass can be made any more
        scraper.Update([]);
        await UntilAsync(() => scraper.Loops.IsEmpty);
        await UntilAsync(() => Reported >= 3);
    }

    [Fact]
    public async Task A_target_that_cannot_be_begun_delays_no_other_and_is_left_out_after_three_tries()
    {
        var good = ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}");
        var bad = new Target(new Uri("http://127.0.0.1:1/metrics"), [], [], interval: TimeSpan.Zero); // its schedule divides by zero
        for (var tries = 0; tries < 3; tries++)
            Assert.Throws<DivideByZeroException>(() => scraper.Update([bad, good]));
        scraper.Update([bad, good]);
        Assert.Equal(good, Assert.Single(scraper.Loops).Target);
        await UntilAsync(() => target.Requests.Count >= 2);
        Assert.Contains("A target cannot be scraped", log.ToString(), StringComparison.Ordinal);
        scraper.Update([good]);
        Assert.Throws<DivideByZeroException>(() => scraper.Update([bad, good])); // discovery names it anew
    }

    [Fact]
    public async Task Stopping_never_throws_and_does_not_wait_for_what_hangs()
    {
        scraper.Update([ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}")]);
        await UntilAsync(() => target.Requests.Count >= 2);
        await stop.CancelAsync();
        time.Where = "ScrapeLoop+<ScrapeAsync>"; // so that the last scrape fails
        await scraper.StopAsync(finalScrape: true, CancellationToken.None);
        Assert.InRange(Reported, 1, 2); // and the one that was under way, if one was
    }

    /// <summary>What will not be sent soon is not encoded in vain: its requests go when it is in its file alone.</summary>
    [Fact]
    public async Task Only_a_scrape_that_waits_for_no_other_has_its_requests_made_on_the_way()
    {
        scraper.Update([ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}")]);
        await UntilAsync(() => queue.Count >= 3);
        for (var i = 0; i < 3; i++)
        {
            var entry = (await queue.TakeAsync(TestContext.Current.CancellationToken))!;
            Assert.Equal(i == 0, entry.Held is { IsComplete: true, Requests.Count: > 0 });
            Assert.Equal(i == 0, entry.Held is not { Requests.Count: 0 });
            queue.Complete(entry);
        }
    }

    /// <summary>While a full queue of others is sent, slowly: the target is left out, but now and then it is scraped.</summary>
    [Fact]
    public async Task A_target_that_a_full_queue_leaves_out_is_scraped_all_the_same_after_a_while()
    {
        for (var i = 0; i < 300; i++)
            queue.Add(Filler(i));
        var sent = 300;
        scraper.Update([ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}")]);
        await UntilAsync(() => SendOne() && log.ToString().Contains("is not scraped this time", StringComparison.Ordinal));
        var scraped = target.Requests.Count;
        await UntilAsync(() => SendOne() && target.Requests.Count >= scraped + 2);

        bool SendOne()
        {
            queue.Complete(queue.TakeAsync(TestContext.Current.CancellationToken).GetAwaiter().GetResult()!);
            queue.Add(Filler(sent++));
            queue.Add(Filler(sent++));
            return true;
        }

        static ScrapeResult Filler(int at)
        {
            var body = new CompressedBody();
            body.Append(new byte[100]);
            return new ScrapeResult(new Scrape
            {
                Target = ScrapeFixture.MakeTarget($"filler{at}"), Labels = new TargetLabels([], [], false), Timestamp = at, Body = body,
                Vanished = null, Skipped = null, Report = default, Samples = 1, HonorTimestamps = true, IsOrdered = false,
            });
        }
    }

    private static async Task UntilAsync(Func<bool> condition,
        [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(condition))] string what = "")
    {
        for (var waits = 0; !condition(); waits++)
        {
            Assert.True(waits < 3000, $"not within half a minute: {what}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }
}
