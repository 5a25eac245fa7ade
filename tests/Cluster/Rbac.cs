namespace Cluster;

/// <summary>One rule of a Role or ClusterRole.</summary>
/// <param name="Namespace">Of the Role; null for a ClusterRole.</param>
public sealed record RbacRule(
    string? Namespace, string[] ApiGroups, string[] Resources, string[] Verbs, string[]? NonResourceUrls = null, string[]? ResourceNames = null)
{
    public static RbacRule MetricsPath { get; } = new(null, [], [], ["get"], ["/metrics"]);

    public static RbacRule Slices(string? ns) => new(ns, ["discovery.k8s.io"], ["endpointslices"], ["get", "list", "watch"]);

    public static RbacRule Endpoints(string? ns) => new(ns, [""], ["endpoints"], ["get", "list", "watch"]);

    /// <param name="ns">Null for the whole cluster.</param>
    public bool Allows(string verb, string group, string resource, string? ns, string? name) =>
        Verbs.Contains(verb) && ApiGroups.Contains(group) && Resources.Contains(resource)
        && (Namespace is null || Namespace == ns) && (ResourceNames is null || (name is not null && ResourceNames.Contains(name)));

    public bool AllowsPath(string verb, string path) => Verbs.Contains(verb) && NonResourceUrls?.Contains(path) == true;
}

/// <summary>A bearer token's account and what it may do.</summary>
public sealed record Account(string Name, params RbacRule[] Rules);
