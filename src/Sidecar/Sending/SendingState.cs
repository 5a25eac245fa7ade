using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Sending;

/// <summary>How sending goes at one moment.</summary>
internal sealed record SendingStatus
{
    // A record for the sake of "with": nobody compares or prints it, and the code for that is large.
    public bool Equals(SendingStatus? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => 0;

    public override string ToString() => nameof(SendingStatus);

    /// <summary>The failure of the last attempt; none after one that was accepted.</summary>
    public Failure LastFailure { get; init; }

    public AdviceText? Advice { get; init; }

    /// <summary>Since when nothing was accepted, where <see cref="LastFailure"/> is one.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>When a request was last posted, whatever came of it; null for never.</summary>
    public DateTimeOffset? LastAttempt { get; init; }

    /// <summary>When a request was last accepted; null for never.</summary>
    public DateTimeOffset? LastAccepted { get; init; }

    /// <summary>The latest time that some request waits for before it is tried again; null where none has. May have passed.</summary>
    public DateTimeOffset? NextTry { get; init; }

    /// <summary>Requests that were refused for good since one was accepted.</summary>
    public long RefusedInARow { get; init; }

    /// <summary>When samples were last lost because the receiver refuses them; null for never.</summary>
    public DateTimeOffset? LastLost { get; init; }

    /// <summary>Since when that happens again and again.</summary>
    public DateTimeOffset? LosingSince { get; init; }

    /// <summary>What the receiver said of what was lost last.</summary>
    public Failure Refusal { get; init; }
}

/// <summary>The state of sending for pages and probes: last attempts, next attempt. Safe from any thread.</summary>
internal sealed class SendingState(TimeProvider time)
{
    /// <summary>So many refusals in a row, and nothing accepted in between, are no single series' doing.</summary>
    private const int RefusalsOfAll = 3;

    /// <summary>Losses that are no farther apart are one spell; what is left out is tried again within ten minutes.</summary>
    private static readonly TimeSpan Spell = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private volatile SendingStatus now = new();

    public SendingStatus Now => now;

    /// <summary>The receiver refuses whatever it is sent, and all of it is lost.</summary>
    public bool IsRefusing => now.RefusedInARow >= RefusalsOfAll;

    public void Attempt() => Set(s => s with { LastAttempt = time.GetUtcNow() });

    public void Accepted() => Set(s => s with
    {
        LastAccepted = time.GetUtcNow(), LastFailure = default, Advice = null, FailingSince = null, RefusedInARow = 0,
    });

    /// <summary>It is tried again.</summary>
    public void Failed(Failure failure, AdviceText advice) => Set(s => Failing(s, failure, advice));

    /// <summary>For good.</summary>
    public void Refused(Failure failure, AdviceText advice) =>
        Set(s => Failing(s, failure, advice) with { RefusedInARow = s.RefusedInARow + 1 });

    /// <summary>Samples are lost: the receiver refuses them, or did so a short while ago.</summary>
    public void Lost(Failure failure)
    {
        var at = time.GetUtcNow();
        Set(s => s with { LastLost = at, LosingSince = at - s.LastLost <= Spell ? s.LosingSince : at, Refusal = failure });
    }

    public void Waits(TimeSpan wait)
    {
        var until = time.GetUtcNow() + wait;
        Set(s => s with { NextTry = s.NextTry > until ? s.NextTry : until });
    }

    private SendingStatus Failing(SendingStatus s, Failure failure, AdviceText advice) =>
        s with { LastFailure = failure, Advice = advice, FailingSince = s.FailingSince ?? time.GetUtcNow() };

    private void Set(Func<SendingStatus, SendingStatus> change)
    {
        lock (gate)
            now = change(now);
    }
}
