namespace Sidecar.Sending;

/// <summary>Retry waits: doubling from minimum to maximum with jitter, and never before the receiver's Retry-After.</summary>
internal sealed class RetrySchedule(TimeSpan min, TimeSpan max, TimeProvider time)
{
    /// <summary>
    /// A receiver's Retry-After is obeyed up to here, or to the longest backoff where that is more. Overload is over in less, or is said
    /// again; an hour, or a mistaken date, would keep what waits from a receiver that has long been well.
    /// </summary>
    public static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(1);

    private readonly TimeSpan longestRetryAfter = max > LongestRetryAfter ? max : LongestRetryAfter;
    private long notBefore = long.MinValue; // time.GetTimestamp()
    private long notBeforeAtEnd = long.MinValue;
    private volatile bool isPassedOver;

    /// <summary>The wait before retry <paramref name="attempt"/> (first retry: 1; the first attempt waits only for Retry-After).</summary>
    public TimeSpan Wait(int attempt)
    {
        var wait = TimeSpan.Zero;
        if (attempt > 0)
        {
            // As numbers: a TimeSpan would overflow before it is compared.
            var backoff = TimeSpan.FromSeconds(Math.Min(min.TotalSeconds * Math.Pow(2, Math.Min(attempt - 1, 30)), max.TotalSeconds));
            // Half to all of it, so that requests that failed together do not come back together.
            wait = backoff * (0.5 + Random.Shared.NextDouble() / 2);
        }
        var asked = Volatile.Read(ref isPassedOver ? ref notBeforeAtEnd : ref notBefore);
        var now = time.GetTimestamp();
        var left = asked > now ? time.GetElapsedTime(now, asked) : TimeSpan.Zero;
        return wait > left ? wait : left;
    }

    /// <summary>The receiver said when to come back, in seconds or as a date: it holds for all requests.</summary>
    /// <param name="isAtEnd">It answers an attempt that began when the process was to end already.</param>
    /// <returns>The wait that it is obeyed for.</returns>
    public TimeSpan Obey(TimeSpan retryAfter, bool isAtEnd = false)
    {
        if (retryAfter <= TimeSpan.Zero)
            return TimeSpan.Zero;
        var wait = retryAfter < longestRetryAfter ? retryAfter : longestRetryAfter;
        var until = time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);
        Volatile.Write(ref isAtEnd ? ref notBeforeAtEnd : ref notBefore, until);
        return wait;
    }

    /// <summary>
    /// The process ends, and what it cannot send may be lost: what the receiver asks of attempts that began before that is passed
    /// over. What it asks of later ones is obeyed.
    /// </summary>
    public void PassOver() => isPassedOver = true;
}
