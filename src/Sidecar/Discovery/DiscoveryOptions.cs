using Sidecar.Relabeling;

namespace Sidecar.Discovery;

/// <summary>Where targets come from, and what they are where discovery does not say.</summary>
internal abstract record DiscoveryOptions
{
    /// <summary>Static targets; when there is any, Kubernetes discovery is off.</summary>
    public required ImmutableArray<StaticTarget> Targets { get; init; }

    public required KubernetesOptions Kubernetes { get; init; }

    /// <summary>Which of the shards is ours, from 0.</summary>
    public int Shard { get; init; }

    /// <summary>Among how many sidecars the targets are divided.</summary>
    public int Shards { get; init; } = 1;

    public abstract TargetOptions Target { get; }
}

/// <summary>What every target has where neither its address nor a rule says otherwise.</summary>
internal record TargetOptions
{
    /// <summary>The job's name in SIDECAR_JOBS, a part of each target's identity; empty for the only one.</summary>
    public string Job { get; init; } = "";

    public required string JobName { get; init; }
    public required TimeSpan Interval { get; init; }
    public required TimeSpan Timeout { get; init; }
    public required string Scheme { get; init; }
    public required string MetricsPath { get; init; }

    /// <summary>Query string without the question mark; null for none.</summary>
    public required string? Params { get; init; }

    public RelabelRules TargetRules { get; init; } = RelabelRules.None;
}
