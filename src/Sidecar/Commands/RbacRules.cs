using Sidecar.Discovery;
using Sidecar.Primitives;

namespace Sidecar.Commands;

/// <summary>The rules that are missing, as manifests ready to paste. They grant what src/deploy/base/sidecar.yaml grants.</summary>
internal static class RbacRules
{
    /// <param name="service">Of which the Endpoints are read by name; null for all.</param>
    /// <param name="user">Of whom the API server said that he may not.</param>
    public static string ForDiscovery(ObjectQuery query, string? service, string? user)
    {
        var group = query.Kind == ObjectKind.EndpointSlice ? "discovery.k8s.io" : "\"\"";
        var names = query.Kind == ObjectKind.Endpoints && query.IsNamed && service is not null ? $"    resourceNames: [{service}]\n" : "";
        return Manifest($"sidecar-{query.Resource}", query.Namespace,
            $"apiGroups: [{group}]\n    resources: [{query.Resource}]\n{names}    verbs: [list, watch]", user);
    }

    public static string ForMetrics(string path, string? user) =>
        Manifest("sidecar-metrics", null, $"nonResourceURLs: [{path}]\n    verbs: [get]", user);

    /// <summary>
    /// The user in the API server's words, <c>User "system:serviceaccount:sidecar:sidecar" cannot …</c>; null where they are others.
    /// </summary>
    public static string? User(string message)
    {
        var start = message.IndexOf("User \"", StringComparison.Ordinal);
        var end = start < 0 ? -1 : message.IndexOf('"', start + 6);
        return end < 0 ? null : message[(start + 6)..end];
    }

    private static string Manifest(string name, string? ns, string rule, string? user)
    {
        var kind = ns is null ? "ClusterRole" : "Role";
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

    private static string Subject(string? user) => user?.Split(':') switch
    {
        ["system", "serviceaccount", var ns, var name] => $"kind: ServiceAccount\n    namespace: {ns}\n    name: {name}",
        null => "kind: ServiceAccount\n    namespace: sidecar\n    name: sidecar",
        _ => $"kind: User\n    apiGroup: rbac.authorization.k8s.io\n    name: \"{user!.Replace("\\", "\\\\")}\"",
    };
}
