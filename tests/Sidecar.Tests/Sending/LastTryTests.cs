using Cluster;
using Microsoft.Extensions.Time.Testing;
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
/// The process is to end while deliveries wait for their next turn: each is tried at once, and only once, so that what a receiver that is
/// back can have is not lost, and one that is still away is not stormed. The clock stands still unless a test moves it.
/// </summary>
public sealed class LastTryTests : IAsyncLifetime
{
    private const int Targets = 12; // more than there are workers

    private readonly FakeTimeProvider time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));
    private readonly LogText log = new();
    private readonly Receiver receiver = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly CancellationTokenSource abort = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private int seen;

    public async ValueTask InitializeAsync() => await receiver.StartAsync();

    public ValueTask DisposeAsync() => receiver.DisposeAsync();

    [Theory]
    [InlineData(1, null)]
    [InlineData(4, null)]
    [InlineData(1, "60")]
    [InlineData(4, "60")]
    public async Task A_receiver_that_is_back_gets_all_at_once(int workers, string? retryAfter)
    {
        using var run = await StartAsync(workers, new ReceiverAnswer(503, RetryAfter: retryAfter));
        receiver.Answer = _ => new ReceiverAnswer();
        await StopAsync(run);
        await run.Sending.WaitAsync(TimeSpan.FromSeconds(60), abort.Token);
        Assert.Equal(run.Samples, receiver.Samples);
        Assert.Equal(0, run.Queue.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task One_that_is_still_away_sees_one_try_of_each_that_waits_and_then_the_usual_wait(int workers)
    {
        using var run = await StartAsync(workers, new ReceiverAnswer(503));
        await SeenAsync(workers); // the first tries
        await StopAsync(run);
        await SeenAsync(2 * workers); // those at the end
        receiver.Answer = _ =>
        {
            Interlocked.Increment(ref seen);
            return new ReceiverAnswer();
        };
        await AdvanceUntilAsync(() => run.Sending.IsCompleted);
        Assert.Equal(2 * workers + Targets, seen);
        await run.Sending;
        Assert.Equal(run.Samples, receiver.Samples);
    }

    /// <summary>Retry-After is passed over once; what is said from then on is obeyed.</summary>
    [Fact]
    public async Task Retry_after_is_passed_over_once_and_then_obeyed()
    {
        using var run = await StartAsync(1, new ReceiverAnswer(503, RetryAfter: "60"));
        await StopAsync(run);
        await SeenAsync(2);
        var second = time.GetUtcNow();
        await AdvanceUntilAsync(() => seen > 2);
        Assert.InRange((time.GetUtcNow() - second).TotalSeconds, 60, double.MaxValue);
        await abort.CancelAsync();
        await run.Sending;
    }

    /// <summary>Until the first failure is known: some delivery waits then, or is about to.</summary>
    private async Task<Run> StartAsync(int workers, ReceiverAnswer answer)
    {
        receiver.Answer = _ =>
        {
            Interlocked.Increment(ref seen);
            return answer;
        };
        var run = new Run(this, workers);
        await UntilAsync(() => run.Sender.State.Now.LastFailure is { IsNone: false });
        return run;
    }

    private async Task StopAsync(Run run)
    {
        run.Queue.End();
        await stopping.CancelAsync();
    }

    private Task SeenAsync(int requests) => UntilAsync(() => seen >= requests);

    private Task AdvanceUntilAsync(Func<bool> condition) => UntilAsync(condition, () => time.Advance(TimeSpan.FromSeconds(1)));

    private async Task UntilAsync(Func<bool> condition, Action? step = null)
    {
        var until = DateTime.UtcNow + TimeSpan.FromSeconds(60);
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < until, $"{seen} requests; {log}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
            step?.Invoke();
        }
    }

    private sealed class Run : IDisposable
    {
        private readonly PeerClient client;
        private readonly Passes passes;
        private readonly ScrapeFixture[] targets =
            [.. Enumerable.Range(1, Targets).Select(i => new ScrapeFixture(target: ScrapeFixture.MakeTarget($"h:{i}")))];

        public Run(LastTryTests test, int workers)
        {
            var options = new RemoteWriteOptions
            {
                Url = test.receiver.WriteUrl, Headers = [], Http = new HttpOptions(), Timeout = TimeSpan.FromSeconds(30),
                MaxSamplesPerSend = 100, Concurrency = workers,
                MinBackoff = TimeSpan.FromMilliseconds(30), MaxBackoff = TimeSpan.FromSeconds(5),
            };
            var metrics = new Metrics(options.Url, "j", TimeSpan.FromSeconds(15), test.time);
            var log = new Log(test.log, LogLevel.Info, LogFormat.Logfmt, test.time);
            var protocol = new ReceiverProtocol();
            client = new PeerClient(options.Http, workers, test.time);
            passes = new Passes(options.MaxSamplesPerSend, protocol);
            Queue = new ScrapeQueue(new QueueOptions { SizeLimit = 8 << 20, AgeLimit = TimeSpan.Zero }, null, metrics, log, test.time);
            Sender = new Sender(options, protocol, client, Queue, passes, metrics, new InternalErrors(metrics, log, test.time), log,
                test.time, test.stopping.Token);
            foreach (var target in targets)
            {
                var scrape = target.Scrape("a 1\n", 1000);
                Samples += scrape.Scrape.Samples;
                Queue.Add(scrape);
            }
            Sending = Sender.RunAsync(test.abort.Token);
        }

        public ScrapeQueue Queue { get; }

        public Sender Sender { get; }

        public Task Sending { get; }

        public int Samples { get; }

        public void Dispose()
        {
            Sender.Dispose();
            passes.Dispose();
            client.Dispose();
            Queue.Dispose();
            foreach (var target in targets)
                target.Dispose();
        }
    }
}
