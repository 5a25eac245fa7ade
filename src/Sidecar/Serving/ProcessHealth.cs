using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>Whether all loops move; a stuck one needs a restart. <see cref="Judgement"/> tells the rest.</summary>
internal sealed class ProcessHealth(TimeProvider time)
{
    /// <summary>The listener's thread waits for nobody: if it has not run for so long, the whole process stood still.</summary>
    private static readonly TimeSpan LongestPause = HttpServer.LongestRound + TimeSpan.FromSeconds(4);

    /// <summary>A scrape that waits for less is on its way.</summary>
    private static readonly TimeSpan LeastWaiting = TimeSpan.FromMinutes(2);

    private long lookedRound = time.GetTimestamp();
    private long goingSince = time.GetTimestamp();

    public required Func<IReadOnlyList<Pulse>> Scraping { get; init; }
    public required IReadOnlyList<Pulse> Discovery { get; init; }

    /// <summary>Of sending, which may be silent while nothing waits.</summary>
    public required Pulse Sending { get; init; }

    /// <summary>When the oldest scrape that waits was made; null where none waits.</summary>
    public required Func<DateTimeOffset?> OldestWaiting { get; init; }

    /// <summary>Called often by an unblocked thread. After a pause of the process (sleep, freeze) all loops' times start anew.</summary>
    public void LookRound()
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(lookedRound, now) > LongestPause)
            Volatile.Write(ref goingSince, now);
        lookedRound = now;
    }

    /// <summary>Null when healthy; else one sentence.</summary>
    public string? WhyUnhealthy()
    {
        var since = Volatile.Read(ref goingSince);
        foreach (var pulse in Discovery)
        {
            if (pulse.Overdue(since) is { } discovery)
                return $"Discovery has not moved for {Text(discovery)}.";
        }
        if (Silence(since) is { } scraping)
            return $"No scrape loop has moved for {Text(scraping)}.";
        if (Sending.Overdue(since) is { } sending && OldestWaiting() is { } oldest && time.GetUtcNow() - oldest > LeastWaiting)
            return $"Nothing was sent or tried for {Text(sending)}, although scrapes wait.";
        return null;
    }

    /// <summary>Of the loop that moved last, where all are overdue: one target's loop that hangs is not the process.</summary>
    private TimeSpan? Silence(long since)
    {
        TimeSpan? least = null;
        foreach (var pulse in Scraping())
        {
            if (pulse.Overdue(since) is not { } silence)
                return null;
            least = least < silence ? least : silence;
        }
        return least;
    }

    private static string Text(TimeSpan silence) => DurationText.Format(TimeSpan.FromSeconds((long)silence.TotalSeconds));
}
