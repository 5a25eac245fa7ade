using Cluster;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Primitives;

namespace Sidecar.Tests.Discovery;

/// <summary>Discovery against a stand-in API server over TLS, with a poll so rare that what is seen was seen on a watch.</summary>
public sealed class WatchTests : IAsyncLifetime
{
    private static readonly TimeSpan Rarely = TimeSpan.FromMinutes(10);

    private StandInCluster cluster = null!;

    private ApiServer Server => cluster.ApiServers[0];

    private string Own => $"127.0.0.1:{Server.Port}";

    private int Lists => Server.Requests.Count(r => !r.Contains("watch=true"));

    private int Watches => Server.Requests.Count(r => r.Contains("watch=true"));

    public async ValueTask InitializeAsync() => cluster = await StandInCluster.StartAsync();

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Theory]
    [InlineData(KubernetesRole.EndpointSlice)]
    [InlineData(KubernetesRole.Endpoints)]
    internal async Task A_change_is_seen_on_the_watch_and_not_at_the_next_poll(KubernetesRole role)
    {
        await using var run = new DiscoveryRun(cluster, Rarely, o => o with { Role = role });
        await run.UntilAsync(() => run.Targets == Own && Watches == 1);
        Set("10.0.0.1");
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443");
        Set("10.0.0.1", "10.0.0.2");
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443 10.0.0.2:6443");
        Set();
        await run.UntilAsync(() => run.Targets == "");
        Assert.Equal((1, 1), (Lists, Watches));
        Assert.Equal(0, run.Failures);
        var kind = role == KubernetesRole.Endpoints ? ObjectKind.Endpoints : ObjectKind.EndpointSlice;
        Assert.Equal(role == KubernetesRole.Endpoints ? 1 : 2, run.Events(kind, WatchEventType.Deleted));
        Assert.InRange(run.Events(kind, WatchEventType.Added) + run.Events(kind, WatchEventType.Modified), 2, 3);

        void Set(params string[] addresses)
        {
            cluster.Store.Remove("endpointslices", "default", $"kubernetes-{Server.Port}");
            if (role == KubernetesRole.Endpoints && addresses.Length > 0)
                cluster.Store.SetEndpoints("default", "kubernetes", addresses.Select(a => (a, 6443)));
            else if (addresses.Length > 0)
                cluster.Store.SetSlice("default", "kubernetes-x", "kubernetes", addresses, 6443);
            else
            {
                cluster.Store.Remove("endpointslices", "default", "kubernetes-x");
                cluster.Store.Remove("endpoints", "default", "kubernetes");
            }
        }
    }

    [Fact]
    public async Task The_watch_asks_for_the_named_service_from_the_version_of_the_list()
    {
        await using var run = new DiscoveryRun(cluster, TimeSpan.FromSeconds(90));
        var version = cluster.Store.Version;
        await run.UntilAsync(() => Watches == 1);
        Assert.Equal("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes"
            + $"&watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=90", Server.Requests[^1]);
    }

    [Fact]
    public async Task A_slice_that_leaves_the_selection_is_gone_and_other_services_are_nothing()
    {
        await using var run = new DiscoveryRun(cluster, Rarely);
        await run.UntilAsync(() => run.Targets == Own && Watches == 1);
        cluster.Store.SetSlice("default", "web-1", "web", ["10.0.0.9"], 6443);
        cluster.Store.SetSlice("default", "kubernetes-2", "kubernetes", ["10.0.0.1"], 6443);
        await run.UntilAsync(() => run.Targets == $"10.0.0.1:6443 {Own}");
        cluster.Store.SetSlice("default", "kubernetes-2", "web", ["10.0.0.1"], 6443);
        await run.UntilAsync(() => run.Targets == Own);
        // Without the port that is wanted it is kept no longer.
        cluster.Store.SetSlice("default", $"kubernetes-{Server.Port}", "kubernetes", ["127.0.0.1"], Server.Port, portName: "http");
        await run.UntilAsync(() => run.Targets == "");
        Assert.Equal((1, 1), (Lists, Watches));
    }

    [Fact]
    public async Task A_watch_that_is_over_goes_on_from_where_it_was_and_bookmarks_carry_it_there()
    {
        Server.BookmarkPeriod = TimeSpan.FromMilliseconds(20);
        await using var run = new DiscoveryRun(cluster, Rarely);
        await run.UntilAsync(() => Watches == 1);
        cluster.Store.Advance(1000);
        cluster.Store.Set("services", "default", "other", new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject() });
        var version = cluster.Store.Version;
        // A bookmark has told the version once a watch that is cut begins there again.
        for (var watches = 1; !Server.Requests[^1].Contains($"resourceVersion={version}&"); watches++)
        {
            var seen = watches;
            await run.UntilAsync(() => Watches >= seen);
            await Task.Delay(100, TestContext.Current.CancellationToken);
            await Server.StopAsync();
            await Server.StartAsync();
            await run.UntilAsync(() => Watches > seen);
            Assert.True(watches < 50);
        }
        cluster.Store.SetSlice("default", "b", "kubernetes", ["10.0.0.1"], 6443);
        await run.UntilAsync(() => run.Targets == $"10.0.0.1:6443 {Own}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_version_that_is_forgotten_is_a_new_list_at_once(bool asStatus)
    {
        Server.AnswersOldWatchesWithGone = asStatus;
        Server.FailNextWatches(1, async context =>
        {
            // It ends after an event, and what came meanwhile is forgotten before the next one begins.
            await ApiServer.Says(Bookmark(cluster.Store.Version))(context);
            cluster.Store.SetSlice("default", "b", "kubernetes", ["10.0.0.1"], 6443);
            cluster.Store.Compact();
        });
        await using var run = new DiscoveryRun(cluster, Rarely);
        await run.UntilAsync(() => run.Targets == $"10.0.0.1:6443 {Own}");
        Assert.Equal((0, 2), (run.Failures, Lists));
        cluster.Store.Remove("endpointslices", "default", "b");
        await run.UntilAsync(() => run.Targets == Own);
    }

    private static string Bookmark(long version) =>
        """{"type":"BOOKMARK","object":{"kind":"EndpointSlice","metadata":{"resourceVersion":"VERSION"}}}""".Replace("VERSION",
        $"{version}");

    public static TheoryData<string> CutStreams => new()
    {
        "",
        """{"type":"DELETED","object":{"kind":"EndpointSlice","metadata":{"name":"kubernetes-PORT","namespace":"default","resourceVersion":"9""",
        """{"type":"BOOKMARK","object":{"kind":"EndpointSlice","metadata":{"resourceVersion":"VERSION"}}}""" + "\n{",
    };

    [Theory]
    [MemberData(nameof(CutStreams))]
    public async Task A_watch_that_is_cut_in_an_event_loses_nothing_and_goes_on(string stream)
    {
        Server.FailNextWatches(2, ApiServer.Cuts(stream.Replace("PORT", $"{Server.Port}").Replace("VERSION", $"{cluster.Store.Version}")));
        await using var run = new DiscoveryRun(cluster, Rarely);
        await run.UntilAsync(() => Watches >= 3);
        Assert.Equal((Own, 1), (run.Targets, run.Published));
        cluster.Store.SetSlice("default", "b", "kubernetes", ["10.0.0.1"], 6443);
        await run.UntilAsync(() => run.Targets == $"10.0.0.1:6443 {Own}");
    }

    [Theory]
    [InlineData("<html>login</html>", "no JSON")]
    [InlineData("""{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a","resourceVersion":"1"}}}""", "not of kind EndpointSlice")]
    [InlineData("""{"type":"MODIFIED","object":{"kind":"EndpointSlice","metadata":{"name":"a","resourceVersion":"1"},"ports":[{"port":"x"}]}}""", "not a port number")]
    [InlineData("""{"kind":"EndpointSliceList","metadata":{},"items":[]}""", "an event has no object")]
    [InlineData("""{"type":"ERROR","object":{"kind":"Status","code":500,"message":"etcd is away"}}""", "etcd is away")]
    public async Task Garbage_on_a_watch_empties_nothing_and_is_told(string stream, string words)
    {
        Server.FailNextWatches(1, ApiServer.Says(stream));
        await using var run = new DiscoveryRun(cluster, Rarely);
        await run.UntilAsync(() => run.Failures == 1);
        Assert.Equal((Own, 1), (run.Targets, run.Published));
        Assert.Contains(words, Assert.Single(run.Log, l => l.Contains("The watch failed")));
        await run.UntilAsync(() => Lists == 2 && Watches == 2);
        cluster.Store.SetSlice("default", "b", "kubernetes", ["10.0.0.1"], 6443);
        await run.UntilAsync(() => run.Targets == $"10.0.0.1:6443 {Own}");
        Assert.Single(run.Log, l => l.Contains("The watch works again"));
    }

    [Fact]
    public async Task A_watch_that_hangs_leaves_no_stale_targets()
    {
        Server.FailNextWatches(1, ApiServer.Hangs(
            """{"type":"BOOKMARK","object":{"kind":"EndpointSlice","metadata":{"resourceVersion":"201"}}}"""));
        await using var run = new DiscoveryRun(cluster, TimeSpan.FromSeconds(1));
        await run.UntilAsync(() => run.Targets == Own);
        cluster.Store.SetSlice("default", "b", "kubernetes", ["10.0.0.1"], 6443);
        await run.UntilAsync(() => run.Targets == $"10.0.0.1:6443 {Own}");
        Assert.Equal(0, run.Failures);
    }

    public static TheoryData<int, string, string> Refusals => new()
    {
        { 403, "Forbidden", "verbs: [list, watch]" },
        { 405, "MethodNotAllowed", "verbs: [list, watch]" },
        { 501, "NotImplemented", "verbs: [list, watch]" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_watch_that_is_refused_leaves_polling_and_is_told_once(int status, string reason, string words)
    {
        Server.FailNextWatches(1000, ApiServer.Answers(status, reason, "no watch for you"));
        var interval = TimeSpan.FromMilliseconds(20);
        var began = TimeProvider.System.GetTimestamp();
        await using var run = new DiscoveryRun(cluster, interval);
        await run.UntilAsync(() => Lists > 30 && Watches > 1);
        cluster.Store.SetSlice("default", "b", "kubernetes", ["10.0.0.1"], 6443);
        await run.UntilAsync(() => run.Targets == $"10.0.0.1:6443 {Own}");
        var line = Assert.Single(run.Log, l => l.Contains("Watch denied"));
        Assert.Contains(words, line);
        Assert.Contains("no watch for you", line);
        // Asked for again now and then, since the Role may have been mended.
        Assert.InRange(Watches, 2, 1 + TimeProvider.System.GetElapsedTime(began) / (interval * ClusterLists.ManyIntervals));
        Assert.Equal(0, run.Failures);
    }

    [Fact]
    public async Task A_watch_that_is_switched_off_is_not_asked_for()
    {
        await using var run = new DiscoveryRun(cluster, TimeSpan.FromMilliseconds(20), o => o with { Watch = false });
        await run.UntilAsync(() => Lists > 5);
        Assert.Equal(0, Watches);
    }

    [Fact]
    public async Task A_busy_API_server_is_left_alone_for_as_long_as_it_says()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        Server.FailNextWatches(1, ApiServer.Answers(429, "TooManyRequests", "busy", retryAfter: "20"));
        var options = DiscoveryRun.Kubernetes(Server.Address, TimeSpan.FromSeconds(5), o => o with
        {
            Http = new() { CredentialsFile = cluster.TokenFile, Tls = new() { CaFile = cluster.CaFile } },
            Watch = true,
        });
        await using var run = new DiscoveryRun(options, time);
        await run.UntilAsync(() => run.Failures == 1);
        Assert.Contains("429", Assert.Single(run.Log, l => l.Contains("The watch failed")));
        var began = time.GetUtcNow();
        await run.UntilAsync(() =>
        {
            if (Lists == 1)
                time.Advance(TimeSpan.FromSeconds(1));
            return Lists == 2;
        });
        Assert.InRange((time.GetUtcNow() - began).TotalSeconds, 20, 1000);
        Assert.Equal(Own, run.Targets);
    }

    [Fact]
    public async Task Events_that_come_together_are_published_together()
    {
        await using var run = new DiscoveryRun(cluster, Rarely);
        await run.UntilAsync(() => Watches == 1);
        cluster.Store.Together(() =>
        {
            for (var i = 0; i < 500; i++)
                cluster.Store.SetSlice("default", $"s{i}", "kubernetes", [$"10.0.{i / 250}.{i % 250 + 1}"], 6443);
        });
        await run.UntilAsync(() => run.DiscoveredTargets == 501);
        Assert.InRange(run.Published, 2, 250);
        Assert.Equal((1, 1), (Lists, Watches));
    }
}
