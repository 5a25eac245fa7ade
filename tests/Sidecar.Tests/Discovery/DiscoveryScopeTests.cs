using Sidecar.Discovery;
using Sidecar.Primitives;
using Sidecar.Tests.Configuration;

namespace Sidecar.Tests.Discovery;

/// <summary>What rules leave to be asked for, and how it is asked.</summary>
public sealed class DiscoveryScopeTests
{
    private const string Ns = "\"__meta_kubernetes_namespace\"";
    private const string Service = "\"__meta_kubernetes_service_name\"";
    private const string Port = "\"__meta_kubernetes_endpoint_port_name\"";

    private const string Slices = "/apis/discovery.k8s.io/v1/endpointslices?";
    private const string EndpointsOfAll = "/api/v1/endpoints?";

    public static TheoryData<string, string?, string?> Rules => new()
    {
        { "[]", null, null },
        { Keep("default;kubernetes;https", Ns, Service, Port), "default", "kubernetes" },
        { Keep("default;kubernetes;https|kube-system;etcd;metrics", Ns, Service, Port), "default,kube-system", "etcd,kubernetes" },
        { Keep("kubernetes|etcd", Service), null, "etcd,kubernetes" },
        { Keep("(?:kubernetes)", Service), null, "kubernetes" },
        { $"{Keep("a|b", Ns)},{Keep("b|c", Ns)}", "b", null },
        { $"{Keep("a", Ns)},{Keep("b", Ns)}", "", null }, // they contradict each other
        // What is no short list of literals is asked for whole.
        { Keep("kube.*", Service), null, null },
        { Keep("(?i)kubernetes", Service), null, null },
        { Keep("|kubernetes", Service), null, null }, // the empty one: also what is of no Service
        { Keep("no name", Service), null, null },
        { Keep("UPPER", Service), null, null },
        { Keep("-a", Service), null, null },
        { Keep(new string('a', 64), Service), null, null },
        { Keep("a;b;c", Ns, Service), null, null }, // which part is which is not plain
        { Rule("drop", "kubernetes", Service), null, null },
        // Another rule may have written what the rule reads.
        { $$"""{"target_label":"__meta_kubernetes_service_name","replacement":"x"},{{Keep("x", Service)}}""", null, null },
        { $$"""{{Keep("x", Service)}},{"target_label":"__meta_kubernetes_service_name","replacement":"y"},{{Keep("y", Service)}}""", null,
        "x" },
        { $$"""{"regex":"__meta_kubernetes_(.*)","action":"labelmap"},{{Keep("x", Service)}}""", null, null }, // could write any label
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void Plain_keep_rules_say_what_can_be_kept(string rules, string? namespaces, string? services)
    {
        var scope = Read(rules).Scope;
        Assert.Equal(namespaces, Join(scope.Namespaces));
        Assert.Equal(services, Join(scope.Services));
    }

    [Theory]
    [InlineData("[]", false)]
    [InlineData("""{"source_labels":["__meta_kubernetes_service_label_app"],"target_label":"app"}""", true)]
    [InlineData("""{"source_labels":["__meta_kubernetes_service_labelpresent_app"],"regex":"true","action":"keep"}""", true)]
    [InlineData("""{"source_labels":["__meta_kubernetes_service_annotation_prometheus_io_scrape"],"regex":"true","action":"keep"}""", true)]
    [InlineData("""{"source_labels":["__meta_kubernetes_service_annotationpresent_x"],"regex":"true","action":"drop"}""", true)]
    [InlineData("""{"regex":"__meta_kubernetes_service_label_(.+)","action":"labelmap"}""", true)]
    [InlineData("""{"regex":"__meta_kubernetes_(.+)","action":"labelmap"}""", true)]
    [InlineData("""{"regex":"__meta_kubernetes_pod_label_(.+)","action":"labelmap"}""", false)]
    [InlineData("""{"source_labels":["__meta_kubernetes_service_name"],"regex":"a","action":"keep"}""", false)]
    [InlineData("""{"source_labels":["__meta_kubernetes_endpointslice_label_app"],"target_label":"app"}""", false)]
    public void Services_are_wanted_where_a_rule_reads_their_labels(string rules, bool wanted) =>
        Assert.Equal(wanted, Read(rules).Scope.NeedsServices);

    public static TheoryData<string, string, string, string, string> Questions => new()
    {
        { "default", "kubernetes", "[]",
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=kubernetes&",
            "/api/v1/namespaces/default/endpoints?fieldSelector=metadata.name=kubernetes&" },
        { "default", "*", "[]", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?", "/api/v1/namespaces/default/endpoints?" },
        { "*", "web", "[]", Slices + "labelSelector=kubernetes.io/service-name=web&", EndpointsOfAll + "fieldSelector=metadata.name=web&" },
        { "*", "*", "[]", Slices, EndpointsOfAll },
        { "*", "*", Keep("default;kubernetes;https", Ns, Service, Port),
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=kubernetes&",
            "/api/v1/namespaces/default/endpoints?fieldSelector=metadata.name=kubernetes&" },
        { "*", "*", Keep("a|b", Service), Slices + "labelSelector=kubernetes.io/service-name in (a,b)&", EndpointsOfAll },
        { "*", "*", Keep("a|b", Ns), Slices, EndpointsOfAll },
        // What is configured wins: a rule that says otherwise keeps nothing of it.
        { "default", "kubernetes", Keep("other;web", Ns, Service),
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name=kubernetes&",
            "/api/v1/namespaces/default/endpoints?fieldSelector=metadata.name=kubernetes&" },
    };

    [Theory]
    [MemberData(nameof(Questions))]
    public void No_more_is_asked_for_than_can_be_kept(string ns, string service, string rules, string slices, string endpoints)
    {
        var options = Read(rules, ("SIDECAR_KUBERNETES_NAMESPACE", ns), ("SIDECAR_KUBERNETES_SERVICE", service));
        Assert.Equal(slices + "limit=500", Asked(ObjectKind.EndpointSlice));
        Assert.Equal(endpoints + "limit=500", Asked(ObjectKind.Endpoints));

        string Asked(ObjectKind kind) => Uri.UnescapeDataString("/" + new ObjectQuery(kind, options).ListPath(500, null));
    }

    [Fact]
    public void A_label_selector_is_for_what_is_discovered_and_not_for_its_services()
    {
        var options = Read("[]", ("SIDECAR_KUBERNETES_LABEL_SELECTOR", "app=a"), ("SIDECAR_KUBERNETES_SERVICE", "web"));
        Assert.Equal("api/v1/namespaces/default/services?fieldSelector=metadata.name%3Dweb&limit=500",
            new ObjectQuery(ObjectKind.Service, options).ListPath(500, null));
        Assert.Equal("api/v1/namespaces/default/endpoints?labelSelector=app%3Da&fieldSelector=metadata.name%3Dweb&limit=500&continue=x%2Fy",
            new ObjectQuery(ObjectKind.Endpoints, options).ListPath(500, "x/y"));
    }

    [Fact]
    public void Very_many_names_are_not_all_put_into_a_request()
    {
        var names = string.Join('|', Enumerable.Range(0, 51).Select(i => $"service-{i}"));
        var options = Read(Keep(names, Service), ("SIDECAR_KUBERNETES_SERVICE", "*"), ("SIDECAR_KUBERNETES_NAMESPACE", "*"));
        var query = new ObjectQuery(ObjectKind.EndpointSlice, options);
        Assert.Equal("apis/discovery.k8s.io/v1/endpointslices?limit=500", query.ListPath(500, null));
        Assert.True(query.Keeps(Meta("service-50")));
        Assert.False(query.Keeps(Meta("service-51")));

        static ObjectMeta Meta(string service) => new("a", "default", [new("kubernetes.io/service-name", service)], []);
    }

    private static string Keep(string regex, params string[] labels) => Rule("keep", regex, labels);

    private static string Rule(string action, string regex, params string[] labels) =>
        $$"""{"source_labels":[{{string.Join(',', labels)}}],"regex":"{{regex}}","action":"{{action}}"}""";

    private static KubernetesOptions Read(string rules, params (string, string?)[] more) =>
        Given.Good(Given.Pod([("SIDECAR_RELABEL_CONFIGS", rules.StartsWith('[') ? rules : $"[{rules}]"), .. more])).Kubernetes;

    private static string? Join(IEnumerable<string>? names) => names is null ? null : string.Join(',', names);
}
