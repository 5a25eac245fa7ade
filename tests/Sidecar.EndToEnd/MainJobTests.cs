using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>From one environment variable to accepted requests, against the stand-ins.</summary>
public sealed partial class MainJobTests(PublishedBinary binary)
{
    private static readonly double Stale = BitConverter.UInt64BitsToDouble(0x7ff0000000000002);

    [Fact]
    public async Task All_series_of_all_api_servers_arrive_exactly()
    {
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        var payload = new ApiServerPayload(seed: 7);
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.ServeGzip(payload.Gzip(5000, scrapeIndex: 3));
        run.Start(binary);
        foreach (var server in run.Cluster.ApiServers)
        {
            await run.ValueAsync("up", 1, server: server);
            await run.ValueAsync("scrape_samples_scraped", 5000, server: server);
            await run.ValueAsync("scrape_samples_post_metric_relabeling", 5000, server: server);
            await run.ValueAsync("scrape_series_added", 0, server: server); // not in the second scrape any more
            Assert.Equal(5000, run.Samples("scrape_series_added", server: server)[0].Value);
        }
        await run.StopAsync();

        var expected = Expected(payload.Gzip(5000, scrapeIndex: 3), run.Cluster.ApiServers.Select(s => s.Port));
        Assert.Equal(5000 * 2, expected.Count);
        Assert.Equal(expected.Count + (2 * 5), run.Receiver.SeriesCount);
        foreach (var (series, value) in expected)
            Assert.All(run.Receiver.SamplesOf(series), s => Assert.Equal(value, s.Value));
        Assert.All(expected.Keys, series => Assert.NotEmpty(run.Receiver.SamplesOf(series)));
        // One scrape, one timestamp.
        var times = run.Samples("up").Select(s => s.Timestamp).ToHashSet();
        Assert.Superset(run.Receiver.SamplesOf(expected.Keys.First(k => k.Contains($":{run.ApiServer.Port}\""))).Select(s => s.Timestamp)
            .ToHashSet(), times);
        Assert.Equal(times.Order(), run.Samples("up").Select(s => s.Timestamp));
    }

    [Fact]
    public async Task The_scrape_asks_as_prometheus_does()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        var headers = run.ApiServer.Metrics.LastHeaders;
        Assert.Equal("gzip", headers["Accept-Encoding"]);
        Assert.Equal("0.5", headers["X-Prometheus-Scrape-Timeout-Seconds"]); // the default shrinks to the interval
        Assert.StartsWith("sidecar/", headers["User-Agent"]);
        Assert.Contains("text/plain;version=0.0.4", headers["Accept"]);
        Assert.Equal($"Bearer {run.Cluster.Token}", headers["Authorization"]);
        await run.StopAsync();
    }

    [Fact]
    public async Task A_vanished_series_gets_a_marker_and_a_failed_scrape_marks_all()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\nb 2\n");
        run.Start(binary);
        await run.ValueAsync("b", 2);
        run.ApiServer.Metrics.Serve("a 1\n");
        await run.ValueAsync("b", Stale);
        run.ApiServer.Metrics.Serve("a 1\nbroken{\n");
        await run.ValueAsync("a", Stale);
        await run.ValueAsync("up", 0);
        run.ApiServer.Metrics.Serve("a 5\nb 6\n");
        await run.ValueAsync("b", 6);
        await run.ValueAsync("up", 1);
        await run.StopAsync();
        Assert.Single(run.Samples("b"), s => double.IsNaN(s.Value));
        Assert.Single(run.Samples("a"), s => double.IsNaN(s.Value));
    }

    [Fact]
    public async Task A_target_gone_from_discovery_ends_with_all_its_series_and_can_come_back()
    {
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        var leaving = run.Cluster.ApiServers[1];
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1, server: leaving);
        run.Cluster.Withdraw(leaving);
        await run.ValueAsync("a", Stale, server: leaving);
        await run.ValueAsync("up", Stale, server: leaving);
        await run.ValueAsync("scrape_series_added", Stale, server: leaving);
        run.Cluster.Announce(leaving);
        await run.ValueAsync("a", 1, server: leaving);
        Assert.DoesNotContain(run.Samples("a"), s => double.IsNaN(s.Value)); // the other one is not disturbed
        await run.Sidecar.WaitForLogAsync("Targets changed", "gone=");
        await run.StopAsync();
    }

    [Fact]
    public async Task Endpoints_are_used_where_slices_are_denied_and_the_rule_is_named_once()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Cluster.RotateToken(RbacRule.Endpoints("default"), RbacRule.MetricsPath);
        run.Environment["SIDECAR_KUBERNETES_WATCH"] = "false";
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        var line = await run.Sidecar.WaitForLogAsync("EndpointSlices denied or unknown");
        Assert.Contains("resources: [endpointslices]", line);
        await Eventually.TrueAsync(() => run.ApiServer.Requests.Count(r => r.Contains("/endpoints?")) > 3, () => "not polled");
        Assert.Single(run.Sidecar.Log, l => l.Contains("EndpointSlices denied or unknown"));
        await run.StopAsync();
    }

    [Fact]
    public async Task Endpoints_are_used_where_the_cluster_is_too_old_for_slices()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.HasNoSlices = true;
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await run.StopAsync();
    }

    [Fact]
    public async Task A_rotated_token_fails_no_scrape()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        for (var i = 0; i < 5; i++)
        {
            var before = run.ApiServer.Metrics.Scrapes;
            run.Cluster.RotateToken(RbacRule.Slices("default"), RbacRule.MetricsPath);
            await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes > before + 1, () => "no scrapes");
        }
        await run.StopAsync();
        // The file is replaced an instant after the server forgets the old token: a scrape in between reads again and may still fail once.
        Assert.InRange(run.Samples("up").Count(s => s.Value == 0), 0, 1);
        Assert.Equal(1, run.Samples("up")[^1].Value);
    }

    [Fact]
    public async Task The_last_known_targets_stay_when_discovery_fails_or_answers_nonsense()
    {
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.Serve("a 1\n");
        run.Environment["SIDECAR_KUBERNETES_WATCH"] = "false"; // so that the lists are what fails
        run.Start(binary);
        await run.ValueAsync("a", 1, server: run.Cluster.ApiServers[1]);
        run.ApiServer.FailNext(2, ApiServer.Answers(500, "InternalError", "etcd is away"));
        run.ApiServer.FailNext(2, async context => await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(
            context.Response, """{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","metadata":{},"items":[{"metadata":{"na"""));
        await run.Sidecar.WaitForLogAsync("Discovery failed", "etcd is away");
        await run.Sidecar.WaitForLogAsync("The API server answers again");
        await run.StopAsync();
        foreach (var server in run.Cluster.ApiServers)
            Assert.DoesNotContain(run.Samples("a", server: server), s => double.IsNaN(s.Value));
    }

    [Fact]
    public async Task Sigterm_sends_what_is_queued_and_ends_with_0()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        // The receiver is away while scrapes go on, and comes back after the signal.
        await run.Receiver.StopAsync();
        var served = run.ApiServer.Metrics.Scrapes;
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= served + 4, () => "no scrapes");
        await run.Sidecar.WaitForLogAsync("Sending failed", "connection_refused");
        var stopping = run.Sidecar.StopAsync();
        await run.Sidecar.WaitForLogAsync("Stopping");
        await run.Receiver.StartAsync();
        Assert.Equal(0, await stopping);
        run.AllArrived("a");
        Assert.Empty(run.Receiver.Violations);
        Assert.Contains(run.Sidecar.Log, l => l.Contains("everything was sent"));
    }

    [Fact]
    public async Task Sigint_ends_within_the_bound_when_the_receiver_hangs()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Receiver.Answer = _ => new ReceiverAnswer { Delay = TimeSpan.FromMinutes(10) };
        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "1s";
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Receiver.Last is not null, () => "nothing was sent");
        Assert.Equal(0, await run.Sidecar.StopAsync(System.Runtime.InteropServices.PosixSignal.SIGINT));
        Assert.Contains(run.Sidecar.Log, l => l.Contains("Stopped with scrapes unsent"));
    }

    /// <summary>As Kubernetes 1.37 serves them over protobuf; then the histograms end.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Both_forms_of_histograms_arrive_where_both_are_wanted(bool wantsClassic)
    {
        await using var run = await StandInFixture.CreateAsync();
        var gzip = new ApiServerPayload(seed: 7).Gzip(2000, scrapeIndex: 3);
        var expected = Expected(gzip, [run.ApiServer.Port]);
        var counts = expected.Where(e => e.Key.Contains("_count{", StringComparison.Ordinal)).ToList();
        var parts = expected.Keys.Count(k => HistogramPart().IsMatch(k));
        run.ApiServer.Metrics.HasBothForms = true;
        run.ApiServer.Metrics.ServeGzip(gzip);
        run.Environment["SIDECAR_SCRAPE_NATIVE_HISTOGRAMS"] = "true";
        run.Environment["SIDECAR_ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS"] = wantsClassic ? "true" : "false";
        run.Start(binary);
        await run.ValueAsync("scrape_samples_scraped", 2000 + counts.Count - (wantsClassic ? 0 : parts));
        run.ApiServer.Metrics.Serve("# TYPE g gauge\ng 1\n");
        await run.ValueAsync("g", 1);
        await run.StopAsync();
        foreach (var (series, value) in expected.Where(e => wantsClassic || !HistogramPart().IsMatch(e.Key)))
            Assert.Equal(value, run.Receiver.SamplesOf(series)[0].Value);
        Assert.Equal(wantsClassic, run.Receiver.SamplesOf(counts[0].Key).Count > 0);
        Assert.NotEmpty(counts);
        foreach (var (series, value) in counts)
        {
            var native = series.Replace("_count{", "{", StringComparison.Ordinal);
            Assert.All(run.Receiver.Histograms[native], h => Assert.Equal((3, (ulong)value), (h.Schema, h.CountInt)));
            Assert.Equal(Stale, Assert.Single(run.Receiver.SamplesOf(native)).Value);
        }
    }

    [Fact]
    public async Task Classic_histograms_arrive_as_native_ones_of_custom_buckets()
    {
        await using var run = await StandInFixture.CreateAsync();
        var gzip = new ApiServerPayload(seed: 7).Gzip(2000, scrapeIndex: 3);
        var expected = Expected(gzip, [run.ApiServer.Port]);
        var counts = expected.Where(e => e.Key.Contains("_count{", StringComparison.Ordinal)).ToList();
        run.ApiServer.Metrics.ServeGzip(gzip);
        run.Environment["SIDECAR_CONVERT_CLASSIC_HISTOGRAMS_TO_NHCB"] = "true";
        run.Environment["SIDECAR_REMOTE_WRITE_PROTOCOL"] = "2.0";
        run.Start(binary);
        await run.ValueAsync("scrape_samples_scraped", 2000 + counts.Count - expected.Keys.Count(k => HistogramPart().IsMatch(k)));
        await run.StopAsync();
        Assert.NotEmpty(counts);
        foreach (var (series, value) in counts)
        {
            Assert.Empty(run.Receiver.SamplesOf(series));
            Assert.All(run.Receiver.Histograms[series.Replace("_count{", "{", StringComparison.Ordinal)], h =>
            {
                Assert.Equal((-53, (ulong)value), (h.Schema, h.CountInt));
                Assert.Equal(h.CustomValues.Order(), h.CustomValues);
                Assert.InRange(h.CustomValues.Count, 9, 23);
            });
        }
    }

    [GeneratedRegex("_(bucket|sum|count)\\{")]
    private static partial Regex HistogramPart();

    /// <summary>What a plain reading of the exposition says must arrive: names, labels in order, values.</summary>
    private static Dictionary<string, double> Expected(byte[] gzip, IEnumerable<int> ports)
    {
        using var text = new StreamReader(new GZipStream(new MemoryStream(gzip), CompressionMode.Decompress));
        var lines = text.ReadToEnd().Split('\n').Where(l => l.Length > 0 && l[0] != '#').ToList();
        var expected = new Dictionary<string, double>();
        foreach (var port in ports)
        {
            foreach (var match in lines.Select(l => LinePattern().Match(l)))
            {
                var labels = LabelPattern().Matches(match.Groups[2].Value).Select(m => (Name: m.Groups[1].Value, Value: m.Groups[2].Value))
                    .Where(l => l.Value.Length > 0)
                    .Select(l => l.Name == "le" && !l.Value.Contains('.') && !l.Value.Contains('e') && l.Value[0] != '+'
                    ? (l.Name, l.Value + ".0") : l)
                    .Append(("instance", $"127.0.0.1:{port}")).Append(("job", "apiserver")).OrderBy(l => l.Item1, StringComparer.Ordinal);
                expected.Add($"{match.Groups[1].Value}{{{string.Join(',', labels.Select(l => $"{l.Item1}=\"{l.Item2}\""))}}}",
                    double.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture));
            }
        }
        return expected;
    }

    [GeneratedRegex("""^([\w:]+)(?:\{(.*)\})? (\S+)$""")]
    private static partial Regex LinePattern();

    [GeneratedRegex("(\\w+)=\"([^\"]*)\"")]
    private static partial Regex LabelPattern();
}
