using System.Runtime.InteropServices;
using Sidecar.Hosting;
using Sidecar.Telemetry;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Hosting;

/// <summary>The process is never half alive: a part that ends by itself ends all of it, after a drain that nothing holds up.</summary>
public sealed class LifetimeTests : IDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromMilliseconds(300);

    private readonly LogText lines = new();
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource queueEnded = new();
    private readonly TaskCompletionSource scrapingEnded = new();
    private readonly TaskCompletionSource<int> exited = new();
    private readonly List<string> steps = [];
    private readonly Log log;
    private readonly ForcedExit forcedExit;
    private Func<CancellationToken, Task> send;
    private Func<CancellationToken, Task> discover = cancellation => Task.Delay(Timeout.Infinite, cancellation);
    private Func<CancellationToken, Task> stopScraping = _ => Task.CompletedTask;

    public LifetimeTests()
    {
        log = new Log(lines, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);
        forcedExit = new ForcedExit(Bound, log, code => exited.TrySetResult(code));
        send = _ => queueEnded.Task;
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => stop.Dispose();

    /// <param name="bound">Of the drain: long where it should end by itself.</param>
    private Task<bool> RunAsync(TimeSpan? bound = null) => new Lifetime(bound ?? Bound, forcedExit, log, TimeProvider.System)
    {
        SendAsync = cancellation => send(cancellation),
        DiscoverAsync = cancellation => discover(cancellation),
        ScrapingEnded = scrapingEnded.Task,
        StopScrapingAsync = abort =>
        {
            steps.Add("scraping stopped");
            return stopScraping(abort);
        },
        EndQueue = () =>
        {
            steps.Add("queue ended");
            queueEnded.TrySetResult();
        },
        CountWaiting = () => 1,
        DropRest = () =>
        {
            steps.Add("rest dropped");
            return (0, 0);
        },
    }.RunAsync(stop).WaitAsync(TimeSpan.FromSeconds(60), Cancelled);

    [Fact]
    public async Task A_signal_drains_in_order()
    {
        var running = RunAsync(TimeSpan.FromSeconds(30));
        await Task.Delay(50, Cancelled);
        Assert.False(running.IsCompleted);
        await stop.CancelAsync();
        Assert.True(await running);
        Assert.Equal(["scraping stopped", "queue ended", "rest dropped"], steps);
        Assert.Contains("everything was sent", lines.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sending throws", "Sending has ended by itself")]
    [InlineData("sending throws later", "Sending has ended by itself")]
    [InlineData("sending ends", "Sending has ended by itself")]
    [InlineData("discovery throws", "Discovery has ended by itself")]
    [InlineData("discovery ends", "Discovery has ended by itself")]
    [InlineData("discovery is cancelled", "Discovery has ended by itself")]
    [InlineData("a scrape loop throws", "A scrape loop has ended by itself")]
    public async Task A_part_that_ends_by_itself_ends_the_process_after_the_drain(string part, string line)
    {
        var bug = new InvalidOperationException("thrown by a test");
        switch (part)
        {
            case "sending throws":
                send = _ => throw bug;
                break;
            case "sending throws later":
                send = async _ =>
                {
                    await Task.Delay(50, CancellationToken.None);
                    throw bug;
                };
                break;
            case "sending ends":
                send = _ => Task.CompletedTask;
                break;
            case "discovery throws":
                discover = _ => throw bug;
                break;
            case "discovery ends":
                discover = _ => Task.CompletedTask;
                break;
            case "discovery is cancelled":
                discover = _ => Task.FromCanceled(new CancellationToken(canceled: true));
                break;
            default:
                scrapingEnded.SetException(bug);
                break;
        }
        Assert.False(await RunAsync());
        Assert.True(stop.IsCancellationRequested); // what else runs is told
        Assert.Equal(["scraping stopped", "queue ended", "rest dropped"], steps);
        Assert.Contains(line, lines.ToString(), StringComparison.Ordinal);
        if (part.Contains("throws", StringComparison.Ordinal))
            Assert.Contains("thrown by a test", lines.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("throws")]
    [InlineData("hangs")]
    [InlineData("hangs until it is aborted")]
    public async Task Whatever_scraping_does_at_the_end_what_waits_is_sent(string how)
    {
        stopScraping = how switch
        {
            "throws" => _ => throw new InvalidOperationException("thrown by a test"),
            "hangs" => _ => Task.Delay(Timeout.Infinite, CancellationToken.None),
            _ => abort => Task.Delay(Timeout.Infinite, abort),
        };
        var running = RunAsync();
        await stop.CancelAsync();
        Assert.False(await running);
        Assert.Equal(["scraping stopped", "queue ended", "rest dropped"], steps);
        Assert.True(queueEnded.Task.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Sending_that_hangs_is_aborted_and_then_left()
    {
        var aborted = new TaskCompletionSource();
        send = async cancellation =>
        {
            await using var registration = cancellation.Register(aborted.SetResult);
            await Task.Delay(Timeout.Infinite, CancellationToken.None);
        };
        var running = RunAsync();
        await stop.CancelAsync();
        await aborted.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
        Assert.False(await running);
        Assert.Equal("rest dropped", steps[^1]);
    }

    [Theory]
    [InlineData(PosixSignal.SIGTERM)]
    [InlineData(PosixSignal.SIGINT)]
    [InlineData(PosixSignal.SIGQUIT)]
    public async Task The_second_signal_ends_the_process_at_once(PosixSignal second)
    {
        using var signals = new Signals(hasTerminal: false, stop,
            new ForcedExit(TimeSpan.FromHours(1), log, code => exited.TrySetResult(code)), log);
        signals.Handle(PosixSignal.SIGTERM);
        Assert.True(stop.IsCancellationRequested);
        Assert.False(exited.Task.IsCompleted);
        signals.Handle(second);
        Assert.Equal(1, await exited.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancelled));
        Assert.Contains("A second signal", lines.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Sighup_ends_what_a_terminal_started_and_nothing_else(bool hasTerminal, bool ends)
    {
        using var signals = new Signals(hasTerminal, stop, forcedExit, log);
        signals.Handle(PosixSignal.SIGHUP);
        signals.Handle(PosixSignal.SIGHUP);
        Assert.Equal(ends, stop.IsCancellationRequested);
        Assert.Equal(!ends, lines.ToString().Contains("no configuration to read again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_callback_that_throws_keeps_nobody_from_being_told_of_the_signal()
    {
        var told = new TaskCompletionSource();
        stop.Token.Register(told.SetResult);
        stop.Token.Register(() => throw new InvalidOperationException("thrown by a test"));
        using var signals = new Signals(hasTerminal: false, stop, forcedExit, log);
        signals.Handle(PosixSignal.SIGTERM);
        await told.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancelled);
    }

    [Fact]
    public async Task Stopping_that_takes_too_long_is_ended_by_force_even_where_the_log_hangs()
    {
        using var gate = new ManualResetEventSlim();
        var hanging = new Log(new HangingWriter(gate), LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);
        var forced = new ForcedExit(Bound, hanging, code => exited.TrySetResult(code));
        Assert.True(forced.Begin());
        Assert.False(forced.Begin());
        Assert.Equal(1, await exited.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancelled));
        gate.Set();
    }

    /// <summary>Standard error that nobody reads.</summary>
    private sealed class HangingWriter(ManualResetEventSlim gate) : StringWriter
    {
        public override void Write(string? value) => gate.Wait(Cancelled);
    }
}
