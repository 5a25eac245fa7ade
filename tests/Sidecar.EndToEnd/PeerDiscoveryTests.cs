using System.Text.Json;
using System.Text.Json.Nodes;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// The installed VictoriaMetrics, which names labels as Prometheus does (Debian's is built without Kubernetes), and the sidecar discover
/// the same stand-in cluster: the sidecar finds the same targets, with every label that the peer has for them. It has more, those of the
/// other role's spelling. The stand-in is held to one more real client by the way.
/// </summary>
public sealed class PeerDiscoveryTests(PublishedBinary binary)
{
    private static readonly HttpClient Http = new();

    /// <summary>Prometheus has these with role service alone.</summary>
    private static readonly string[] OnlyPeer = ["__meta_kubernetes_service_cluster_ip", "__meta_kubernetes_service_type"];

    [Fact]
    public async Task Discovered_labels_are_those_of_a_peer()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Cluster.RotateToken(RbacRule.Slices(null), RbacRule.Endpoints(null), RbacRule.Services(null), RbacRule.MetricsPath,
            new RbacRule(null, [""], ["pods"], ["list", "watch"]));
        Fill(run.Cluster.Store);
        await using var peer = await RealServer.VictoriaMetricsDiscoveringAsync(
            run.ApiServer.Address, run.Cluster.TokenFile, run.Cluster.CaFile, "endpointslices", "endpoints");
        foreach (var (role, least) in new[] { ("endpointslice", 10), ("endpoints", 6) })
        {
            var theirs = new Dictionary<string, Dictionary<string, string>>();
            var pool = role == "endpointslice" ? "endpointslices" : role;
            await Eventually.TrueAsync(async () => (theirs = await TargetsAsync(peer.Address, pool)).Count >= least, () =>
                $"{role}: {theirs.Count} targets");

            run.Environment["SIDECAR_KUBERNETES_ROLE"] = role;
            foreach (var all in new[] { "NAMESPACE", "SERVICE", "PORT_NAME" })
                run.Environment["SIDECAR_KUBERNETES_" + all] = "*";
            run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "1h";
            // The sidecar has what rules read of a Service, and no more; this one reads all and keeps none.
            run.Environment["SIDECAR_RELABEL_CONFIGS"] =
                """[{"regex":"__meta_kubernetes_service_(.*)","replacement":"__tmp_$1","action":"labelmap"}]""";
            await using var sidecar = run.Start(binary);
            var address = await sidecar.ListenAddressAsync();
            var ours = new Dictionary<string, Dictionary<string, string>>();
            await Eventually.TrueAsync(async () => (ours = await TargetsAsync(address, "apiserver")).Count >= least,
                () => $"{role}: {ours.Count} targets of the sidecar");

            Assert.Equal(theirs.Keys.Order(), ours.Keys.Order());
            var wrong = new List<string>();
            foreach (var (target, labels) in theirs)
            {
                foreach (var (name, value) in labels.Where(l => !OnlyPeer.Contains(l.Key)))
                {
                    // An empty label is none.
                    if (ours[target].GetValueOrDefault(name, "") is var own && own != value)
                        wrong.Add($"{role} {target}: {name} is \"{own}\", and \"{value}\" to the peer");
                }
            }
            Assert.True(wrong.Count == 0, string.Join("\n", wrong));
            Assert.Contains(theirs.Values, l => l.ContainsKey("__meta_kubernetes_service_annotation_prometheus_io_scrape"));
            await run.StopAsync();
        }
    }

    /// <summary>Discovered labels by address, without those that say how it is scraped.</summary>
    private static async Task<Dictionary<string, Dictionary<string, string>>> TargetsAsync(Uri server, string pool)
    {
        using var json = JsonDocument.Parse(await Http.GetStringAsync(new Uri(server, "api/v1/targets")));
        return json.RootElement.GetProperty("data").GetProperty("activeTargets").EnumerateArray()
            .Where(t => t.GetProperty("scrapePool").GetString() == pool)
            .Select(t => t.GetProperty("discoveredLabels").EnumerateObject().ToDictionary(l => l.Name, l => l.Value.GetString()!))
            .ToDictionary(l => l["__address__"], l => l.Where(n => n.Key.StartsWith("__meta_", StringComparison.Ordinal)).ToDictionary());
    }

    private static void Fill(ApiStore store)
    {
        store.SetService("shop", "cart", new JsonObject { ["app.kubernetes.io/name"] = "cart", ["ünï"] = "x", ["empty"] = "" },
            new JsonObject { ["prometheus.io/scrape"] = "true", ["long"] = "a \"quoted\"\nline" });
        store.SetService("shop", "plain", []);
        store.Set("endpointslices", "shop", "cart-x1", Parse("""
            {"metadata":{"name":"cart-x1","namespace":"shop","labels":{"kubernetes.io/service-name":"cart","a.b/c-d":"1"},"annotations":{"note/x":"y","e":""}},
             "addressType":"IPv4",
             "endpoints":[
               {"addresses":["10.0.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"hostname":"h0","nodeName":"n0","zone":"z0",
                "targetRef":{"kind":"Pod","name":"p0","namespace":"shop"},"deprecatedTopology":{"topology.kubernetes.io/region":"r"}},
               {"addresses":["10.0.0.2"],"conditions":{"ready":false,"terminating":true}},
               {"addresses":["10.0.0.3","10.0.0.4"],"conditions":{"ready":true}}],
             "ports":[{"name":"https","port":8443,"protocol":"TCP","appProtocol":"https"},{"name":"","port":9000,"protocol":"UDP"}]}
            """));
        store.Set("endpointslices", "shop", "cart-x2", Parse("""
            {"metadata":{"name":"cart-x2","namespace":"shop","labels":{"kubernetes.io/service-name":"cart"}},"addressType":"IPv6",
             "endpoints":[{"addresses":["fd00::1"],"conditions":{"ready":true},"targetRef":{"kind":"Node","name":"n0"}}],
             "ports":[{"name":"metrics","port":9100,"protocol":"TCP"}]}
            """));
        store.Set("endpointslices", "other", "lone", Parse("""
            {"metadata":{"name":"lone","namespace":"other"},"addressType":"FQDN","endpoints":[{"addresses":["host.example.com"],"conditions":{"ready":true}}],
             "ports":[{"name":"p","port":80,"protocol":"TCP"}]}
            """));
        store.SetEndpoints("shop", "plain", [("10.0.1.1", 8443), ("10.0.1.2", 8443)]);
        store.Set("endpoints", "shop", "cart", Parse("""
            {"metadata":{"name":"cart","namespace":"shop","labels":{"x/y":"z"},
             "annotations":{"endpoints.kubernetes.io/last-change-trigger-time":"2026-11-23T04:18:52Z"}},
             "subsets":[
               {"addresses":[{"ip":"10.0.0.1","hostname":"h0","nodeName":"n0","targetRef":{"kind":"Pod","name":"p0","namespace":"shop"}}],
                "notReadyAddresses":[{"ip":"10.0.0.2"}],
                "ports":[{"name":"https","port":8443,"protocol":"TCP","appProtocol":"https"}]},
               {"addresses":[{"ip":"fd00::1"}],"ports":[{"port":9100,"protocol":"TCP"}]}]}
            """));
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;
}
