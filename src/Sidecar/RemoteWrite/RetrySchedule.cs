namespace Sidecar.RemoteWrite;

/// <summary>When to try again: doubling from the least to the most wait, with jitter, and never before the receiver's Retry-After.</summary>
internal sealed class RetrySchedule(TimeSpan min, TimeSpan max, TimeProvider time)
{
    /// <summary>A receiver's Retry-After is obeyed up to here: a mistaken date must not silence the sidecar for days.</summary>
    public static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    private long notBefore = long.MinValue; // time.GetTimestamp()

    /// <summary>The wait before attempt <paramref name="attempt"/> (the first retry is 1).</summary>
    public TimeSpan Wait(int attempt)
    {
        // As numbers: a TimeSpan would overflow before it is compared.
        var backoff = TimeSpan.FromSeconds(Math.Min(min.TotalSeconds * Math.Pow(2, Math.Min(attempt - 1, 30)), max.TotalSeconds));
        // Half to all of it, so that requests that failed together do not come back together.
        var wait = backoff * (0.5 + Random.Shared.NextDouble() / 2);
        var asked = Volatile.Read(ref notBefore);
        var now = time.GetTimestamp();
        var left = asked > now ? time.GetElapsedTime(now, asked) : TimeSpan.Zero;
        return wait > left ? wait : left;
    }

    /// <summary>The receiver said when to come back, in seconds or as a date: it holds for all requests.</summary>
    public void Obey(TimeSpan retryAfter)
    {
        if (retryAfter <= TimeSpan.Zero)
            return;
        var wait = retryAfter < LongestRetryAfter ? retryAfter : LongestRetryAfter;
        Volatile.Write(ref notBefore, time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency));
    }
}
