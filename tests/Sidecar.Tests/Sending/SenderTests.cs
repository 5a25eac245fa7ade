using Cluster;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Sending;
using Sidecar.Telemetry;
using Sidecar.Tests.Scraping;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Sending;

/// <summary>
/// An exception in any step of sending costs one scrape at most, and no worker; where a worker cannot go on, all of them end.
/// </summary>
public sealed class SenderTests : IAsyncLifetime
{
    private readonly FakeTimeProvider time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));
    private readonly LogText log = new();
    private readonly Receiver receiver = new();
    private readonly ScrapeFixture fixture = new();
    private Metrics metrics = null!;
    private ScrapeQueue queue = null!;
    private PeerClient client = null!;
    private Passes passes = null!;
    private Sender sender = null!;

    public async ValueTask InitializeAsync()
    {
        await receiver.StartAsync();
        Make(concurrency: 2);
    }

    private void Make(int concurrency)
    {
        var options = new RemoteWriteOptions
        {
            Url = receiver.WriteUrl,
            Headers = [],
            Http = new HttpOptions(),
            Timeout = TimeSpan.FromSeconds(30),
            MaxSamplesPerSend = 100,
            Concurrency = concurrency,
            MinBackoff = TimeSpan.FromMilliseconds(30),
            MaxBackoff = TimeSpan.FromSeconds(5),
        };
        metrics = new Metrics(options.Url, "j", TimeSpan.FromSeconds(15), time);
        var lines = new Log(log, LogLevel.Info, LogFormat.Logfmt, time);
        client = new PeerClient(options.Http, 4, time);
        queue = new ScrapeQueue(new QueueOptions { SizeLimit = 8 << 20, AgeLimit = TimeSpan.Zero }, null, metrics, lines, time);
        var protocol = new ReceiverProtocol();
        passes = new Passes(options.MaxSamplesPerSend, protocol);
        sender = new Sender(options, protocol, client, queue, passes, metrics, new InternalErrors(metrics, lines, time), lines, time,
            default);
    }

    public async ValueTask DisposeAsync()
    {
        Release();
        fixture.Dispose();
        await receiver.DisposeAsync();
    }

    private void Release()
    {
        sender.Dispose();
        passes.Dispose();
        client.Dispose();
        queue.Dispose();
    }

    /// <summary>The pass: a body damaged in memory throws as its requests are made. Its slots and its turn are given back.</summary>
    [Fact]
    public async Task A_scrape_that_throws_as_it_is_streamed_is_tried_three_times_and_the_others_are_sent()
    {
        var text = string.Concat(Enumerable.Range(0, 2000).Select(i => $"m{i}{{x=\"{i * 7919}\"}} {i}\n"));
        queue.Add(fixture.Scrape(text, 1000));
        for (var i = 2; i <= 5; i++) // more than there are streams, slots and workers
            queue.Add(Damaged(fixture.Scrape(text, 1000 * i), ScrapeFixture.Body(text, cut: 3000)));
        queue.Add(fixture.Scrape(text + "after 1\n", 9000));
        await RunToItsEndAsync();
        Assert.Equal(3 * 4, metrics.InternalErrors[ProcessLoop.Sender]);
        Assert.Equal(4, metrics.QueueDroppedScrapes[DropReason.Damaged]);
        Assert.Contains("A scrape that cannot be sent is set aside", log.ToString());
        Assert.Contains("loop=sender", log.ToString());
        Assert.Contains($"target={fixture.Target.Url}", log.ToString());
        var last = receiver.SamplesOf($"m1999{{instance=\"h:1\",job=\"j\",x=\"{1999 * 7919}\"}}");
        Assert.Equal([1000L, 9000L], last.Select(s => s.Timestamp));
        Assert.Equal([9000L], receiver.SamplesOf("after{instance=\"h:1\",job=\"j\"}").Select(s => s.Timestamp));
    }

    /// <summary>Posting: connections that are gone for good throw what is no failure of a peer.</summary>
    [Fact]
    public async Task An_exception_in_posting_costs_scrapes_but_no_worker()
    {
        receiver.Answer = _ =>
        {
            client.Dispose(); // with connections that were in use, which are not made anew
            return new ReceiverAnswer();
        };
        for (var i = 1; i <= 4; i++)
            queue.Add(fixture.Scrape("a 1\n", 1000 * i));
        await RunToItsEndAsync();
        Assert.Equal(0, queue.Count);
        Assert.Equal(3, metrics.QueueDroppedScrapes[DropReason.Damaged]);
        Assert.Equal(9, metrics.InternalErrors[ProcessLoop.Sender]);
    }

    /// <summary>
    /// Taking and letting go: a queue that cannot be used any more. The caller ends the process, which would stand still.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_worker_that_cannot_go_on_ends_all_of_them_with_its_exception(bool inTheMiddle)
    {
        if (inTheMiddle)
        {
            Release();
            Make(concurrency: 1);
        }
        receiver.Answer = _ =>
        {
            queue.Dispose();
            return new ReceiverAnswer();
        };
        if (inTheMiddle)
            queue.Add(fixture.Scrape("a 1\n", 1000));
        else
            queue.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => RunToItsEndAsync(endQueue: false));
    }

    /// <summary>The same scrape with another body.</summary>
    private static ScrapeResult Damaged(ScrapeResult good, CompressedBody body)
    {
        var (scrape, samples) = (good.Scrape, good.Scrape.Samples);
        var damaged = new Scrape
        {
            Target = scrape.Target, Labels = scrape.Labels, Timestamp = scrape.Timestamp, Body = body, Vanished = null, Skipped = null,
            Report = scrape.Report, Samples = samples, HonorTimestamps = scrape.HonorTimestamps, IsOrdered = false,
        };
        good.Release();
        return new ScrapeResult(damaged);
    }

    /// <summary>Runs until all is sent, with the clock going on by itself.</summary>
    private async Task RunToItsEndAsync(bool endQueue = true)
    {
        if (endQueue)
            queue.End();
        var run = sender.RunAsync(TestContext.Current.CancellationToken);
        for (var i = 0; i < 3000 && !run.IsCompleted; i++)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
            time.Advance(TimeSpan.FromSeconds(1));
        }
        await run.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }
}
