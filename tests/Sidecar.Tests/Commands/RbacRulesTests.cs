using Sidecar.Commands;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Primitives;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Commands;

/// <summary>What is pasted adds a right and never replaces another account's, another path's, or one of the manifests.</summary>
public sealed class RbacRulesTests
{
    private const string Ours = "system:serviceaccount:sidecar:sidecar";

    /// <summary>Who asks (null: the API server did not say), and for what.</summary>
    public static readonly (string? User, string Path)[] Metrics =
    [
        (Ours, "/metrics"), (Ours, "/metrics/slis"), (Ours, "/metrics-slis"), (Ours, "/a%3Ab"), (Ours, "/a:b"), (Ours, "/"),
        ("system:serviceaccount:sidecar:other", "/metrics"), ("system:serviceaccount:other:sidecar", "/metrics"),
        ("sidecar", "/sidecar/get/metrics"), ("sidecar:sidecar", "/metrics"), ("system:node:a", "/metrics"), ("a b/c%d\"e", "/metrics"),
        ("https://issuer.example#1", "/metrics"), ("kubernetes-admin", "/metrics"),
    ];

    [Fact]
    public void Each_account_and_each_right_has_an_object_of_its_own()
    {
        var manifests = Metrics.Select(m => RbacRules.ForMetrics(m.Path, m.User)).Concat(Discovery().Select(d =>
            RbacRules.ForDiscovery(d.Query, d.Service, Ours))).ToList();
        var names = manifests.ConvertAll(m => Documents(m).Select(d => $"{d["kind"]} {Namespace(d)} {d["metadata"]["name"]}").ToArray());
        Assert.Equal(names.Count, names.Select(n => n[0]).Distinct().Count());
        Assert.All(names, n => Assert.DoesNotContain(n, one => one.Split(' ')[^1].ContainsAny(['/', '%'])));
        // Those of the manifests that are deployed.
        Assert.DoesNotContain(names.SelectMany(n => n), n => n.EndsWith(" sidecar-metrics") || n.EndsWith(" sidecar-discovery"));
    }

    [Fact]
    public void A_binding_binds_its_own_role_to_who_asked()
    {
        foreach (var (user, path) in Metrics)
        {
            var (role, binding) = (Documents(RbacRules.ForMetrics(path, user))[0], Documents(RbacRules.ForMetrics(path, user))[1]);
            Assert.Equal(role["metadata"]["name"].ToString(), binding["roleRef"]["name"].ToString());
            Assert.Equal(path, role["rules"][0]["nonResourceURLs"][0].ToString());
            var subject = binding["subjects"][0];
            Assert.Equal(user, subject["kind"].ToString() == "User" ? subject["name"].ToString()
                : $"system:serviceaccount:{subject["namespace"]}:{subject["name"]}");
        }
    }

    /// <summary>The right that is asked for, in the words of who refuses.</summary>
    [Theory]
    [InlineData("/metrics/cadvisor", "Forbidden (user=" + Ours + ", verb=get, resource=nodes, subresource=metrics)", "nodes/metrics", "")]
    [InlineData("/metrics", "Forbidden (user=" + Ours + ", verb=get, resource=nodes, subresource(s)=[metrics])", "nodes/metrics", "")]
    [InlineData("/apis/metrics.eks.amazonaws.com/v1/ksh/container/metrics", "User \"" + Ours + "\" cannot get resource \"ksh/metrics\"",
        "ksh/metrics", "metrics.eks.amazonaws.com")]
    [InlineData("/apis/metrics.eks.amazonaws.com/v1/kcm/container/metrics", "User \"" + Ours + "\" cannot get resource \"kcm/metrics\"",
        "kcm/metrics", "metrics.eks.amazonaws.com")]
    public void Kubelets_and_EKS_ask_for_rights_to_resources(string path, string refusal, string resource, string group)
    {
        Assert.Equal(Ours, Advice.User(refusal));
        var rule = Documents(RbacRules.ForMetrics(path, Ours, refusal))[0]["rules"][0];
        Assert.Equal((resource, group, "get"),
            (rule["resources"][0].ToString(), rule["apiGroups"][0].ToString(), rule["verbs"][0].ToString()));
    }

    [Fact]
    public void Manifests_of_several_jobs_are_one_to_paste_without_any_twice()
    {
        var (one, other) = (RbacRules.ForMetrics("/metrics", Ours), RbacRules.ForMetrics("/metrics/slis", Ours));
        var merged = RbacRules.Merge([one, other, one]);
        Assert.Equal(4, Documents(merged).Count);
        Assert.Equal(one, RbacRules.Merge([one]));
    }

    [Theory]
    [InlineData(Ours, "/metrics", "apply the manifests of src/deploy, or add this rule")]
    [InlineData(null, "/metrics", "apply the manifests of src/deploy, or add this rule")]
    [InlineData(Ours, "/metrics/slis", "add this rule; the manifests of src/deploy cover only the path /metrics")]
    [InlineData("system:serviceaccount:a:b", "/metrics",
        "add this rule; the manifests of src/deploy cover only the account sidecar in namespace sidecar")]
    [InlineData("system:serviceaccount:a:b", "/x",
        "add this rule; the manifests of src/deploy cover only the path /metrics, and only the account sidecar in namespace sidecar")]
    public void The_manifests_are_named_where_they_help(string? user, string path, string remedy) =>
        Assert.Equal(remedy, RbacRules.Remedy(path, user));

    [Fact]
    public void The_manifests_are_for_one_Service()
    {
        var helps = Discovery().Select(d => RbacRules.Remedy(d.Query, d.Service, Ours).StartsWith("apply the manifests")).ToArray();
        Assert.Equal([true, true, false, false, false, false], helps);
    }

    private static (ObjectQuery Query, string? Service)[] Discovery()
    {
        return [Of(ObjectKind.EndpointSlice, "default", "kubernetes"), Of(ObjectKind.Endpoints, "default", "kubernetes"),
            Of(ObjectKind.Endpoints, "default", "other"), Of(ObjectKind.Endpoints, "default", null),
            Of(ObjectKind.EndpointSlice, "monitoring", "kubernetes"), Of(ObjectKind.EndpointSlice, null, null)];

        static (ObjectQuery, string?) Of(ObjectKind kind, string? ns, string? service) =>
            (new ObjectQuery(kind, new KubernetesOptions
            {
                Role = KubernetesRole.Auto, Namespace = ns, Service = service, PortName = null, LabelSelector = null, ApiServer = null,
                Http = new(), RefreshInterval = TimeSpan.FromSeconds(15), Watch = true,
            }), service);
    }

    private static List<YamlMappingNode> Documents(string manifest)
    {
        var lines = manifest.Split('\n');
        var yaml = new YamlStream();
        yaml.Load(new StringReader(string.Join('\n', lines[1..^1])));
        return yaml.Documents.Select(d => (YamlMappingNode)d.RootNode).ToList();
    }

    private static string Namespace(YamlMappingNode document) =>
        ((YamlMappingNode)document["metadata"]).Children.TryGetValue("namespace", out var ns) ? ns.ToString() : "*";
}
