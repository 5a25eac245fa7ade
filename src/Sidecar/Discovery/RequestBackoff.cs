namespace Sidecar.Discovery;

/// <summary>Waits after failures of one kind of request: doubling up to the interval, and as long as the API server asks for.</summary>
internal sealed class RequestBackoff(TimeSpan interval)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    private TimeSpan next = First;

    public void Reset() => next = First;

    public TimeSpan After(ObjectAnswer answer)
    {
        var wait = interval;
        if (next < wait)
            (wait, next) = (next, next * 2);
        if (answer.RetryAfter is { } asked && asked > wait)
            wait = asked < LongestRetryAfter ? asked : LongestRetryAfter;
        return wait;
    }
}
