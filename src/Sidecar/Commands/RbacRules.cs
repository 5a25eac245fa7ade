using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Commands;

/// <summary>The missing rules as manifests to paste: objects of their own, named after account and right, that overwrite none.</summary>
internal static class RbacRules
{
    private const string Start = "kubectl apply -f - <<'EOF'\n";
    private const string End = "EOF";
    private const string EksGroup = "metrics.eks.amazonaws.com";
    private const string DeployedUser = "system:serviceaccount:sidecar:sidecar";

    /// <param name="service">Of which the Endpoints are read by name; null for all.</param>
    /// <param name="user">Of whom the API server said that he may not.</param>
    public static string ForDiscovery(ObjectQuery query, string? service, string? user)
    {
        var group = query.Kind == ObjectKind.EndpointSlice ? "discovery.k8s.io" : "\"\"";
        var name = query.Kind == ObjectKind.Endpoints && query.IsNamed ? service : null;
        var names = name is null ? "" : $"    resourceNames: [{name}]\n";
        return Manifest(user, $"list/{query.Resource}{(name is null ? "" : $"/{name}")}", query.Namespace,
            $"apiGroups: [{group}]\n    resources: [{query.Resource}]\n{names}    verbs: [list, watch]");
    }

    /// <param name="refusal">In whose words: a kubelet asks for a right to nodes, whatever the path.</param>
    public static string ForMetrics(string path, string? user, string refusal = "")
    {
        if (Advice.IsKubelets(refusal))
            return Manifest(user, "get/nodes/metrics", null, "apiGroups: [\"\"]\n    resources: [nodes/metrics]\n    verbs: [get]");
        if (path.Split('/') is ["", "apis", EksGroup, _, var component, ..])
            return Manifest(user, $"get/{component}/metrics", null,
                $"apiGroups: [{EksGroup}]\n    resources: [{component}/metrics]\n    verbs: [get]");
        return Manifest(user, $"get{path}", null, $"nonResourceURLs: [{YamlText.Quote(path)}]\n    verbs: [get]");
    }

    /// <summary>To make the Lease, which cannot be allowed by name, and to read and change this one.</summary>
    public static string ForLease(string ns, string name, string? user) => Manifest(user, $"hold/leases/{name}", ns,
        "apiGroups: [coordination.k8s.io]\n    resources: [leases]\n    verbs: [create]\n"
        + $"  - apiGroups: [coordination.k8s.io]\n    resources: [leases]\n    resourceNames: [{name}]\n    verbs: [get, patch]");

    public static string Merge(IEnumerable<string> manifests) =>
        Start + string.Join("---\n", manifests.Distinct().Select(m => m[Start.Length..^End.Length])) + End;

    /// <summary>What to do about a right that is missing in a namespace (null for all).</summary>
    public static string Remedy(ObjectQuery query, string? service, string? user) => OrManifests(user,
        query is { Namespace: "default" } and ({ Kind: ObjectKind.EndpointSlice } or { Kind: ObjectKind.Endpoints, IsNamed: true })
        && service is "kubernetes" ? null : "the Service kubernetes in namespace default");

    /// <inheritdoc cref="Remedy(ObjectQuery, string, string)"/>
    public static string Remedy(string path, string? user) => OrManifests(user, path == "/metrics" ? null : "the path /metrics");

    private static string OrManifests(string? user, string? covered)
    {
        if (user is not (null or DeployedUser))
            covered = $"{(covered is null ? "" : covered + ", and only ")}the account sidecar in namespace sidecar";
        return covered is null ? "apply the manifests of src/deploy, or add this rule"
            : $"add this rule; the manifests of src/deploy cover only {covered}";
    }

    private static string Manifest(string? user, string right, string? ns, string rule)
    {
        var kind = ns is null ? "ClusterRole" : "Role";
        var name = YamlText.Quote($"sidecar:{Account(user)}:{string.Join(':', right.Split('/').Select(Escaped))}");
        var scope = ns is null ? "" : $"  namespace: {ns}\n";
        return $"""
            kubectl apply -f - <<'EOF'
            apiVersion: rbac.authorization.k8s.io/v1
            kind: {kind}
            metadata:
              name: {name}
            {scope}rules:
              - {rule}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: {kind}Binding
            metadata:
              name: {name}
            {scope}roleRef:
              apiGroup: rbac.authorization.k8s.io
              kind: {kind}
              name: {name}
            subjects:
              - {Subject(user)}
            EOF
            """.ReplaceLineEndings("\n");
    }

    /// <summary>A service account as NAMESPACE:NAME, which no other user's name is: its colons are escaped.</summary>
    private static string Account(string? user) => (user ?? DeployedUser).Split(':') is ["system", "serviceaccount", var ns, var name]
        ? $"{ns}:{name}" : Escaped(user!);

    /// <summary>Names of RBAC's objects may have all but / and %.</summary>
    private static string Escaped(string text) => Uri.EscapeDataString(text).Replace('%', '=');

    private static string Subject(string? user) => user?.Split(':') switch
    {
        ["system", "serviceaccount", var ns, var name] => $"kind: ServiceAccount\n    namespace: {ns}\n    name: {name}",
        null => Subject(DeployedUser),
        _ => $"kind: User\n    apiGroup: rbac.authorization.k8s.io\n    name: {YamlText.Quote(user!)}",
    };
}
