using System.Collections.Immutable;
using Sidecar.Configuration;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>All that the page for people tells, at one moment.</summary>
internal sealed class Overview
{
    public required DateTimeOffset Now { get; init; }

    public required DateTimeOffset Started { get; init; }

    /// <summary>How often each target is scraped; the page reloads itself about as often.</summary>
    public required TimeSpan ScrapeInterval { get; init; }

    /// <summary>Discovery has had an answer.</summary>
    public required bool AreTargetsKnown { get; init; }

    /// <summary>Why the last question for targets had no answer; null when it had one.</summary>
    public string? DiscoveryError { get; init; }

    public required IReadOnlyList<TargetStatus> Targets { get; init; }

    /// <summary>Without user and password.</summary>
    public required string ReceiverUrl { get; init; }

    /// <summary>Null while the last request was accepted.</summary>
    public string? ReceiverError { get; init; }

    /// <summary>The queue gives scrapes up, and none was delivered since.</summary>
    public bool IsDropping { get; init; }

    /// <summary>A part of the process hangs; null when all move.</summary>
    public string? WhyUnhealthy { get; init; }

    /// <summary>Sentences on what is wrong and yet delivers.</summary>
    public IReadOnlyList<string> Troubles { get; init; } = [];

    /// <summary>Bytes that the queue may hold.</summary>
    public required long QueueLimit { get; init; }

    public required Metrics Metrics { get; init; }

    public required History History { get; init; }

    /// <summary>The effective configuration, redacted.</summary>
    public required ImmutableArray<Setting> Settings { get; init; }
}
