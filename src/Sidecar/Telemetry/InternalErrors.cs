using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>The loops that live as long as the process.</summary>
internal enum ProcessLoop
{
    /// <summary>Works through bodies: parses, relabels, encodes.</summary>
    Passes,
    /// <summary>Scrapes one target at its times.</summary>
    Scrape,
    /// <summary>Lists the endpoints.</summary>
    Discovery,
    /// <summary>Watches the endpoints or the Services between lists.</summary>
    Watch,
    /// <summary>Gets the lease and keeps it.</summary>
    Lease,
    /// <summary>Takes scrapes from the queue and posts them.</summary>
    Sender,
    /// <summary>Reads and writes the queue directory.</summary>
    Disk,
    Listener,
    /// <summary>Records what the page plots.</summary>
    History,
    /// <summary>Gives unused memory back.</summary>
    Tidying,
}

/// <summary>
/// Reports unexpected exceptions of loops: logged with stack, counted, and shown on the page and <c>/-/ready</c> for a while. Safe from any
/// thread; never throws.
/// </summary>
internal sealed class InternalErrors(Metrics metrics, Log log, TimeProvider time)
{
    /// <summary>How long an error is shown after it happened.</summary>
    public static readonly TimeSpan Shown = TimeSpan.FromMinutes(15);

    private readonly Lock gate = new();
    private (ProcessLoop Loop, string Message, DateTimeOffset At)? last;

    /// <summary>One sentence on the newest error of the last quarter of an hour; null for none.</summary>
    public string? Recent
    {
        get
        {
            lock (gate)
            {
                return last is { } error && time.GetUtcNow() - error.At < Shown
                    ? $"a bug in the sidecar: loop {Word.Of(error.Loop)} met {error.Message} at {error.At.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}; the log has the stack"
                    : null;
            }
        }
    }

    /// <summary>An exception reached the edge of a loop, which goes on with its next item.</summary>
    /// <param name="fields">What provoked it.</param>
    public void Report(ProcessLoop loop, Exception exception, params ReadOnlySpan<(string Key, object? Value)> fields)
    {
        var kind = exception.GetType().Name;
        try
        {
            lock (gate)
                last = (loop, kind, time.GetUtcNow());
            // Told apart by kind and message: the same one again is counted, another one is logged at once.
            log.Recurring(LogLevel.Error, $"internal {Word.Of(loop)} {kind} {exception.Message}",
                "A bug in the sidecar; please report it with this line",
                [("loop", Word.Of(loop)), .. fields, ("error", exception.ToString()),
                    ("remedy", "report it; the loop goes on by itself")]);
        }
        catch (Exception)
        {
            // Where even the clock or the memory for a line fails, the count has to do: the edge of a loop must hold.
        }
        finally
        {
            metrics.InternalErrors.Increment(loop); // last: who sees it counted finds the line
        }
    }
}
