using System.Text;

namespace Sidecar.EndToEnd;

/// <summary>Rules from the environment to what the receiver gets.</summary>
public sealed class RelabelingTests(PublishedBinary binary)
{
    [Fact]
    public async Task The_rule_of_the_replaced_setup_works_with_either_API()
    {
        foreach (var role in new[] { "endpointslice", "endpoints" })
        {
            await using var run = await StandInFixture.CreateAsync();
            run.ApiServer.Metrics.Serve("a 1\n");
            run.Environment["SIDECAR_KUBERNETES_ROLE"] = role;
            run.Environment["SIDECAR_KUBERNETES_PORT_NAME"] = "*";
            run.Environment["SIDECAR_RELABEL_CONFIGS"] = """
                [{"source_labels":["__meta_kubernetes_namespace","__meta_kubernetes_service_name","__meta_kubernetes_endpoint_port_name"],"action":"keep","regex":"default;kubernetes;https"}]
                """;
            run.Start(binary);
            await run.ValueAsync("a", 1);
            await run.StopAsync();
        }
    }

    [Fact]
    public async Task Targets_are_dropped_and_labelled_and_get_their_own_path_and_times()
    {
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.Serve("a 1\n");
        var dropped = run.Cluster.ApiServers[1];
        run.Environment["SIDECAR_RELABEL_CONFIGS"] = $$"""
            [{"source_labels":["__address__"],"regex":".*:{{dropped.Port}}","action":"drop"},
             {"source_labels":["__meta_kubernetes_namespace"],"target_label":"namespace"},
             {"source_labels":["__address__"],"regex":"(.+):\\d+","target_label":"instance","replacement":"api-$1"},
             {"target_label":"__param_verbose","replacement":"a b&c"},
             {"target_label":"__scrape_timeout__","replacement":"250ms"},
             {"target_label":"__tmp","replacement":"x"},
             {"target_label":"job","replacement":"kube"}]
            """;
        run.Start(binary);
        await Eventually.TrueAsync(
            () => run.Receiver.SamplesOf("a{instance=\"api-127.0.0.1\",job=\"kube\",namespace=\"default\"}").Count > 0,
            () => $"known: {string.Join(' ', run.Receiver.SeriesNames.Take(10))}; log:\n{string.Join('\n', run.Sidecar.Log)}");
        await run.StopAsync();
        Assert.Equal("0.25", run.ApiServer.Metrics.LastHeaders["X-Prometheus-Scrape-Timeout-Seconds"]);
        Assert.Equal("?verbose=a+b%26c", run.ApiServer.Metrics.LastQuery);
        Assert.All(run.Receiver.SeriesNames, s => Assert.DoesNotContain("__tmp", s));
        Assert.Equal(0, dropped.Metrics.Scrapes);
    }

    [Fact]
    public async Task Series_are_relabeled_when_scraped_and_when_sent()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("go_x 1\na_total{pod=\"p\",code=\"200\"} 2\nb{pod=\"p\"} 3\nsecret 4\n");
        run.Environment["SIDECAR_EXTERNAL_LABELS"] = "cluster=prod";
        run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] = """
            [{"source_labels":["__name__"],"regex":"go_.*","action":"drop"},
             {"regex":"pod","action":"labeldrop"},
             {"source_labels":["code"],"regex":"(\\d)..","target_label":"class","replacement":"${1}xx"}]
            """;
        run.Environment["SIDECAR_WRITE_RELABEL_CONFIGS"] = """
            [{"source_labels":["__name__"],"regex":"secret|scrape_duration_seconds","action":"drop"},
             {"source_labels":["cluster","job"],"separator":"/","target_label":"job"}]
            """;
        run.Start(binary);
        var labels = $"cluster=\"prod\",instance=\"127.0.0.1:{run.ApiServer.Port}\",job=\"prod/apiserver\"";
        await Eventually.TrueAsync(() => run.Receiver.SamplesOf($"scrape_series_added{{{labels}}}").Count > 1, () =>
            string.Join('\n', run.Receiver.SeriesNames));
        await run.StopAsync();
        Assert.Equal(
            [
                $"a_total{{class=\"2xx\",{labels.Replace("cluster=\"prod\"", "cluster=\"prod\",code=\"200\"")}}}", $"b{{{labels}}}",
                $"scrape_samples_post_metric_relabeling{{{labels}}}", $"scrape_samples_scraped{{{labels}}}",
                $"scrape_series_added{{{labels}}}", $"up{{{labels}}}",
            ],
            run.Receiver.SeriesNames.Order(StringComparer.Ordinal));
        Assert.Equal(4, run.Receiver.SamplesOf($"scrape_samples_scraped{{{labels}}}")[0].Value);
        Assert.Equal(3, run.Receiver.SamplesOf($"scrape_samples_post_metric_relabeling{{{labels}}}")[0].Value);
    }

    [Fact]
    public async Task The_preset_thins_histograms_before_one_s_own_rules()
    {
        await using var run = await StandInFixture.CreateAsync();
        var text = new StringBuilder();
        foreach (var name in new[] { "apiserver_request_duration_seconds", "apiserver_request_slo_duration_seconds",
            "apiserver_response_sizes" })
        {
            text.Append($"# TYPE {name} histogram\n");
            foreach (var bound in new[] { "0.05", "0.1", "1", "2", "5", "+Inf" })
                text.Append($"{name}_bucket{{le=\"{bound}\"}} 1\n");
            text.Append($"{name}_sum 1\n{name}_count 1\n");
        }
        run.ApiServer.Metrics.Serve(text.ToString());
        run.Environment["SIDECAR_PRESET"] = "apiserver-lean";
        run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] =
            """[{"source_labels":["__name__"],"regex":"apiserver_response_sizes_sum","action":"drop"}]""";
        run.Start(binary);
        await run.ValueAsync("scrape_samples_post_metric_relabeling", 7);
        await run.StopAsync();
        string[] expected =
        [
            .. new[] { "0.1", "1.0", "5.0", "+Inf" }.Select(b => run.Series("apiserver_request_duration_seconds_bucket", $"le=\"{b}\"")),
            run.Series("apiserver_request_duration_seconds_sum"), run.Series("apiserver_request_duration_seconds_count"),
            run.Series("apiserver_response_sizes_count"),
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal),
            run.Receiver.SeriesNames.Where(s => s.StartsWith("apiserver", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Wrong_rules_are_told_at_once_and_end_the_start()
    {
        await using var sidecar = SidecarProcess.Start(binary, new Dictionary<string, string>
        {
            ["SIDECAR_REMOTE_WRITE_URL"] = "http://localhost:1/",
            ["SIDECAR_TARGETS"] = "localhost:1",
            ["SIDECAR_METRIC_RELABEL_CONFIGS"] = """[{"action":"dorp"},{"regex":"(?!x)","action":"labeldrop"}]""",
            ["SIDECAR_WRITE_RELABEL_CONFIGS"] = """[{"target_label":"x",]""",
        });
        Assert.Equal(2, await sidecar.WaitForExitAsync());
        Assert.Equal(3, sidecar.Log.Count);
        Assert.Contains("did you mean \"drop\"?", sidecar.Log[0]);
        Assert.Contains("looks ahead", sidecar.Log[1]);
        Assert.Contains("not JSON (the error is at byte 22 of line 1, in rule 1)", sidecar.Log[2]);
    }
}
