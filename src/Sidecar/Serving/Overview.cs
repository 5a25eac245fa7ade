using Sidecar.Configuration;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>All that the page for people tells, at one moment.</summary>
internal sealed class Overview
{
    public required Judgement Judgement { get; init; }
    public ProcessFacts Facts => Judgement.Facts;
    public DateTimeOffset Now => Facts.Now;

    /// <summary>How often each target is scraped; the page reloads itself about as often.</summary>
    public required TimeSpan ScrapeInterval { get; init; }

    /// <summary>There are several, or one with a name: then each target's is shown.</summary>
    public bool HasJobs { get; init; }

    /// <summary>A line on the lease; null where this process is alone.</summary>
    public string? Leader { get; init; }

    public required IReadOnlyList<TargetStatus> Targets { get; init; }

    /// <summary>Without user and password.</summary>
    public required string ReceiverUrl { get; init; }

    public required Metrics Metrics { get; init; }
    public required History History { get; init; }

    /// <summary>The effective configuration, redacted.</summary>
    public required ImmutableArray<Setting> Settings { get; init; }
}
