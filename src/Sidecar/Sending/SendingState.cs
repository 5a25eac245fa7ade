using Sidecar.Primitives;

namespace Sidecar.Sending;

/// <summary>
/// How sending goes, for pages and probes: what came of the last attempts, and when the next one is due. Safe from any thread.
/// </summary>
internal sealed class SendingState(TimeProvider time)
{
    /// <summary>So many refusals in a row, and nothing accepted in between, are no single series' doing.</summary>
    private const int RefusalsOfAll = 3;

    private readonly Lock gate = new();
    private Failure lastFailure;
    private DateTimeOffset? lastAttempt;
    private DateTimeOffset? lastAccepted;
    private DateTimeOffset? nextTry;
    private long refusedInARow;

    /// <summary>The failure of the last attempt; none after one that was accepted.</summary>
    public Failure LastFailure => Read(() => lastFailure);

    /// <summary>When a request was last posted, whatever came of it; null for never.</summary>
    public DateTimeOffset? LastAttempt => Read(() => lastAttempt);

    /// <summary>When a request was last accepted; null for never.</summary>
    public DateTimeOffset? LastAccepted => Read(() => lastAccepted);

    /// <summary>
    /// The latest time that some request waits for before it is tried again; null where none has waited. May have passed.
    /// </summary>
    public DateTimeOffset? NextTry => Read(() => nextTry);

    /// <summary>Requests that were refused for good since one was accepted.</summary>
    public long RefusedInARow => Read(() => refusedInARow);

    /// <summary>The receiver refuses whatever it is sent, and all of it is lost.</summary>
    public bool IsRefusing => RefusedInARow >= RefusalsOfAll;

    public void Attempt()
    {
        lock (gate)
            lastAttempt = time.GetUtcNow();
    }

    public void Accepted()
    {
        lock (gate)
            (lastAccepted, lastFailure, refusedInARow) = (time.GetUtcNow(), default, 0);
    }

    /// <summary>It is tried again.</summary>
    public void Failed(Failure failure)
    {
        lock (gate)
            lastFailure = failure;
    }

    /// <summary>For good.</summary>
    public void Refused(Failure failure)
    {
        lock (gate)
            (lastFailure, refusedInARow) = (failure, refusedInARow + 1);
    }

    public void Waits(TimeSpan wait)
    {
        lock (gate)
        {
            var until = time.GetUtcNow() + wait;
            nextTry = nextTry > until ? nextTry : until;
        }
    }

    private T Read<T>(Func<T> read)
    {
        lock (gate)
            return read();
    }
}
