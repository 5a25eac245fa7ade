using Sidecar.Http;

namespace Sidecar.Discovery;

/// <summary>Which API serves the endpoints.</summary>
internal enum KubernetesRole
{
    /// <summary>EndpointSlices, and Endpoints where the API server denies or lacks them.</summary>
    Auto,
    EndpointSlice,
    Endpoints,
}

/// <summary>SIDECAR_KUBERNETES_…: where and what to discover. Without effect where there are static targets.</summary>
internal sealed record KubernetesOptions
{
    public required KubernetesRole Role { get; init; }

    /// <summary>Null for <c>*</c>.</summary>
    public required string? Namespace { get; init; }

    /// <summary>Null for <c>*</c>.</summary>
    public required string? Service { get; init; }

    /// <summary>Null for <c>*</c>.</summary>
    public required string? PortName { get; init; }

    public required string? LabelSelector { get; init; }

    /// <summary>Base address of the API server, <c>https://10.0.0.1:443/</c>; null outside a cluster with static targets.</summary>
    public required Uri? ApiServer { get; init; }

    public required HttpOptions Http { get; init; }
    public required TimeSpan RefreshInterval { get; init; }

    /// <summary>Changes are watched for between two lists.</summary>
    public required bool Watch { get; init; }

    /// <summary>What rules leave of the cluster.</summary>
    public DiscoveryScope Scope { get; init; } = DiscoveryScope.All;
}
