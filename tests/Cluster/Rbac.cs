namespace Cluster;

/// <summary>One rule of a Role or ClusterRole (rbac.authorization.k8s.io/v1 PolicyRule), with the namespace of its binding.</summary>
/// <param name="Namespace">Of the RoleBinding; null for a ClusterRoleBinding.</param>
public sealed record RbacRule(
    string? Namespace, string[] ApiGroups, string[] Resources, string[] Verbs, string[]? NonResourceUrls = null,
    string[]? ResourceNames = null)
{
    public static RbacRule MetricsPath { get; } = new(null, [], [], ["get"], ["/metrics"]);

    public static RbacRule Slices(string? ns, params string[] verbs) => new(ns, ["discovery.k8s.io"], ["endpointslices"], Verbs: Or(verbs));

    public static RbacRule Endpoints(string? ns, params string[] verbs) => new(ns, [""], ["endpoints"], Verbs: Or(verbs));

    /// <summary>As src/deploy/ha has it: to make any, and to read and change one.</summary>
    public static RbacRule[] Lease(string ns, string name) =>
    [
        new(ns, ["coordination.k8s.io"], ["leases"], ["create"]),
        new(ns, ["coordination.k8s.io"], ["leases"], ["get", "patch"], ResourceNames: [name]),
    ];

    public static RbacRule Services(string? ns, params string[] verbs) => new(ns, [""], ["services"], Verbs: Or(verbs));

    /// <param name="ns">Null for the whole cluster.</param>
    public bool Allows(string verb, string group, string resource, string? ns, string? name) =>
        Has(Verbs, verb) && Has(ApiGroups, group) && Has(Resources, resource)
        && (Namespace is null || Namespace == ns) && (ResourceNames is null or [] || (name is not null && ResourceNames.Contains(name)));

    /// <summary>Only what is bound in the whole cluster allows paths.</summary>
    public bool AllowsPath(string verb, string path) => Namespace is null && Has(Verbs, verb)
        && NonResourceUrls?.Any(u => u.EndsWith('*') ? path.StartsWith(u[..^1], StringComparison.Ordinal) : u == path) == true;

    private static bool Has(string[] list, string value) => list.Contains("*") || list.Contains(value);

    private static string[] Or(string[] verbs) => verbs.Length > 0 ? verbs : ["get", "list", "watch"];
}

/// <summary>A bearer token's account and what it may do.</summary>
public sealed record Account(string Name, params RbacRule[] Rules);
