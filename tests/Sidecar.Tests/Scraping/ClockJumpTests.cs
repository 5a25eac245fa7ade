using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Telemetry;
using Sidecar.Tests.Http;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// The wall clock is set while targets are scraped: the schedule does not mind, since it follows the monotonic clock, and no scrape enters
/// the queue that is not newer than the one before.
/// </summary>
public sealed class ClockJumpTests : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly JumpingTime time = new();
    private readonly RawServer target = new(_ => RawServer.Answer("200 OK", "a 1\n", "Content-Type: text/plain; version=0.0.4"));
    private readonly CancellationTokenSource stop = new();
    private readonly LogText log = new();
    private readonly Metrics metrics;
    private readonly Passes passes = new(2000);
    private readonly ScrapeQueue queue;
    private readonly PeerClient client;
    private readonly LargeBodies bodies = new(1 << 20);
    private readonly BodyDownload download;
    private readonly Scraper scraper;

    public ClockJumpTests()
    {
        metrics = new Metrics(new Uri("http://receiver/"), "j", Interval, time);
        var lines = new Log(log, LogLevel.Info, LogFormat.Logfmt, time);
        var options = ScrapeFixture.Options with { Interval = Interval };
        queue = new ScrapeQueue(new QueueOptions { SizeLimit = 1 << 20, AgeLimit = TimeSpan.Zero }, null, metrics, lines, time);
        client = new PeerClient(new HttpOptions(), 1, time);
        download = new BodyDownload(
            client, options, new QueueOptions { SizeLimit = 1 << 21, AgeLimit = TimeSpan.Zero }, bodies, time);
        scraper = new Scraper(options, new ReceiverProtocol(), download, passes, new HeldBudget(HeldBudget.Usual), queue, metrics, lines,
            new InternalErrors(metrics, lines, time), time, stop.Token);
        scraper.Update([ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}")]);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await scraper.StopAsync(finalScrape: false, CancellationToken.None);
        bodies.Dispose();
        client.Dispose();
        queue.Dispose();
        passes.Dispose();
        stop.Dispose();
        await target.DisposeAsync();
    }

    [Fact]
    public async Task Forward_a_day_scrapes_go_on_at_their_pace_with_the_new_time()
    {
        var before = await TakeAsync(3);
        var began = TimeProvider.System.GetTimestamp();
        var asked = target.Requests.Count;
        time.Jump += TimeSpan.FromDays(1);
        List<long> after;
        do
        {
            after = await TakeAsync(1); // some of before may be in the queue yet
            before.AddRange(after);
        }
        while (after[0] < before[0] + TimeSpan.FromHours(12).TotalMilliseconds);
        after = await TakeAsync(8);
        // Those of the day that never was are not made up for.
        var scrapes = target.Requests.Count - asked;
        Assert.InRange(scrapes, 6, TimeProvider.System.GetElapsedTime(began) / Interval + 2);
        Increasing([.. before, .. after]);
        Assert.InRange(after[^1] - before[0], TimeSpan.FromDays(1).TotalMilliseconds, TimeSpan.FromDays(1.5).TotalMilliseconds);
    }

    [Fact]
    public async Task Back_an_hour_nothing_is_sent_until_the_clock_has_caught_up_and_that_is_said_and_counted()
    {
        var before = await TakeAsync(3);
        time.Jump -= TimeSpan.FromHours(1);
        await UntilAsync(() => metrics.SampleOutOfOrder.Value >= 3 * ReportSeries.Count);
        var asked = target.Requests.Count;
        await UntilAsync(() => metrics.SampleOutOfOrder.Value >= 6 * ReportSeries.Count); // ticks go on
        Assert.Equal(asked, target.Requests.Count);
        Assert.Contains("The clock was set back", log.ToString(), StringComparison.Ordinal);
        time.Jump += TimeSpan.FromHours(1);
        var after = await TakeAsync(5);
        Increasing([.. before, .. after]);
    }

    [Fact]
    public async Task Back_by_less_than_an_interval_costs_at_most_the_scrapes_that_would_be_out_of_order()
    {
        var all = await TakeAsync(3);
        for (var i = 0; i < 5; i++)
        {
            time.Jump -= Interval / 3;
            all.AddRange(await TakeAsync(2));
        }
        Increasing(all);
    }

    private static void Increasing(List<long> timestamps)
    {
        for (var i = 1; i < timestamps.Count; i++)
            Assert.True(timestamps[i] > timestamps[i - 1], string.Join(' ', timestamps));
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var waits = 0; !condition(); waits++)
        {
            Assert.True(waits < 6000, "not within a minute");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Timestamps of the next scrapes in the queue.</summary>
    private async Task<List<long>> TakeAsync(int count)
    {
        var timestamps = new List<long>();
        while (timestamps.Count < count)
        {
            var scrape = (await queue.TakeAsync(TestContext.Current.CancellationToken))!;
            timestamps.Add(scrape.Timestamp);
            queue.Complete(scrape);
        }
        return timestamps;
    }

    /// <summary>A real clock whose hands somebody moves; timers and the monotonic clock are as they are.</summary>
    private sealed class JumpingTime : TimeProvider
    {
        private long jump;

        public TimeSpan Jump
        {
            get => TimeSpan.FromTicks(Volatile.Read(ref jump));
            set => Volatile.Write(ref jump, value.Ticks);
        }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Jump;
    }
}
