using Sidecar.Configuration;
using Sidecar.Queueing;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Sending;
using Sidecar.Telemetry;

namespace Sidecar.Hosting;

/// <summary>The whole effective configuration, read once from the environment at start.</summary>
internal sealed record Options
{
    /// <summary>At least one.</summary>
    public required ImmutableArray<JobOptions> Jobs { get; init; }

    public bool HasNames => Jobs[0].Variables.Name.Length > 0;

    /// <summary>There is no such job any more, or there was one without a name before.</summary>
    public bool IsLeft(string job) => Jobs.All(j => j.Scrape.Job != job) && (job != JobVariables.Self || Self is null);

    /// <summary>How series of the job are relabeled; those of a job that there is no more as the first one's.</summary>
    public SeriesRules? RulesOf(string job) => job == JobVariables.Self && Self is not null ? Self.SeriesRules
        : (Jobs.FirstOrDefault(j => j.Scrape.Job == job) ?? Jobs[0]).Scrape.SeriesRules;

    /// <summary>How the own metrics are scraped; null where they are not.</summary>
    public ScrapeOptions? Self { get; init; }

    public required string Instance { get; init; }
    public required RemoteWriteOptions RemoteWrite { get; init; }

    /// <summary>Null where there is one process alone.</summary>
    public LeaseOptions? Lease { get; init; }

    public required QueueOptions Queue { get; init; }
    public required OperationOptions Operation { get; init; }
}

/// <summary>Listener, logs and the end of the process.</summary>
internal sealed record OperationOptions
{
    /// <summary><c>host:port</c> with an empty host for all addresses; null turns the listener off.</summary>
    public required string? ListenAddress { get; init; }

    public required LogLevel LogLevel { get; init; }
    public required LogFormat LogFormat { get; init; }
    public required TimeSpan ShutdownTimeout { get; init; }
    public bool FinalScrape { get; init; }
}
