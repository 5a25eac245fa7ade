using System.Net;
using Cluster;
using k8s;
using k8s.Autorest;

namespace Sidecar.Tests.StandIns;

/// <summary>A real Kubernetes client holds the stand-in API server to its protocol.</summary>
public sealed class RealClientTests
{
    [Fact]
    public async Task It_lists_slices_page_by_page_and_gets_endpoints()
    {
        await using var cluster = await StandInCluster.StartAsync(apiServers: 2);
        for (var i = 0; i < 5; i++)
            cluster.Store.SetSlice("default", $"web-{i}", "web", [$"10.0.0.{i}"], 80, "http");
        using var client = Client(cluster, cluster.Token);
        var all = await client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default");
        Assert.Equal(7, all.Items.Count);
        Assert.Equal(["10.0.0.3"], all.Items.Single(s => s.Metadata.Name == "web-3").Endpoints.Single().Addresses);

        var names = new List<string>();
        string? next = null;
        do
        {
            var page = await client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default", limit: 3, continueParameter: next);
            Assert.InRange(page.Items.Count, 1, 3);
            names.AddRange(page.Items.Select(s => s.Metadata.Name));
            next = page.Metadata.ContinueProperty;
        }
        while (next is not null);
        Assert.Equal(all.Items.Select(s => s.Metadata.Name), names);

        var selected = await client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default", labelSelector: "kubernetes.io/service-name=kubernetes");
        Assert.Equal(2, selected.Items.Count);
        var endpoints = await client.CoreV1.ReadNamespacedEndpointsAsync("kubernetes", "default");
        Assert.Equal(cluster.ApiServers.Select(s => (int?)s.Port).Order(), endpoints.Subsets.SelectMany(s => s.Ports).Select(p => (int?)p.Port).Order());
    }

    [Fact]
    public async Task It_is_refused_as_a_real_server_refuses()
    {
        await using var cluster = await StandInCluster.StartAsync();
        using var stranger = Client(cluster, "no such token");
        var unauthorized = await Assert.ThrowsAsync<HttpOperationException>(() => stranger.DiscoveryV1.ListNamespacedEndpointSliceAsync("default"));
        Assert.Equal(HttpStatusCode.Unauthorized, unauthorized.Response.StatusCode);

        using var client = Client(cluster, cluster.Token);
        var forbidden = await Assert.ThrowsAsync<HttpOperationException>(() => client.DiscoveryV1.ListEndpointSliceForAllNamespacesAsync());
        Assert.Equal(HttpStatusCode.Forbidden, forbidden.Response.StatusCode);
        var status = KubernetesJson.Deserialize<k8s.Models.V1Status>(forbidden.Response.Content);
        Assert.Equal("Forbidden", status.Reason);
        Assert.Contains("cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" at the cluster scope", status.Message);

        var missing = await Assert.ThrowsAsync<HttpOperationException>(() => client.CoreV1.ReadNamespacedEndpointsAsync("nosuch", "default"));
        Assert.Equal(HttpStatusCode.NotFound, missing.Response.StatusCode);
        Assert.Contains("endpoints \\\"nosuch\\\" not found", missing.Response.Content);

        var badToken = await Assert.ThrowsAsync<HttpOperationException>(() => client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default", continueParameter: "x"));
        Assert.Equal(HttpStatusCode.BadRequest, badToken.Response.StatusCode);
    }

    private static Kubernetes Client(StandInCluster cluster, string token) => new(new KubernetesClientConfiguration
    {
        Host = cluster.ApiServers[0].Address.ToString(),
        AccessToken = token,
        SslCaCerts = [System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(cluster.Authority.Pem)],
    });
}
