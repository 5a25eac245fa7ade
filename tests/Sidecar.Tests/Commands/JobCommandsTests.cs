using System.Text.Json;
using Cluster;
using Sidecar.Tests.Deploy;
using Sidecar.Tests.Http;

namespace Sidecar.Tests.Commands;

/// <summary>Two jobs: the API servers by discovery, and a scheduler over plain HTTP.</summary>
public sealed class JobCommandsTests
{
    [Fact]
    public async Task Check_goes_through_all_jobs_and_gives_one_set_of_rules()
    {
        await using var scheduler = new RawServer(_ => RawServer.Answer("403 Forbidden",
            "forbidden: User \"system:serviceaccount:sidecar:sidecar\" cannot get path \"/metrics\"", "Content-Type: text/plain"));
        await using var run = await RunAsync(scheduler);
        run.Environment["SIDECAR_OTHER__TARGETS"] = $"http://127.0.0.1:{scheduler.Port}/metrics";
        run.Environment["SIDECAR_JOBS"] = "apiserver,kube-scheduler,other";
        Assert.Equal(1, await run.RunAsync("check"));
        var lines = run.Lines.ToList();
        Assert.True(lines.IndexOf("job apiserver") < lines.FindIndex(l => l.StartsWith("✓ target ")));
        Assert.True(lines.IndexOf("job kube-scheduler") < lines.FindIndex(l => l.StartsWith("✗ target ")));
        Assert.Contains("job other", lines);
        Assert.Single(lines, "kubectl apply -f - <<'EOF'");
        Assert.Single(lines, "kind: ClusterRole");
        Assert.All(scheduler.Requests, r => Assert.Null(r.Header("Authorization")));

        Assert.Equal(1, await run.RunAsync("check", "--output", "json"));
        using var json = JsonDocument.Parse(run.Output);
        var steps = json.RootElement.GetProperty("steps").EnumerateArray().ToList();
        Assert.Contains(steps, s => s.GetProperty("step").GetString() == "target" && s.GetProperty("job").GetString() == "kube-scheduler");
        Assert.DoesNotContain(steps, s => s.GetProperty("step").GetString() == "receiver" && s.TryGetProperty("job", out _));
    }

    [Fact]
    public async Task A_remedy_names_the_job_s_own_variable()
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_JOBS"] = "apiserver,mine";
        run.Environment["SIDECAR_MINE__KUBERNETES_PORT_NAME"] = "nothing";
        Assert.Equal(1, await run.RunAsync("check"));
        Assert.Contains("remedy: set SIDECAR_MINE__KUBERNETES_PORT_NAME to one of them", run.Output);
    }

    [Fact]
    public async Task Scrape_and_top_say_the_job()
    {
        await using var scheduler = new RawServer(
            _ => RawServer.Answer("200 OK", "s 1\ns2 1\n", "Content-Type: text/plain; version=0.0.4"));
        await using var run = await RunAsync(scheduler);
        Assert.Equal(0, await run.RunAsync("scrape"));
        Assert.Contains("job=\"kube-scheduler\"", run.Output);
        Assert.Contains("job=\"apiserver\"", run.Output);
        Assert.Equal(0, await run.RunAsync("top"));
        Assert.Equal(["job apiserver", "job kube-scheduler"], run.Lines.Where(l => l.StartsWith("job ")));
        Assert.Contains(run.Lines, l => l.StartsWith("6 series of 1 target"));
        Assert.Contains(run.Lines, l => l.StartsWith("7 series of 1 target"));
    }

    [Fact]
    public async Task Prometheus_gets_one_scrape_config_a_job()
    {
        using var folder = new Folder();
        await using var run = await CommandRun.CreateAsync();
        foreach (var name in new[] { "SIDECAR_KUBERNETES_API_SERVER", "SIDECAR_KUBERNETES_TOKEN_FILE", "SIDECAR_KUBERNETES_CA_FILE" })
            run.Environment.Remove(name);
        run.Environment["SIDECAR_JOBS"] = "etcd,mine,other";
        run.Environment["SIDECAR_MINE__TARGETS"] = "10.0.0.1:1";
        run.Environment["SIDECAR_MINE__SCRAPE_INTERVAL"] = "1m";
        run.Environment["SIDECAR_OTHER__TARGETS"] = "10.0.0.2:1";
        run.Environment["SIDECAR_OTHER__JOB_NAME"] = "label";
        run.Environment["SIDECAR_OTHER__METRIC_RELABEL_CONFIGS"] = """[{"source_labels":["__name__"],"regex":"x","action":"drop"}]""";
        Assert.Equal(0, await run.RunAsync("config", "--prometheus"));
        var text = run.Output.Replace("\"", "");
        string[] expected = ["job_name: etcd", "job_name: mine", "job_name: other", "job: label", "regex: x", "scrape_interval: 1m"];
        foreach (var line in expected)
            Assert.Contains(line, text);
        Assert.Single(run.Lines, l => l.Contains("metric_relabel_configs"));
        await Promtool.PassesAsync("check", "config", "--agent", folder.Write("prometheus.yml", run.Output));
    }

    private static async Task<CommandRun> RunAsync(RawServer scheduler)
    {
        var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_JOBS"] = "apiserver,kube-scheduler";
        run.Environment["SIDECAR_KUBE_SCHEDULER__TARGETS"] = $"127.0.0.1:{scheduler.Port}";
        run.Environment["SIDECAR_KUBE_SCHEDULER__SCHEME"] = "http";
        return run;
    }
}
