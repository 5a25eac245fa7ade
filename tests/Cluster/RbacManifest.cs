using YamlDotNet.RepresentationModel;

namespace Cluster;

/// <summary>The rights that a manifest gives to a service account: its Roles and ClusterRoles by way of their bindings.</summary>
public static class RbacManifest
{
    /// <param name="yaml">Any number of documents; those that are not of RBAC are passed over.</param>
    /// <param name="account"><c>system:serviceaccount:NAMESPACE:NAME</c>.</param>
    public static RbacRule[] RulesOf(string yaml, string account)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        var documents = stream.Documents.Select(d => (YamlMappingNode)d.RootNode).ToList();
        var rules = new List<RbacRule>();
        foreach (var binding in documents.Where(d => Text(d, "kind") is "RoleBinding" or "ClusterRoleBinding"))
        {
            if (!List(binding, "subjects").Any(s => IsAccount((YamlMappingNode)s, account)))
                continue;
            var reference = (YamlMappingNode)binding["roleRef"];
            var ns = Text(binding, "kind") == "RoleBinding" ? Text((YamlMappingNode)binding["metadata"], "namespace") : null;
            var role = documents.Single(d => Text(d, "kind") == Text(reference, "kind")
                && Text((YamlMappingNode)d["metadata"], "name") == Text(reference, "name")
                && (Text(reference, "kind") == "ClusterRole" || Text((YamlMappingNode)d["metadata"], "namespace") == ns));
            rules.AddRange(List(role, "rules").Cast<YamlMappingNode>().Select(r => new RbacRule(
                ns, Texts(r, "apiGroups"), Texts(r, "resources"), Texts(r, "verbs"), Texts(r, "nonResourceURLs"),
                Texts(r, "resourceNames"))));
        }
        return [.. rules];
    }

    private static bool IsAccount(YamlMappingNode subject, string account) =>
        Text(subject, "kind") == "ServiceAccount"
        && account == $"system:serviceaccount:{Text(subject, "namespace")}:{Text(subject, "name")}";

    private static string? Text(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var value) ? ((YamlScalarNode)value).Value : null;

    private static IEnumerable<YamlNode> List(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var value) ? ((YamlSequenceNode)value).Children : [];

    private static string[] Texts(YamlMappingNode node, string key) => [.. List(node, key).Select(n => ((YamlScalarNode)n).Value!)];
}
