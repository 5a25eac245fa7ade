using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>Discovery on a watch: the poll is so rare that what is seen was not seen by it.</summary>
public sealed class DiscoveryTests(PublishedBinary binary)
{
    private const int Others = 5000;

    private static readonly double Stale = BitConverter.UInt64BitsToDouble(0x7ff0000000000002);

    [Fact]
    public async Task A_change_is_seen_on_the_watch()
    {
        await using var run = await CreateAsync();
        run.Start(binary);
        var second = run.Cluster.ApiServers[1];
        await run.ValueAsync("a", 1, server: second);
        await WatchesAsync(run, 1);
        run.Cluster.Withdraw(second);
        await run.Sidecar.WaitForLogAsync("Targets changed", $"gone=https://127.0.0.1:{second.Port}/metrics");
        await run.ValueAsync("a", Stale, server: second);
        run.Cluster.Announce(second);
        await run.ValueAsync("a", 1, server: second);
        Assert.Single(run.ApiServer.Requests, r => !r.Contains("watch=true"));
        await run.StopAsync();
        Assert.DoesNotContain(run.Sidecar.Log, l => l.Contains("level=warn"));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task An_API_server_that_was_away_is_listed_and_watched_again(bool hasForgotten, bool asStatus)
    {
        await using var run = await CreateAsync();
        run.ApiServer.AnswersOldWatchesWithGone = asStatus;
        var second = run.Cluster.ApiServers[1];
        run.Cluster.Withdraw(second);
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await WatchesAsync(run, 1);
        await run.ApiServer.StopAsync();
        await run.ValueAsync("up", 0);
        // What changes meanwhile is known after it: by a list where the API server cannot tell the changes any more.
        run.Cluster.Announce(second);
        if (hasForgotten)
            run.Cluster.Store.Compact();
        await run.ApiServer.StartAsync();
        await run.ValueAsync("a", 1, server: second);
        await run.ValueAsync("a", 1);
        // And what changes from then on comes on a watch.
        await WatchesAsync(run, 2);
        run.Cluster.Withdraw(second);
        await run.ValueAsync("a", Stale, server: second);
        Assert.InRange(run.ApiServer.Requests.Count(r => !r.Contains("watch=true")), 2, 20);
        await run.StopAsync();
    }

    [Fact]
    public async Task A_watch_whose_version_is_forgotten_is_a_new_list()
    {
        await using var run = await CreateAsync();
        var second = run.Cluster.ApiServers[1];
        run.Cluster.Withdraw(second);
        // The first watch ends in order after a bookmark; the second begins where it ended, which is forgotten by then.
        run.ApiServer.FailNextWatches(1, async context =>
        {
            await ApiServer.Says("""{"type":"BOOKMARK","object":{"kind":"EndpointSlice","metadata":{"resourceVersion":"201"}}}""")(context);
            run.Cluster.Announce(second);
            run.Cluster.Store.Compact();
        });
        run.Start(binary);
        await run.ValueAsync("a", 1, server: second);
        Assert.Equal(2, run.ApiServer.Requests.Count(r => !r.Contains("watch=true")));
        await run.StopAsync();
        Assert.DoesNotContain(run.Sidecar.Log, l => l.Contains("level=warn"));
    }

    [Fact]
    public async Task All_services_with_the_agents_rule_and_labels_of_the_service()
    {
        await using var run = await CreateAsync();
        run.Cluster.RotateToken([.. StandInCluster.ManifestRules(), RbacRule.Services("default", "list", "watch")]);
        run.Cluster.Store.SetService("default", "kubernetes", new() { ["component"] = "apiserver" });
        run.Cluster.Store.SetSlice("default", "web-1", "web", ["127.0.0.1"], 1);
        run.Environment["SIDECAR_KUBERNETES_NAMESPACE"] = "*";
        run.Environment["SIDECAR_KUBERNETES_SERVICE"] = "*";
        run.Environment["SIDECAR_KUBERNETES_PORT_NAME"] = "*";
        run.Environment["SIDECAR_RELABEL_CONFIGS"] = """
            [{"source_labels":["__meta_kubernetes_namespace","__meta_kubernetes_service_name","__meta_kubernetes_endpoint_port_name"],
              "action":"keep","regex":"default;kubernetes;https"},
             {"regex":"__meta_kubernetes_service_label_(.+)","action":"labelmap"}]
            """;
        run.Start(binary);
        foreach (var server in run.Cluster.ApiServers)
            await run.ValueAsync("a", 1, "component=\"apiserver\"", server);
        // Only what can be kept is asked for, so that the Role for one namespace is enough.
        Assert.All(run.ApiServer.Requests, r => Assert.Matches(
            "/namespaces/default/(endpointslices.labelSelector=kubernetes.io|services.fieldSelector=metadata.name)", r));
        run.Cluster.Store.SetService("default", "kubernetes", new() { ["component"] = "changed" });
        await run.ValueAsync("a", 1, "component=\"changed\"");
        await run.StopAsync();
    }

    [Fact]
    public async Task A_large_cluster_of_which_little_is_kept_takes_no_more_memory()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "VmHWM is Linux's");
        var alone = await PeakAsync(0);
        var beside = await PeakAsync(Others);
        TestContext.Current.TestOutputHelper?.WriteLine($"VmHWM {alone} kB alone, {beside} kB beside {Others} slices");
        Assert.InRange(beside - alone, long.MinValue, 2048); // their JSON has 4 MB
    }

    [Fact]
    public async Task More_targets_than_the_limit_are_none()
    {
        await using var run = await CreateAsync();
        run.Environment["SIDECAR_TARGET_LIMIT"] = "1";
        run.Start(binary);
        foreach (var server in run.Cluster.ApiServers)
            await run.ValueAsync("up", 0, server: server);
        await run.Sidecar.WaitForLogAsync("Scrape failed", "reason=target_limit", "there are 2 targets, and the limit is 1");
        Assert.Equal((0, 0), (run.ApiServer.Metrics.Scrapes, run.Cluster.ApiServers[1].Metrics.Scrapes));
        run.Cluster.Withdraw(run.Cluster.ApiServers[1]);
        await run.ValueAsync("a", 1);
        run.Cluster.Announce(run.Cluster.ApiServers[1]);
        await run.ValueAsync("a", Stale);
        await run.ValueAsync("up", 0);
        await run.StopAsync();
    }

    [Fact]
    public async Task Shards_divide_the_targets()
    {
        await using var run = await CreateAsync();
        run.Environment["SIDECAR_SHARDS"] = "2";
        run.Environment["SIDECAR_SHARD"] = "0";
        run.Start(binary);
        await using var other = SidecarProcess.Start(binary, new Dictionary<string, string>(run.Environment) { ["SIDECAR_SHARD"] = "1" });
        // Whichever of the two has them: each target is scraped by one.
        foreach (var server in run.Cluster.ApiServers)
            await run.ValueAsync("a", 1, server: server);
        var both = string.Join('\n', run.Sidecar.Log.Concat(other.Log).Where(l => l.Contains("Targets changed")));
        foreach (var server in run.Cluster.ApiServers)
            Assert.Equal(2, both.Split($":{server.Port}/").Length);
        Assert.Equal(0, await other.StopAsync());
        await run.StopAsync();
    }

    /// <summary>VmHWM in kB after a list and a watch of so many slices that a rule drops.</summary>
    private async Task<long> PeakAsync(int others)
    {
        await using var run = await CreateAsync();
        run.Cluster.RotateToken(RbacRule.Slices(null), RbacRule.MetricsPath);
        for (var i = 0; i < others; i++)
            run.Cluster.Store.SetSlice($"ns-{i % 50}", $"web-{i}", $"web-{i}", [$"10.1.{i / 250}.{i % 250}", $"10.2.{i / 250}.{i % 250}"],
                8443);
        run.Environment["SIDECAR_KUBERNETES_NAMESPACE"] = "*";
        run.Environment["SIDECAR_KUBERNETES_SERVICE"] = "*";
        // A pattern, so that it is the sidecar that drops them and not the API server.
        run.Environment["SIDECAR_RELABEL_CONFIGS"] =
            """[{"source_labels":["__meta_kubernetes_service_name"],"regex":"kube.+","action":"keep"}]""";
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await WatchesAsync(run, 1);
        for (var i = 0; i < others / 10; i++)
            run.Cluster.Store.SetSlice($"ns-{i % 50}", $"web-{i}", $"web-{i}", [$"10.3.{i / 250}.{i % 250}"], 8443);
        run.Cluster.Withdraw(run.Cluster.ApiServers[1]);
        await run.Sidecar.WaitForLogAsync("Targets changed", "gone=");
        var line = File.ReadLines($"/proc/{run.Sidecar.Id}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        await run.StopAsync();
        return long.Parse(line.AsSpan("VmHWM:".Length, line.Length - "VmHWM:".Length - " kB".Length),
            System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task<StandInFixture> CreateAsync()
    {
        var run = await StandInFixture.CreateAsync(apiServers: 2);
        run.Environment["SIDECAR_KUBERNETES_REFRESH_INTERVAL"] = "1h";
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.Serve("a 1\n");
        return run;
    }

    private static Task WatchesAsync(StandInFixture run, int count) =>
        Eventually.TrueAsync(() => run.ApiServer.Requests.Count(r => r.Contains("watch=true")) >= count, () => "no watch");
}
