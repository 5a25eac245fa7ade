using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// Every panel of the dashboards and every rule on real data: a stand-in cluster, the sidecar, and a real Prometheus that takes what it
/// sends and scrapes it. What is well is not empty.
/// </summary>
public sealed partial class DashboardDataTests(PublishedBinary binary)
{
    [Theory]
    [InlineData("")]
    [InlineData("apiserver-lean")]
    public async Task No_panel_is_empty_and_no_rule_fails(string preset)
    {
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        foreach (var (server, seed) in run.Cluster.ApiServers.Select((s, i) => (s, i)))
        {
            var payload = new ApiServerPayload(seed);
            server.Metrics.Gzip = scrape => payload.Gzip(15_000, scrape);
        }
        var port = RealServer.FreePort();
        var rules = await File.ReadAllTextAsync(Deployed("alerts.yaml"), TestContext.Current.CancellationToken);
        await using var prometheus = await RealServer.PrometheusAsync(rules.Replace("interval: 1m", "interval: 1s"), "sidecar",
            $"127.0.0.1:{port}", "{cluster: test}");
        run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Uri(prometheus.Address, "api/v1/write").ToString();
        run.Environment["SIDECAR_LISTEN_ADDRESS"] = $"127.0.0.1:{port}";
        run.Environment["SIDECAR_EXTERNAL_LABELS"] = "cluster=test";
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "2s";
        run.Environment["SIDECAR_PRESET"] = preset;
        run.Start(binary);

        var panels = Panels("grafana-sidecar.json", "sidecar").Concat(Panels("grafana-kube-apiserver.json", "apiserver")).ToList();
        Assert.True(panels.Count > 70);
        var started = Stopwatch.GetTimestamp();
        List<string> empty;
        do
        {
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
            empty = [];
            foreach (var (where, query) in panels)
            {
                if (!(await prometheus.QueryAsync(query)).Values.Any(v => v != "NaN"))
                    empty.Add($"{where}: {query}");
            }
        }
        while (empty.Count > 0 && Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(90));
        Assert.True(empty.Count == 0, $"empty with preset '{preset}':\n{string.Join('\n', empty)}");

        // Each rule has been evaluated, recording rules have something to say, and nothing is wrong that an alert would tell of.
        await Eventually.TrueAsync(async () => (await prometheus.RulesAsync()).TrueForAll(r => r.Error != "unknown"), () => "rules wait");
        var health = await prometheus.RulesAsync();
        Assert.True(health.Count > 35);
        Assert.All(health, rule => Assert.Equal("", rule.Error));
        foreach (var (name, _) in health.Where(r => r.Name.Contains(':')))
            Assert.Contains((await prometheus.QueryAsync(name)).Values, value => value != "NaN");
        var alerts = await prometheus.QueryAsync("""ALERTS{alertstate="firing",alertname=~"Sidecar.*|KubeAPIDown|KubeAPIInstance.*"}""");
        Assert.True(alerts.Count == 0, string.Join('\n', alerts.Keys));
        // Of another process on the same Prometheus the sidecar's default view shows nothing.
        var memory = panels.First(p => p.Query.StartsWith("max(process_resident_memory_bytes", StringComparison.Ordinal)).Query;
        Assert.InRange(double.Parse((await prometheus.QueryAsync(memory)).Values.Single()), 1, 100e6);
    }

    /// <summary>As Grafana asks, with its first choice of each variable.</summary>
    private static IEnumerable<(string Where, string Query)> Panels(string file, string job)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Deployed(file)));
        foreach (var panel in json.RootElement.GetProperty("panels").EnumerateArray().Where(p => p.TryGetProperty("targets", out _)))
        {
            foreach (var target in panel.GetProperty("targets").EnumerateArray())
            {
                var query = target.GetProperty("expr").GetString()!.Replace("$__rate_interval", "1m").Replace("$job", job)
                    .Replace("$cluster", ".*").Replace("$instance", ".*");
                Assert.DoesNotMatch(VariablePattern(), query);
                yield return ($"{file}, {panel.GetProperty("title")}", query);
            }
        }
    }

    private static string Deployed(string file) => Path.Combine(SidecarBinary.RepositoryRoot, "src", "deploy", file);

    [GeneratedRegex(@"\$[a-z]")]
    private static partial Regex VariablePattern();
}
