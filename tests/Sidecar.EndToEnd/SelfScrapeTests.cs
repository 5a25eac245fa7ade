using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>SIDECAR_SELF_SCRAPE: the published binary's own metrics arrive like a target's, and end with the process.</summary>
public sealed class SelfScrapeTests(PublishedBinary binary)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)] // without a listener, nobody else could have them
    public async Task Own_metrics_arrive_as_a_job_of_their_own_and_end_with_the_process(bool isAlone)
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Environment["SIDECAR_SELF_SCRAPE"] = "true";
        run.Environment["POD_NAME"] = "sidecar-7";
        run.Environment["SIDECAR_EXTERNAL_LABELS"] = "cluster=c";
        // What is for the targets does not touch it; what is for all that is sent does.
        run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] = """[{"source_labels":["__name__"],"regex":"sidecar_.*","action":"drop"}]""";
        run.Environment["SIDECAR_WRITE_RELABEL_CONFIGS"] = """[{"source_labels":["__name__"],"regex":"process_.*","action":"drop"}]""";
        if (isAlone)
            run.Environment["SIDECAR_LISTEN_ADDRESS"] = "";
        run.Start(binary);
        await Eventually.TrueAsync(() => Newest(run, "sidecar_samples_accepted_total") > 0, () => string.Join('\n', run.Sidecar.Log));
        Assert.Equal(1, Newest(run, "up"));
        await Eventually.TrueAsync(() => Newest(run, "prometheus_sd_discovered_targets", "config=\"apiserver\",name=\"scrape\"") == 1,
            () => string.Join('\n', run.Sidecar.Log));
        Assert.Equal(0, Newest(run, "sidecar_condition", "condition=\"all_refused\""));
        if (!isAlone)
        {
            await ShownAsync(run, "/", "<tr class=\"good\"><td><b>Up</b><td>own metrics<small>instance=sidecar-7 job=sidecar ");
            await ShownAsync(run, "/api/v1/targets", "\"scrapePool\":\"sidecar\"");
        }
        Assert.DoesNotContain(run.Receiver.SeriesNames, s => s.StartsWith("process_", StringComparison.Ordinal));
        await run.StopAsync();
        foreach (var name in (string[])["up", "sidecar_samples_accepted_total", "scrape_duration_seconds"])
            Assert.Equal(0x7ff0000000000002, BitConverter.DoubleToInt64Bits(Newest(run, name)!.Value));
        Assert.Equal(1, run.Samples("up", "cluster=\"c\"")[^1].Value); // the target's go on with the next process
    }

    [Fact]
    public async Task What_a_pod_before_has_left_ends_when_the_next_one_finds_it()
    {
        var folder = Directory.CreateTempSubdirectory("sidecar-self");
        try
        {
            await using var run = await StandInFixture.CreateAsync();
            run.ApiServer.Metrics.Serve("a 1\n");
            run.Environment["SIDECAR_SELF_SCRAPE"] = "true";
            run.Environment["POD_NAME"] = "sidecar-7";
            run.Environment["SIDECAR_EXTERNAL_LABELS"] = "cluster=c";
            run.Environment["SIDECAR_QUEUE_DIRECTORY"] = folder.FullName;
            run.Start(binary);
            await Eventually.TrueAsync(() => Newest(run, "sidecar_samples_accepted_total") > 0, () => string.Join('\n', run.Sidecar.Log));
            await run.Sidecar.KillAsync();
            run.Environment["POD_NAME"] = "sidecar-8";
            run.Start(binary);
            await Eventually.TrueAsync(() => Newest(run, "up") is { } value && double.IsNaN(value),
                () => string.Join('\n', run.Sidecar.Log));
            Assert.True(double.IsNaN(Newest(run, "sidecar_samples_accepted_total")!.Value));
            await Eventually.TrueAsync(() => Newest(run, "up", pod: "sidecar-8") == 1, () => string.Join('\n', run.Sidecar.Log));
            await run.StopAsync();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Waits until a page of the listener has this.</summary>
    private static async Task ShownAsync(StandInFixture run, string page, string text)
    {
        var address = new Uri(await run.Sidecar.ListenAddressAsync(), page);
        using var client = new HttpClient();
        var shown = "";
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await client.GetAsync(address, TestContext.Current.CancellationToken);
            shown = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            return shown.Contains(text, StringComparison.Ordinal);
        }, () => $"{text} is not in\n{shown}\n{string.Join('\n', run.Sidecar.Log)}");
    }

    private static double? Newest(StandInFixture run, string name, string labels = "", string pod = "sidecar-7")
    {
        // The labels of all that is sent stand in their order.
        var own = new[] { "cluster=\"c\"", $"instance=\"{pod}\"", "job=\"sidecar\"" };
        var all = own.Concat(labels.Split(',', StringSplitOptions.RemoveEmptyEntries))
            .Concat(name.StartsWith("sidecar_samples", StringComparison.Ordinal) ? Remote(run) : []);
        var series = $"{name}{{{string.Join(',', all.Order(StringComparer.Ordinal))}}}";
        return run.Receiver.SamplesOf(series) is [.., var last] ? last.Value : null;
    }

    /// <summary>The labels that tell receivers apart, as they arrived.</summary>
    private static IEnumerable<string> Remote(StandInFixture run) =>
        (run.Receiver.SeriesNames.FirstOrDefault(s => s.StartsWith("sidecar_samples_accepted_total{", StringComparison.Ordinal)) ?? "{}")
            .Split('{')[1].TrimEnd('}').Split(',').Where(l => l.StartsWith("remote_name=", StringComparison.Ordinal)
                || l.StartsWith("url=", StringComparison.Ordinal));
}
