using System.Text.Json;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>The commands of the published binary: check, scrape, top and config --prometheus.</summary>
public sealed class CommandTests(PublishedBinary binary)
{
    private const string Body = """
        # TYPE requests counter
        requests{code="200"} 5
        requests{code="500"} 1
        # TYPE latency_seconds histogram
        latency_seconds_bucket{le="0.5"} 1
        latency_seconds_bucket{le="+Inf"} 2
        latency_seconds_sum 3
        latency_seconds_count 2
        # TYPE noise gauge
        noise{kind="x"} 1

        """;

    [Fact]
    public async Task Scrape_prints_the_series_that_are_sent()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve(Body);
        run.Environment["SIDECAR_EXTERNAL_LABELS"] = "cluster=prod";
        run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] =
            """[{"source_labels":["__name__"],"regex":"noise","action":"drop"},{"regex":"code","action":"labelmap","replacement":"status"}]""";
        await using var printing = SidecarProcess.Start(binary, run.Environment, "scrape");
        Assert.Equal(0, await printing.WaitForExitAsync());
        Assert.Empty(printing.Log);
        Assert.Equal(0, run.Receiver.Requests);
        var printed = printing.Output.Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(l => l[..l.LastIndexOf(' ')]);
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Receiver.SeriesCount >= 11, () => "nothing was sent");
        Assert.Equal(run.Receiver.SeriesNames.Order(StringComparer.Ordinal), printed.Order(StringComparer.Ordinal));
        await run.StopAsync();
    }

    [Fact]
    public async Task Top_ranks_and_proposes()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.ServeGzip(new ApiServerPayload(1).Gzip(20_000, 0));
        await using var top = SidecarProcess.Start(binary, run.Environment, "top", "3");
        Assert.Equal(0, await top.WaitForExitAsync());
        Assert.StartsWith("20,005 series of 1 target, ", top.Output);
        Assert.Contains("apiserver_request_duration_seconds_bucket", top.Output);
        Assert.Contains("SIDECAR_METRIC_RELABEL_CONFIGS='[{", top.Output);
        Assert.Equal(3, top.Output.Split('\n').Count(l => l.Contains("saves ")));
    }

    [Fact]
    public async Task Check_says_that_all_is_well()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve(Body);
        await using var check = SidecarProcess.Start(binary, run.Environment, "check", "--send");
        Assert.Equal(0, await check.WaitForExitAsync());
        Assert.DoesNotContain("✗", check.Output);
        Assert.DoesNotContain('\e', check.Output);
        Assert.EndsWith("All is well.", check.Output);
        Assert.Equal(["sidecar_check{job=\"apiserver\"}"], run.Receiver.SeriesNames);
    }

    /// <summary>The framework's own words are left out of the binary; ours must be there.</summary>
    [Fact]
    public async Task Check_tells_what_is_wrong_and_what_to_do()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Cluster.RotateToken(RbacRule.Slices("default"));
        run.Receiver.Answer = _ => new ReceiverAnswer(404, "404 page not found\n");
        await using var check = SidecarProcess.Start(binary, run.Environment, "check", "--output", "json");
        Assert.Equal(1, await check.WaitForExitAsync());
        using var json = JsonDocument.Parse(check.Output);
        Assert.False(json.RootElement.GetProperty("ok").GetBoolean());
        var failed = json.RootElement.GetProperty("steps").EnumerateArray().Where(s => s.GetProperty("status").GetString() == "failed")
            .ToList();
        Assert.Equal(["target", "receiver"], failed.Select(s => s.GetProperty("step").GetString()));
        Assert.Equal("forbidden", failed[0].GetProperty("reason").GetString());
        Assert.Contains("nonResourceURLs: [/metrics]", failed[0].GetProperty("paste").GetString());
        Assert.Contains("/prometheus/v1/write (Nightingale)", failed[1].GetProperty("remedy").GetString());
    }

    /// <summary>The receiver takes what the check sends it, and none of what the running process does: only the process can tell.</summary>
    [Fact]
    public async Task Check_says_what_the_running_process_loses()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve(Body);
        var status = 404;
        run.Receiver.Answer = request => new ReceiverAnswer(request.Message.Timeseries.Count == 0 ? 204 : status, "no such tenant\n");
        run.Start(binary);
        var address = await run.Sidecar.ListenAddressAsync();
        var beside = new Dictionary<string, string>(run.Environment) { ["SIDECAR_LISTEN_ADDRESS"] = address.Authority };

        await FindingAsync(address, "receiver_fails");
        await using (var waiting = SidecarProcess.Start(binary, beside, "check"))
        {
            Assert.Equal(0, await waiting.WaitForExitAsync());
            Assert.Contains($"✓ process         sidecar 0.1.0 at {address.Authority} is ready: running for ", waiting.Output);
            Assert.Contains("! process         The receiver does not accept; scrapes wait in the queue (for ", waiting.Output);
            Assert.Contains("at this rate; then the oldest is lost", waiting.Output);
            Assert.DoesNotContain("All is well", waiting.Output);
        }

        status = 400;
        await FindingAsync(address, "all_refused");
        await using var losing = SidecarProcess.Start(binary, beside, "check", "--output=json");
        Assert.Equal(1, await losing.WaitForExitAsync());
        using var json = JsonDocument.Parse(losing.Output);
        Assert.False(json.RootElement.GetProperty("ok").GetBoolean());
        var steps = json.RootElement.GetProperty("steps").EnumerateArray();
        var failed = Assert.Single(steps, s => s.GetProperty("status").GetString() == "failed");
        Assert.Equal(("process", "all_refused"), (failed.GetProperty("step").GetString(), failed.GetProperty("reason").GetString()));
        Assert.Contains("no such tenant", failed.GetProperty("fact").GetString());
        Assert.True(failed.TryGetProperty("since", out _) && failed.TryGetProperty("remedy", out _), losing.Output);
        Assert.Equal(0, await run.Sidecar.StopAsync());

        await using var alone = SidecarProcess.Start(binary, beside, "check");
        Assert.Equal(0, await alone.WaitForExitAsync());
        Assert.Contains($"· process         no sidecar runs here: nothing listens on {address.Authority}", alone.Output);
        Assert.EndsWith("All is well.", alone.Output);
    }

    private static async Task FindingAsync(Uri address, string condition)
    {
        using var client = new HttpClient();
        var judgement = "";
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await client.GetAsync(new Uri(address, "/api/v1/ready"), TestContext.Current.CancellationToken);
            judgement = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            return judgement.Contains($"\"condition\":\"{condition}\"");
        }, () => judgement);
    }

    [Fact]
    public async Task Check_tells_certificates_apart_and_ends_with_2_where_a_variable_is_wrong()
    {
        await using var run = await StandInFixture.CreateAsync();
        using var another = new CertificateAuthority("another");
        await File.WriteAllTextAsync(run.Cluster.CaFile, another.Pem, TestContext.Current.CancellationToken);
        await using var check = SidecarProcess.Start(binary, run.Environment, "check");
        Assert.Equal(1, await check.WaitForExitAsync());
        Assert.Contains("is issued by CN=kubernetes, which is not an authority in", check.Output);
        Assert.Contains("SIDECAR_KUBERNETES_CA_FILE", check.Output);
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "15 s";
        await using var wrong = SidecarProcess.Start(binary, run.Environment, "check");
        Assert.Equal(2, await wrong.WaitForExitAsync());
        Assert.Contains("✗ configuration   SIDECAR_SCRAPE_INTERVAL=\"15 s\"", wrong.Output);
    }

    [Fact]
    public async Task Prometheus_with_the_printed_configuration_sends_the_same_series()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve(Body);
        foreach (var name in run.Environment.Keys.Where(k => k.StartsWith("SIDECAR_KUBERNETES_", StringComparison.Ordinal)).ToList())
            run.Environment.Remove(name);
        run.Environment["SIDECAR_TARGETS"] = $"127.0.0.1:{run.ApiServer.Port},https://localhost:{run.ApiServer.Port}/metrics?a=b";
        run.Environment["SIDECAR_TLS_CA_FILE"] = run.Cluster.CaFile;
        run.Environment["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = run.Cluster.TokenFile;
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "1s";
        run.Environment["SIDECAR_PRESET"] = "apiserver-lean";
        run.Environment["SIDECAR_EXTERNAL_LABELS"] = "cluster=prod,zone=a b: c";
        run.Environment["SIDECAR_RELABEL_CONFIGS"] =
            """[{"source_labels":["__address__"],"regex":"(.*):\\d+","target_label":"node","replacement":"$1"}]""";
        run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] =
            """[{"source_labels":["__name__","kind"],"regex":"noise;x","action":"drop"},{"regex":"code","action":"labelmap","replacement":"status"}]""";
        run.Environment["SIDECAR_WRITE_RELABEL_CONFIGS"] = """[{"source_labels":["__name__"],"regex":"scrape_.*","action":"drop"}]""";
        await using var config = SidecarProcess.Start(binary, run.Environment, "config", "--prometheus");
        Assert.Equal(0, await config.WaitForExitAsync());
        await using var prometheus = await RealServer.PrometheusAgentAsync(config.Output);
        await Eventually.TrueAsync(() => run.Receiver.SeriesCount >= 14, () =>
            $"Prometheus sent {string.Join(' ', run.Receiver.SeriesNames)}");
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "1m"; // or one scrape on a busy machine would have a second
        run.Environment["SIDECAR_SCRAPE_TIMEOUT"] = "30s";
        await using var scrape = SidecarProcess.Start(binary, run.Environment, "scrape");
        Assert.Equal(0, await scrape.WaitForExitAsync());
        var printed = scrape.Output.Split('\n').Where(l => l.Length > 0 && l[0] != '#').Select(l => l[..l.LastIndexOf(' ')]);
        Assert.Equal(printed.Order(StringComparer.Ordinal), run.Receiver.SeriesNames.Order(StringComparer.Ordinal));
    }
}
