using Sidecar.Telemetry;

namespace Sidecar.Hosting;

/// <summary>Runs the long tasks until a signal or the end of one, then drains in order, bounded: never half alive.</summary>
internal sealed class Lifetime(TimeSpan shutdownTimeout, ForcedExit forcedExit, Log log, TimeProvider time)
{
    /// <summary>For what is left to do when the time for sending is over, before the process is ended by force.</summary>
    private static readonly TimeSpan Aftermath = TimeSpan.FromMilliseconds(250);

    /// <summary>Sends until the queue has ended and is empty, or until cancelled.</summary>
    public required Func<CancellationToken, Task> SendAsync { get; init; }

    public required Func<CancellationToken, Task> DiscoverAsync { get; init; }

    /// <summary>Ends only when a scrape loop cannot go on.</summary>
    public required Task ScrapingEnded { get; init; }

    /// <summary>Ends the scrape loops, at the latest when cancelled.</summary>
    public required Func<CancellationToken, Task> StopScrapingAsync { get; init; }

    /// <summary>No more scrapes come: sending ends when the rest is sent.</summary>
    public required Action EndQueue { get; init; }

    public required Func<int> CountWaiting { get; init; }

    /// <summary>Gives up what is unsent, and says how many scrapes are lost and how many are kept on disk.</summary>
    public required Func<(int Lost, int Kept)> DropRest { get; init; }

    /// <summary>True where all went as asked; false where a task ended by itself or the drain failed.</summary>
    /// <param name="stop">Cancelled by a signal; cancelled here when a task ended by itself.</param>
    public async Task<bool> RunAsync(CancellationTokenSource stop)
    {
        using var abort = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        var sending = Task.Run(() => SendAsync(abort.Token), CancellationToken.None);
        var discovery = Task.Run(() => DiscoverAsync(stop.Token), CancellationToken.None);
        var signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = stop.Token.Register(signal.SetResult);

        var ended = await Task.WhenAny(signal.Task, sending, discovery, ScrapingEnded);
        var isGood = stop.IsCancellationRequested;
        if (!isGood)
        {
            forcedExit.Begin();
            log.Error($"{(ended == sending ? "Sending" : ended == discovery ? "Discovery" : "A scrape loop")} has ended by itself, a bug: "
                + "the process ends so that it is started again", ("error", ended.Exception?.GetBaseException()),
                ("remedy", "report it with this line and those before it"));
            await stop.CancelAsync();
        }

        // No more scrapes but a last one where that is asked for; what is queued is sent for as long as the bound allows.
        abort.CancelAfter(shutdownTimeout);
        var began = time.GetTimestamp();
        isGood &= await TryAsync("scraping", () => StopScrapingAsync(abort.Token));
        log.Info("Stopping: sending the queue", ("scrapes", CountWaiting()), ("at_most", shutdownTimeout));
        EndQueue();
        isGood &= await TryAsync("sending", () => sending); // which has gone on meanwhile
        var (lost, kept) = DropRest();
        if (kept > 0)
            log.Info("Stopped: unsent scrapes wait in the queue directory for the next start; an emptyDir goes with its pod",
                ("scrapes", kept));
        if (lost > 0)
            log.Error("Stopped with scrapes unsent; they are lost", ("scrapes", lost),
                ("remedy", "set SIDECAR_QUEUE_DIRECTORY, raise SIDECAR_SHUTDOWN_TIMEOUT, or find out why the receiver does not accept"));
        if (kept + lost == 0)
            log.Info("Stopped: everything was sent");
        return isGood;

        async Task<bool> TryAsync(string what, Func<Task> end)
        {
            try
            {
                var left = shutdownTimeout - time.GetElapsedTime(began);
                await end().WaitAsync((left > TimeSpan.Zero ? left : TimeSpan.Zero) + Aftermath, time);
                return true;
            }
            catch (Exception e)
            {
                log.Error("Stopping does not end as it should; the process ends all the same", ("part", what), ("error", e),
                    ("remedy", "report it with this line and those before it"));
                return false;
            }
        }
    }
}
