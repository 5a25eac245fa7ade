using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Serving;
using Sidecar.Telemetry;
using Sidecar.Tests.Http;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// Where processors are scarce, the slices of a pass come late, and the whole pass takes longer than a tick may: the process is healthy as
/// long as they come. One that comes to no end is a hang.
/// </summary>
public sealed class SlowPassTests : IAsyncDisposable
{
    private const int Series = 100_000; // more windows than the pass is given slices here

    /// <summary>Less than a tick may take, which is 45 s here; twice of it is more.</summary>
    private static readonly TimeSpan BetweenSlices = TimeSpan.FromSeconds(40);

    private readonly SliceTime time = new();
    private readonly Passes passes = new(2000, time: new EndlessSteps(), threads: 1);
    private readonly RawServer target;
    private readonly CancellationTokenSource stop = new();
    private readonly ScrapeQueue queue;
    private readonly PeerClient client = new(new HttpOptions(), 1, TimeProvider.System);
    private readonly LargeBodies bodies = new(16 << 20);
    private readonly Scraper scraper;
    private readonly ProcessHealth health;

    public SlowPassTests()
    {
        var text = new StringBuilder();
        for (var i = 0; i < Series; i++)
            text.Append("m{x=\"").Append(i).Append("\"} 1\n");
        var body = RawServer.Answer("200 OK", text.ToString(), "Content-Type: text/plain; version=0.0.4");
        target = new RawServer(_ => body);
        var metrics = new Metrics(new Uri("http://receiver/"), "j", ScrapeFixture.Options.Interval, time);
        var log = new Log(TextWriter.Null, LogLevel.Info, LogFormat.Logfmt, time);
        var options = new QueueOptions { SizeLimit = 16 << 20, AgeLimit = TimeSpan.Zero };
        queue = new ScrapeQueue(options, null, metrics, log, time);
        scraper = new Scraper(ScrapeFixture.Options, new ReceiverProtocol(),
            new BodyDownload(client, ScrapeFixture.Options, options, bodies, time), passes, new HeldBudget(HeldBudget.Usual), queue,
            metrics, log, new InternalErrors(metrics, log, time), time, stop.Token);
        health = new ProcessHealth(time)
        {
            Scraping = () => [.. scraper.Loops.Select(l => l.Pulse)], Discovery = [], Sending = new Pulse(time), OldestWaiting = () => null,
        };
    }

    public async ValueTask DisposeAsync()
    {
        time.GoOn();
        await stop.CancelAsync();
        await scraper.StopAsync(finalScrape: false, CancellationToken.None);
        queue.Dispose();
        passes.Dispose();
        bodies.Dispose();
        client.Dispose();
        stop.Dispose();
        await target.DisposeAsync();
        time.Dispose();
    }

    [Fact]
    public async Task A_pass_whose_slices_come_late_is_no_hang()
    {
        var words = new List<string?>();
        var others = OthersAsync(slices: 5, () =>
        {
            time.Advance(BetweenSlices);
            words.Add(health.WhyUnhealthy());
        });
        scraper.Update([ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}")]);
        await others.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.All(words, Assert.Null);
        await UntilAsync(() => queue.Count == 1);
    }

    [Fact]
    public async Task A_slice_that_never_ends_is_a_hang()
    {
        _ = OthersAsync(slices: 1, time.Hang);
        scraper.Update([ScrapeFixture.MakeTarget($"127.0.0.1:{target.Port}")]);
        await UntilAsync(() => time.IsHanging);
        time.Advance(BetweenSlices);
        Assert.Null(health.WhyUnhealthy());
        time.Advance(BetweenSlices);
        Assert.Equal("No scrape loop has moved for 1m20s.", health.WhyUnhealthy());
    }

    /// <summary>
    /// Other passes, of which one waits at each time, so that each slice of the scrape's pass is one window long; they do something between
    /// its slices.
    /// </summary>
    private Task OthersAsync(int slices, Action between)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Add();
        return done.Task;

        void Add() => _ = passes.RunAsync(_ =>
        {
            if (!time.HasBegun)
                Thread.Sleep(1); // the body is on the way
            else if (slices-- > 0)
                between();
            else
                return done.TrySetResult();
            Add();
            return true;
        });
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var waits = 0; !condition(); waits++)
        {
            Assert.True(waits < 6000, "not within a minute");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>A slice of a pass looks at the clock when it begins, and can be held up there.</summary>
    private sealed class SliceTime : FakeTimeProvider, IDisposable
    {
        private readonly ManualResetEventSlim goesOn = new(true);
        private volatile bool hasBegun;
        private volatile bool isHanging;

        public bool HasBegun => hasBegun;

        public bool IsHanging => isHanging;

        public void Hang() => goesOn.Reset();

        public void GoOn() => goesOn.Set();

        public void Dispose() => goesOn.Dispose();

        public override long GetTimestamp()
        {
            if (Thread.CurrentThread.Name == "passes")
            {
                hasBegun = true;
                isHanging = !goesOn.IsSet;
                goesOn.Wait(TimeSpan.FromMinutes(2));
            }
            return base.GetTimestamp();
        }
    }

    /// <summary>A second goes by from each look to the next: every slice is over at its first window.</summary>
    private sealed class EndlessSteps : TimeProvider
    {
        private long now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Add(ref now, TimeSpan.TicksPerSecond);
    }
}
