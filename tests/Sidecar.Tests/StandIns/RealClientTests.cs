using System.Net;
using Cluster;
using k8s.Autorest;
using k8s;

namespace Sidecar.Tests.StandIns;

/// <summary>A real Kubernetes client holds the stand-in API server to its protocol.</summary>
public sealed class RealClientTests
{
    [Fact]
    public async Task It_lists_slices_page_by_page_and_gets_endpoints()
    {
        await using var cluster = await StandInCluster.StartAsync(apiServers: 2);
        cluster.RotateToken(RbacRule.Slices("default"), RbacRule.Endpoints("default"));
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

        var selected = await client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default",
            labelSelector: "kubernetes.io/service-name=kubernetes");
        Assert.Equal(2, selected.Items.Count);
        var endpoints = await client.CoreV1.ReadNamespacedEndpointsAsync("kubernetes", "default");
        Assert.Equal(cluster.ApiServers.Select(s => (int?)s.Port).Order(),
            endpoints.Subsets.SelectMany(s => s.Ports).Select(p => (int?)p.Port).Order());
    }

    [Fact]
    public async Task It_is_refused_as_a_real_server_refuses()
    {
        await using var cluster = await StandInCluster.StartAsync();
        using var stranger = Client(cluster, "no such token");
        var unauthorized = await Assert.ThrowsAsync<HttpOperationException>(() =>
            stranger.DiscoveryV1.ListNamespacedEndpointSliceAsync("default"));
        Assert.Equal(HttpStatusCode.Unauthorized, unauthorized.Response.StatusCode);

        cluster.RotateToken(RbacRule.Slices("default"), RbacRule.Endpoints("default"));
        using var client = Client(cluster, cluster.Token);
        var forbidden = await Assert.ThrowsAsync<HttpOperationException>(() => client.DiscoveryV1.ListEndpointSliceForAllNamespacesAsync());
        Assert.Equal(HttpStatusCode.Forbidden, forbidden.Response.StatusCode);
        var status = KubernetesJson.Deserialize<k8s.Models.V1Status>(forbidden.Response.Content);
        Assert.Equal("Forbidden", status.Reason);
        Assert.Contains("cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" at the cluster scope", status.Message);

        var missing = await Assert.ThrowsAsync<HttpOperationException>(() =>
            client.CoreV1.ReadNamespacedEndpointsAsync("nosuch", "default"));
        Assert.Equal(HttpStatusCode.NotFound, missing.Response.StatusCode);
        Assert.Contains("endpoints \\\"nosuch\\\" not found", missing.Response.Content);

        var badToken = await Assert.ThrowsAsync<HttpOperationException>(() =>
            client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default", continueParameter: "x"));
        Assert.Equal(HttpStatusCode.BadRequest, badToken.Response.StatusCode);
    }

    [Fact]
    public async Task It_watches_from_a_list_on_and_sees_what_comes_and_goes()
    {
        await using var cluster = await StandInCluster.StartAsync(apiServers: 2);
        using var client = Client(cluster, cluster.Token);
        var list = await client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default");
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var seen = new List<(k8s.WatchEventType, string)>();
        var watching = Task.Run(async () =>
        {
            await foreach (var (type, slice) in client.DiscoveryV1.WatchListNamespacedEndpointSliceAsync(
                "default", labelSelector: "kubernetes.io/service-name in (web, kubernetes)", resourceVersion: list.Metadata.ResourceVersion,
                timeoutSeconds: 50, cancellationToken: patience.Token))
            {
                seen.Add((type, slice.Metadata.Name));
                if (type == k8s.WatchEventType.Deleted)
                    return;
            }
        }, patience.Token);
        cluster.Store.SetSlice("default", "web-1", "web", ["10.0.0.1"], 80);
        cluster.Store.SetSlice("default", "web-1", "web", ["10.0.0.2"], 80);
        cluster.Store.SetSlice("other", "web-1", "web", ["10.0.0.2"], 80);
        // Moved to another Service: it leaves the selection without being deleted.
        cluster.Store.SetSlice("default", "web-1", "other", ["10.0.0.2"], 80);
        await watching;
        Assert.Equal([(k8s.WatchEventType.Added, "web-1"), (k8s.WatchEventType.Modified, "web-1"), (k8s.WatchEventType.Deleted, "web-1")],
            seen);
    }

    [Fact]
    public async Task Its_bookmarks_tell_the_version_and_the_end_of_what_was_there()
    {
        await using var cluster = await StandInCluster.StartAsync();
        cluster.ApiServers[0].BookmarkPeriod = TimeSpan.FromMilliseconds(20);
        cluster.RotateToken(RbacRule.Services(null));
        for (var i = 0; i < 3; i++)
            cluster.Store.SetService("default", $"s-{i}", []);
        using var client = Client(cluster, cluster.Token);
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var before = new List<string>();
        var isInitial = true;
        await foreach (var (type, service) in client.CoreV1.WatchListServiceForAllNamespacesAsync(
            allowWatchBookmarks: true, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", cancellationToken: patience.Token))
        {
            if (type == k8s.WatchEventType.Added)
                before.Add(service.Metadata.Name);
            else if (isInitial)
            {
                Assert.Equal(k8s.WatchEventType.Bookmark, type);
                Assert.Equal("true", service.Metadata.Annotations["k8s.io/initial-events-end"]);
                isInitial = false;
                cluster.Store.Advance(100);
            }
            else
            {
                Assert.Equal((k8s.WatchEventType.Bookmark, $"{cluster.Store.Version}"), (type, service.Metadata.ResourceVersion));
                break;
            }
        }
        Assert.Equal(["s-0", "s-1", "s-2"], before);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Its_watch_from_a_forgotten_version_ends_as_with_a_real_server(bool withGone)
    {
        await using var cluster = await StandInCluster.StartAsync();
        cluster.Store.Compact();
        cluster.ApiServers[0].AnswersOldWatchesWithGone = withGone;
        using var client = Client(cluster, cluster.Token);
        Exception? reported = null;
        try
        {
            await foreach (var _ in client.DiscoveryV1.WatchListNamespacedEndpointSliceAsync("default", resourceVersion: "1", onError: e =>
                reported = e))
                Assert.Fail("an event from a forgotten version");
        }
        catch (HttpOperationException e)
        {
            reported = e;
        }
        if (withGone)
            Assert.Equal(HttpStatusCode.Gone, Assert.IsType<HttpOperationException>(reported).Response.StatusCode);
        else
            Assert.Equal((410, "Expired"),
                (Assert.IsType<KubernetesException>(reported).Status.Code, ((KubernetesException)reported).Status.Reason));
    }

    [Fact]
    public async Task Its_list_goes_on_as_it_was_at_the_first_page_until_that_is_forgotten()
    {
        await using var cluster = await StandInCluster.StartAsync();
        for (var i = 0; i < 5; i++)
            cluster.Store.SetSlice("default", $"web-{i}", "web", [$"10.0.0.{i}"], 80);
        using var client = Client(cluster, cluster.Token);
        var first = await client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default", limit: 4);
        Assert.Equal(2, first.Metadata.RemainingItemCount);
        cluster.Store.Remove("endpointslices", "default", "web-4");
        var second = await client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default", limit: 4,
            continueParameter: first.Metadata.ContinueProperty);
        Assert.Equal(["web-3", "web-4"], second.Items.Select(s => s.Metadata.Name));
        cluster.Store.Compact();
        var gone = await Assert.ThrowsAsync<HttpOperationException>(() =>
            client.DiscoveryV1.ListNamespacedEndpointSliceAsync("default", limit: 4, continueParameter: first.Metadata.ContinueProperty));
        Assert.Equal(HttpStatusCode.Gone, gone.Response.StatusCode);
    }

    [Fact]
    public async Task A_rule_for_one_name_lets_it_list_and_watch_that_name_alone()
    {
        await using var cluster = await StandInCluster.StartAsync();
        using var client = Client(cluster, cluster.Token); // the manifest's: resourceNames [kubernetes]
        var one = await client.CoreV1.ListNamespacedEndpointsAsync("default", fieldSelector: "metadata.name=kubernetes");
        Assert.Equal("kubernetes", Assert.Single(one.Items).Metadata.Name);
        foreach (var selector in new[] { null, "metadata.name=other", "metadata.name!=kubernetes" })
        {
            var forbidden = await Assert.ThrowsAsync<HttpOperationException>(() =>
                client.CoreV1.ListNamespacedEndpointsAsync("default", fieldSelector: selector));
            Assert.Equal(HttpStatusCode.Forbidden, forbidden.Response.StatusCode);
        }
    }

    private static Kubernetes Client(StandInCluster cluster, string token) => new(new KubernetesClientConfiguration
    {
        Host = cluster.ApiServers[0].Address.ToString(),
        AccessToken = token,
        SslCaCerts = [System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(cluster.Authority.Pem)],
    });
}
