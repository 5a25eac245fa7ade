using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Queueing;
using Sidecar.Scraping;
using Sidecar.Sending;

namespace Sidecar.Serving;

/// <summary>All that the judgement is made of, at one moment. Never changes.</summary>
internal sealed record ProcessFacts
{
    // A record for the sake of "with": nobody compares or prints it, and the code for that is large.
    public bool Equals(ProcessFacts? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => 0;

    public override string ToString() => nameof(ProcessFacts);

    public required DateTimeOffset Now { get; init; }
    public DateTimeOffset Started { get; init; }

    /// <summary>A part of the process hangs; null when all move.</summary>
    public string? WhyHanging { get; init; }

    /// <summary>Null where this process is alone.</summary>
    public LeaseState? Lease { get; init; }

    /// <summary>This process may not scrape.</summary>
    public bool IsStandingBy => Lease is { Leads: false };

    public required bool AreTargetsKnown { get; init; }

    /// <summary>Why the last question for targets had no answer; none when it had one.</summary>
    public Failure DiscoveryFailure { get; init; }

    /// <summary>When discovery last had an answer; null for never, and for static targets.</summary>
    public DateTimeOffset? DiscoveryAnswered { get; init; }

    public TargetCounts Targets { get; init; }

    /// <summary>Of the own metrics; null where they are not scraped. It is none of <see cref="Targets"/>.</summary>
    public LastScrape? Self { get; init; }

    /// <summary>The most targets at one time in the last hour.</summary>
    public int HighestTargets { get; init; }

    /// <summary>Newest first.</summary>
    public ImmutableArray<TargetChange> Changes { get; init; } = [];

    public SendingStatus Sending { get; init; } = new();

    /// <inheritdoc cref="SendingState.IsRefusing"/>
    public bool IsAllRefused { get; init; }

    /// <summary>Samples that the receiver refused since the start.</summary>
    public long Refused { get; init; }

    /// <summary>Of remote write, that requests are made in: <c>2.0</c>.</summary>
    public string Protocol { get; init; } = "";

    public bool HasSent { get; init; }
    public QueueRoom Queue { get; init; }

    /// <summary>Zero for none.</summary>
    public TimeSpan AgeLimit { get; init; }

    /// <summary>When the oldest scrape that waits was made; null where none waits.</summary>
    public DateTimeOffset? OldestWaiting { get; init; }

    /// <inheritdoc cref="ScrapeQueue.DroppingSince"/>
    public DateTimeOffset? DroppingSince { get; init; }

    /// <summary>The queue directory does not answer.</summary>
    public bool IsFolderHanging { get; init; }

    public int Ahead { get; init; }

    /// <summary>Half a sentence on a bug that was met; null for none.</summary>
    public string? Bug { get; init; }

    public PeerExpiry ApiServerExpiry { get; init; }
    public PeerExpiry TargetExpiry { get; init; }
    public PeerExpiry ReceiverExpiry { get; init; }

    /// <summary>How long an outage of the receiver that begins now would fit; null where that cannot be told.</summary>
    public TimeSpan? OutageThatFits =>
        Targets.BytesPerSecond > 0 && Queue.Limit > 0
            ? TimeSpan.FromSeconds(Math.Min(Math.Max(0, Queue.Limit - Queue.Bytes) / Targets.BytesPerSecond, 1e9)) : null;
}

/// <summary>How the targets are, counted.</summary>
/// <param name="Up">Whose last scrape succeeded.</param>
/// <param name="Down">Whose last scrape failed; those that are neither wait for their first.</param>
/// <param name="Samples">That were queued of the last scrapes, where they succeeded.</param>
/// <param name="BytesPerSecond">That scraping adds to the queue.</param>
/// <param name="FailingSince">Of the one that has failed longest.</param>
/// <param name="Failure">Of one of those that fail.</param>
/// <param name="Advice">On <paramref name="Failure"/>.</param>
internal readonly record struct TargetCounts(
    int All, int Up, int Down, long Samples, double BytesPerSecond, DateTimeOffset? FailingSince, Failure Failure, AdviceText? Advice);
