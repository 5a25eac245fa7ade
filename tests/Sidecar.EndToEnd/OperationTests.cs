using System.Net;
using System.Text.Json;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>What operators see of the published binary: commands, exit codes, pages, log lines.</summary>
public sealed class OperationTests(PublishedBinary binary)
{
    private static readonly HttpClient Http = new();

    [Fact]
    public async Task Configuration_errors_are_listed_all_at_once_with_exit_code_2_and_no_secret()
    {
        await using var sidecar = SidecarProcess.Start(binary, new Dictionary<string, string>
        {
            ["SIDECAR_SCRAPE_INTERVAL"] = "15 seconds",
            ["SIDECAR_REMOTE_WRITE_CONCURENCY"] = "8",
            ["SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS"] = "hush-hush",
            ["SIDECAR_REMOTE_WRITE_BASIC_AUTH_PASSWORD"] = "hush-hush",
            ["SIDECAR_REMOTE_WRITE_PROTOCOL"] = "3.0",
            ["SIDECAR_SERVICE_HOST"] = "10.0.0.1",
        });
        Assert.Equal(2, await sidecar.WaitForExitAsync());
        var errors = string.Join('\n', sidecar.Log);
        Assert.Contains("SIDECAR_SCRAPE_INTERVAL", errors);
        Assert.Contains("SIDECAR_REMOTE_WRITE_CONCURRENCY", errors); // the nearest name is proposed
        Assert.Contains("SIDECAR_REMOTE_WRITE_PROTOCOL", errors);
        Assert.Contains("SIDECAR_REMOTE_WRITE_URL", errors);
        Assert.DoesNotContain("SIDECAR_SERVICE_HOST", errors);
        Assert.DoesNotContain("hush-hush", errors);
    }

    [Theory]
    [InlineData("version", 0, "sidecar ")]
    [InlineData("help", 0, "SIDECAR_REMOTE_WRITE_URL")]
    [InlineData("config", 0, "SIDECAR_SCRAPE_INTERVAL=15s  # default")]
    [InlineData("nonsense", 2, "")]
    [InlineData("--help", 0, "sidecar check")]
    public async Task Commands_print_and_end(string command, int exitCode, string output)
    {
        await using var sidecar = SidecarProcess.Start(binary, new Dictionary<string, string>
        {
            ["SIDECAR_TARGETS"] = "127.0.0.1:6443",
            ["SIDECAR_REMOTE_WRITE_URL"] = "http://user:hush-hush@127.0.0.1/api/v1/write",
        }, command);
        Assert.Equal(exitCode, await sidecar.WaitForExitAsync());
        Assert.Contains(output, sidecar.Output);
        Assert.DoesNotContain("hush-hush", sidecar.Output);
    }

    [Fact]
    public async Task Pages_tell_health_readiness_metrics_and_targets()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        var address = await run.Sidecar.ListenAddressAsync();
        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync(new Uri(address, "-/healthy"))).StatusCode);
        await run.PageAsync("-/ready", "^Sidecar is ready"); // once it has the receiver's answer, which the receiver gives later
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await Http.PostAsync(new Uri(address, "-/healthy"), null)).StatusCode);
        var metrics = await run.PageAsync("metrics", "(?m)^sidecar_queue_scrapes 0$"); // none is on its way
        Assert.Contains("prometheus_sd_discovered_targets{", metrics);
        Assert.Contains("process_resident_memory_bytes ", metrics);
        using var targets = JsonDocument.Parse(await Http.GetStringAsync(new Uri(address, "api/v1/targets")));
        var target = targets.RootElement.GetProperty("data").GetProperty("activeTargets")[0];
        Assert.Equal("up", target.GetProperty("health").GetString());
        Assert.Equal("kubernetes", target.GetProperty("discoveredLabels").GetProperty("__meta_kubernetes_service_name").GetString());
        Assert.Equal("https", target.GetProperty("discoveredLabels").GetProperty("__meta_kubernetes_endpoint_port_name").GetString());
        await run.StopAsync();
    }

    [Fact]
    public async Task It_is_not_ready_before_the_api_server_has_answered()
    {
        await using var run = await StandInFixture.CreateAsync();
        await run.ApiServer.StopAsync();
        run.Start(binary);
        var address = await run.Sidecar.ListenAddressAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await Http.GetAsync(new Uri(address, "-/ready"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync(new Uri(address, "-/healthy"))).StatusCode);
        await run.Sidecar.WaitForLogAsync("Discovery failed", "connection_refused");
        run.ApiServer.Metrics.Serve("a 1\n");
        await run.ApiServer.StartAsync();
        await run.ValueAsync("a", 1);
        await run.PageAsync("-/ready", "^Sidecar is ready");
        await run.StopAsync();
    }

    [Fact]
    public async Task The_log_has_no_line_for_each_scrape()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("a").Count >= 5, () => "no scrapes");
        run.ApiServer.Metrics.Status = HttpStatusCode.InternalServerError;
        await Eventually.TrueAsync(() => run.Samples("up").Count(s => s.Value == 0) >= 5, () => "no failures");
        await run.StopAsync();
        // Start, protocol, targets, the first scrapes, the failure once, that all is lost, and two lines of the end.
        Assert.InRange(run.Sidecar.Log.Count, 4, 8);
        Assert.Single(run.Sidecar.Log, l => l.Contains("Scrape failed"));
    }

    [Fact]
    public async Task Logs_are_json_where_asked_for_and_hold_no_secret()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_LOG_FORMAT"] = "json";
        run.Environment["SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS"] = "hush-hush";
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await run.StopAsync();
        Assert.Equal("Bearer hush-hush", run.Receiver.Last!.Headers["Authorization"]);
        Assert.All(run.Sidecar.Log, line =>
        {
            using var json = JsonDocument.Parse(line);
            Assert.NotNull(json.RootElement.GetProperty("msg").GetString());
            Assert.DoesNotContain("hush-hush", line);
            Assert.DoesNotContain(run.Cluster.Token, line);
        });
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named_and_ends_the_process()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_LISTEN_ADDRESS"] = $"127.0.0.1:{run.Receiver.Port}";
        run.Start(binary);
        Assert.Equal(1, await run.Sidecar.WaitForExitAsync());
        Assert.Contains(run.Sidecar.Log, l => l.Contains("SIDECAR_LISTEN_ADDRESS"));
    }
}
