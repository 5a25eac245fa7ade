using System.Collections.Immutable;
using Sidecar.Discovery;
using Sidecar.Queueing;
using Sidecar.Scraping;
using Sidecar.Sending;
using Sidecar.Telemetry;

namespace Sidecar.Hosting;

/// <summary>The whole effective configuration, read once from the environment at start.</summary>
internal sealed record Options
{
    /// <summary>Static targets; when there is any, Kubernetes discovery is off.</summary>
    public required ImmutableArray<StaticTarget> Targets { get; init; }

    public required KubernetesOptions Kubernetes { get; init; }

    /// <summary>Which of the shards is ours, from 0.</summary>
    public int Shard { get; init; }

    /// <summary>Among how many sidecars the targets are divided.</summary>
    public int Shards { get; init; } = 1;

    public required ScrapeOptions Scrape { get; init; }

    /// <summary>The part that discovery goes by.</summary>
    public DiscoveryOptions Discovery =>
        new() { Targets = Targets, Kubernetes = Kubernetes, Shard = Shard, Shards = Shards, Target = Scrape };

    public required RemoteWriteOptions RemoteWrite { get; init; }

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

    /// <summary>At the end every target is scraped once more.</summary>
    public bool FinalScrape { get; init; }
}
