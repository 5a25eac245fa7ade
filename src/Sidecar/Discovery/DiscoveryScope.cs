namespace Sidecar.Discovery;

/// <summary>
/// What of the cluster can become a target at all, where rules say so: with <c>*</c> for namespace or service, less is asked for, and the
/// rest is not stored.
/// </summary>
internal sealed record DiscoveryScope
{
    public static readonly DiscoveryScope All = new();

    /// <summary>Namespaces that can be kept; null for all.</summary>
    public IReadOnlyList<string>? Namespaces { get; init; }

    /// <summary>Names of Services that can be kept; null for all.</summary>
    public IReadOnlyList<string>? Services { get; init; }

    /// <summary>A rule reads a label or an annotation of the Service, which is an object of its own.</summary>
    public bool NeedsServices { get; init; }
}
