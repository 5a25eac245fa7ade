namespace Sidecar.Telemetry;

/// <summary>When a loop last moved and how long it may pause; the loop says so before each wait.</summary>
internal sealed class Pulse(TimeProvider time)
{
    private readonly Lock gate = new();
    private long last = time.GetTimestamp();
    private TimeSpan within = Timeout.InfiniteTimeSpan;

    /// <summary>The loop moves, and is to move again within this time; infinite where it has nothing to do.</summary>
    public void Beat(TimeSpan next)
    {
        var now = time.GetTimestamp();
        lock (gate)
            (last, within) = (now, next);
    }

    /// <summary>How long the loop has been silent, where that is longer than it may be; else null.</summary>
    /// <param name="notBefore">Timestamp of when the process was last set going: what it slept through is nobody's silence.</param>
    public TimeSpan? Overdue(long notBefore)
    {
        lock (gate)
        {
            var silent = time.GetElapsedTime(Math.Max(last, notBefore));
            return within != Timeout.InfiniteTimeSpan && silent > within ? silent : null;
        }
    }
}
