using Sidecar.Relabeling;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>What one list of the cluster came to, and where a watch goes on from it.</summary>
internal sealed class ClusterList
{
    /// <summary>What the list had, and then what the watch made of it.</summary>
    public required KubernetesTargets Targets { get; init; }

    /// <summary>Slices or Endpoints, whichever were listed; null where nothing was asked for.</summary>
    public ObjectQuery? Query { get; init; }

    /// <summary>Null where it says none, so that there is nothing to watch from.</summary>
    public string? Version { get; init; }

    /// <summary>Of the list of Services; null where they are not wanted.</summary>
    public string? ServicesVersion { get; init; }

    public long Asked { get; init; }

    public static ClusterList Nothing(DiscoveryOptions options, Log log) => new() { Targets = new(options, new(RelabelRules.None), log) };
}
