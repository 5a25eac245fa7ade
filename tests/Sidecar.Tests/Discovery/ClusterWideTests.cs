using System.Text.Json.Nodes;
using System.Text;
using Cluster;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Primitives;
using Sidecar.Telemetry;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Memory;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Discovery;

/// <summary>All namespaces and all Services, against a stand-in API server: lists in pages, watches, labels of Services.</summary>
[Collection(nameof(AllocationCollection))] // one of them measures memory
public sealed class ClusterWideTests : IAsyncLifetime
{
    private const string KeepAnnotated = """
        [{"source_labels":["__meta_kubernetes_service_annotation_prometheus_io_scrape"],"regex":"true","action":"keep"},
         {"source_labels":["__meta_kubernetes_service_label_team"],"target_label":"team"}]
        """;

    private StandInCluster cluster = null!;

    private ApiServer Server => cluster.ApiServers[0];

    private int Lists => Server.Requests.Count(r => r.Contains("/endpointslices?") && !r.Contains("watch=true"));

    public async ValueTask InitializeAsync()
    {
        cluster = await StandInCluster.StartAsync();
        cluster.RotateToken(RbacRule.Slices(null, "list", "watch"), RbacRule.Services(null, "list", "watch"),
            RbacRule.Endpoints(null, "list", "watch"));
    }

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task All_services_of_all_namespaces_are_listed_in_pages_and_then_watched()
    {
        for (var i = 0; i < 1100; i++)
            cluster.Store.SetSlice($"ns-{i % 7}", $"s-{i}", $"web-{i}", [$"10.1.{i / 250}.{i % 250}"], 8443);
        await using var run = Run("[]");
        await run.UntilAsync(() => run.DiscoveredTargets == 1101);
        Assert.Equal(3, Lists);
        cluster.Store.SetSlice("new", "s", "web", ["10.2.0.1"], 8443);
        await run.UntilAsync(() => run.DiscoveredTargets == 1102);
        cluster.Store.Remove("endpointslices", "ns-0", "s-0");
        await run.UntilAsync(() => run.DiscoveredTargets == 1101);
        Assert.Equal(3, Lists);
        Assert.Contains(Server.Requests, r => r.StartsWith("/apis/discovery.k8s.io/v1/endpointslices?watch=true"));
        Assert.DoesNotContain(Server.Requests, r => r.Contains("/services"));
    }

    [Fact]
    public async Task The_rule_of_the_agents_configuration_asks_for_one_service_in_one_namespace()
    {
        cluster.RotateToken(StandInCluster.ManifestRules());
        cluster.Store.SetSlice("other", "kubernetes", "kubernetes", ["10.2.0.1"], 6443);
        await using var run = Run("""
            [{"source_labels":["__meta_kubernetes_namespace","__meta_kubernetes_service_name","__meta_kubernetes_endpoint_port_name"],
              "action":"keep","regex":"default;kubernetes;https"}]
            """);
        await run.UntilAsync(() => run.Targets == $"127.0.0.1:{Server.Port}");
        await run.UntilAsync(() => Server.Requests.Any(r => r.Contains("watch=true")));
        Assert.All(Server.Requests, r => Assert.StartsWith(
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes&", r));
        Assert.Equal(0, run.Failures);
    }

    [Theory]
    [InlineData(KubernetesRole.EndpointSlice)]
    [InlineData(KubernetesRole.Endpoints)]
    internal async Task What_the_API_server_has_no_selector_for_is_left_out_here(KubernetesRole role)
    {
        foreach (var (ns, service) in new[] { ("a", "x"), ("a", "y"), ("b", "x"), ("b", "z"), ("c", "x") })
        {
            var address = $"10.0.0.{ns[0] - 'a' + 1}{service[0] - 'x' + 1}";
            cluster.Store.SetSlice(ns, service + "-1", service, [address], 6443);
            cluster.Store.SetEndpoints(ns, service, [(address, 6443)]);
        }
        await using var run = Run("""
            [{"source_labels":["__meta_kubernetes_namespace"],"action":"keep","regex":"a|b"},
             {"source_labels":["__meta_kubernetes_service_name"],"action":"keep","regex":"x|y"}]
            """, o => o with { Role = role });
        await run.UntilAsync(() => run.Targets == "10.0.0.11:6443 10.0.0.12:6443 10.0.0.21:6443");
    }

    [Fact]
    public async Task Labels_of_services_are_those_of_their_targets_and_a_change_of_them_is_seen()
    {
        cluster.Store.SetSlice("shop", "cart-1", "cart", ["10.0.0.1"], 6443);
        cluster.Store.SetSlice("shop", "web-1", "web", ["10.0.0.2"], 6443);
        SetService("cart", "a", isAnnotated: true);
        SetService("web", "b", isAnnotated: false);
        await using var run = Run(KeepAnnotated);
        await run.UntilAsync(() => Seen(run) == "10.0.0.1:6443=a");
        var lists = Lists;
        SetService("web", "b", isAnnotated: true);
        await run.UntilAsync(() => Seen(run) == "10.0.0.1:6443=a 10.0.0.2:6443=b");
        SetService("cart", "c", isAnnotated: true);
        await run.UntilAsync(() => Seen(run) == "10.0.0.1:6443=c 10.0.0.2:6443=b");
        cluster.Store.Remove("services", "shop", "cart");
        await run.UntilAsync(() => Seen(run) == "10.0.0.2:6443=b");
        // A Service that comes with its slices, in either order.
        cluster.Store.SetSlice("shop", "late-1", "late", ["10.0.0.3"], 6443);
        SetService("late", "l", isAnnotated: true);
        await run.UntilAsync(() => Seen(run) == "10.0.0.2:6443=b 10.0.0.3:6443=l");
        Assert.Equal(0, run.Failures);
        Assert.InRange(Lists, lists + 1, lists + 4);
        Assert.InRange(run.Events(ObjectKind.Service, WatchEventType.Modified), 1, 4);

        // What no rule reads may change without a list.
        await run.UntilAsync(() => Server.Requests.Count(r => r.Contains("/services?") && r.Contains("watch=true")) > Lists - lists);
        lists = Lists;
        for (var i = 0; i < 20; i++)
            cluster.Store.SetService("shop", $"other-{i}", new JsonObject { ["app"] = "x" }, new JsonObject { ["note"] = $"{i}" });
        await run.UntilAsync(() => run.Events(ObjectKind.Service, WatchEventType.Added) >= 20);
        Assert.Equal(lists, Lists);

    }

    [Fact]
    public async Task Services_that_may_not_be_watched_are_listed_with_each_poll_and_the_rule_is_told()
    {
        cluster.RotateToken(RbacRule.Slices(null, "list", "watch"), RbacRule.Services(null, "list"));
        cluster.Store.SetSlice("shop", "cart-1", "cart", ["10.0.0.1"], 6443);
        SetService("cart", "a", isAnnotated: false);
        await using var run = Run(KeepAnnotated, interval: TimeSpan.FromMilliseconds(100));
        await run.UntilAsync(() => run.Targets == "");
        SetService("cart", "a", isAnnotated: true);
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443");
        Assert.Contains("add to a ClusterRole: {apiGroups: [\\\"\\\"], resources: [services], verbs: [list, watch]}",
            Assert.Single(run.Log, l => l.Contains("Watch denied")));
    }

    [Fact]
    public async Task Services_that_may_not_be_listed_are_a_failure_that_names_the_rule_to_add()
    {
        cluster.RotateToken(RbacRule.Slices(null, "list", "watch"));
        await using var run = Run(KeepAnnotated);
        await run.UntilAsync(() => run.Failures > 0);
        Assert.Null(run.Targets);
        var line = run.Log.First(l => l.Contains("Discovery failed"));
        Assert.Contains("a rule reads labels of the Service", line);
        Assert.Contains("resources: [services], verbs: [list, watch]", line);
    }

    [Fact]
    public void Of_what_is_not_kept_nothing_is_stored()
    {
        var options = Given.Good(Given.Pod(
            ("SIDECAR_KUBERNETES_NAMESPACE", "*"), ("SIDECAR_KUBERNETES_SERVICE", "*"), ("SIDECAR_RELABEL_CONFIGS", KeepAnnotated)));
        var labels = new ServiceLabels(options.Scrape.TargetRules, new ObjectQuery(ObjectKind.Service, options.Kubernetes));
        var targets = new KubernetesTargets(options.Jobs[0], labels, new ObjectQuery(ObjectKind.EndpointSlice, options.Kubernetes),
            new Log(TextWriter.Null, LogLevel.Error, LogFormat.Logfmt, TimeProvider.System));
        Take(0, 100); // what is made once, whatever the number
        var before = (ReachableObjects.Count(labels), ReachableObjects.Count(targets));
        Take(100, 5000);
        Assert.Equal(before, (ReachableObjects.Count(labels), ReachableObjects.Count(targets)));
        Assert.Empty(targets.All());
        labels.Add(Encoding.UTF8.GetBytes(
            """{"metadata":{"name":"kept","namespace":"n","annotations":{"prometheus.io/scrape":"true"}}}"""));
        targets.Set(Slice("kept", 1));
        Assert.Single(targets.All());
        Assert.NotEqual(before, (ReachableObjects.Count(labels), ReachableObjects.Count(targets))); // or the count counts nothing

        void Take(int from, int to)
        {
            for (var i = from; i < to; i++)
            {
                labels.Add(Encoding.UTF8.GetBytes(
                    """{"metadata":{"name":"NAME","namespace":"n","labels":{"app":"a"},"annotations":{"b":"c"}}}""".Replace("NAME",
                    $"s-{i}")));
                targets.Set(Slice($"s-{i}", i));
            }
        }

        static byte[] Slice(string service, int i) => Encoding.UTF8.GetBytes($$$"""
            {"metadata":{"name":"{{{service}}}-1","namespace":"n","labels":{"kubernetes.io/service-name":"{{{service}}}"}},"addressType":"IPv4",
            "endpoints":[{"addresses":["10.0.{{{i / 250 % 250}}}.{{{i % 250}}}"]}],"ports":[{"name":"https","port":6443}]}
            """);
    }

    /// <summary>Addresses with the label that came from the Service.</summary>
    private static string Seen(DiscoveryRun run) => string.Join(' ', run.Known
        .Select(t => $"{t.Url.Authority}={t.Labels.FirstOrDefault(l => l.Key == "team").Value}").Order(StringComparer.Ordinal));

    private void SetService(string name, string team, bool isAnnotated) => cluster.Store.SetService("shop", name,
        new JsonObject { ["team"] = team }, isAnnotated ? new JsonObject { ["prometheus.io/scrape"] = "true" } : null);

    private DiscoveryRun Run(string rules, Func<KubernetesOptions, KubernetesOptions>? change = null, TimeSpan? interval = null) =>
        new(cluster, interval ?? TimeSpan.FromMinutes(10), rules, o => (change ?? (c => c))(o with { Namespace = null, Service = null }));
}
