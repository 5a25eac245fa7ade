using System.Text;
using Cluster;
using Sidecar.Tests.Exposition;

namespace Sidecar.Tests.Commands;

public sealed class ScrapeCommandTests
{
    [Theory]
    [InlineData("a 1\n", "a{L} 1")]
    [InlineData("a{b=\"x\"} 2.5\n", "a{b=\"x\",L} 2.5")]
    [InlineData("# TYPE a counter\na 1e6 1700000000000\n", "# TYPE a counter\na{L} 1e+06 1700000000000")]
    [InlineData("a NaN\nb +Inf\nc -Inf\n", "a{L} NaN\nb{L} +Inf\nc{L} -Inf")]
    [InlineData("a{b=\"q\\\"\\\\\\n\"} 1\n", "a{b=\"q\\\"\\\\\\n\",L} 1")]
    [InlineData("{\"strange.name\",\"odd label\"=\"é\"} 1\n", "{\"strange.name\",L,\"odd label\"=\"é\"} 1")]
    [InlineData("a{instance=\"mine\"} 1\n", "a{exported_instance=\"mine\",L} 1")]
    [InlineData("a 1\na 2\n", "a{L} 1")] // the first of duplicates, as it would be sent
    [InlineData("", "")]
    public async Task It_prints_what_would_be_sent(string served, string expected)
    {
        await using var run = await CommandRun.CreateAsync();
        run.ApiServer.Metrics.ContentType = "text/plain; version=1.0.0; escaping=allow-utf-8";
        run.ApiServer.Metrics.Serve(served);
        Assert.Equal(0, await run.RunAsync("scrape"));
        var labels = $"instance=\"127.0.0.1:{run.ApiServer.Port}\",job=\"apiserver\"";
        var own = run.Lines.Where(l => !l.StartsWith("up{") && !l.StartsWith("scrape_"));
        Assert.Equal(expected, string.Join('\n', own).Replace(labels, "L"));
        Assert.Contains($"up{{{labels}}} 1", run.Lines);
        Assert.Equal("", run.Errors);
        Assert.Equal(0, run.Receiver.Requests);
    }

    [Fact]
    public async Task Rules_and_external_labels_are_applied()
    {
        await using var run = await CommandRun.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\nb{c=\"d\"} 2\n");
        run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] = """[{"source_labels":["__name__"],"regex":"a","action":"drop"}]""";
        run.Environment["SIDECAR_WRITE_RELABEL_CONFIGS"] =
            """[{"regex":"instance|job","action":"labeldrop"},{"source_labels":["__name__"],"regex":"up|scrape_.*","action":"drop"}]""";
        run.Environment["SIDECAR_EXTERNAL_LABELS"] = "cluster=prod";
        Assert.Equal(0, await run.RunAsync("scrape"));
        Assert.Equal("b{c=\"d\",cluster=\"prod\"} 2\n", run.Output);
    }

    [Fact]
    public async Task What_it_prints_can_be_read_again()
    {
        await using var run = await CommandRun.CreateAsync();
        run.ApiServer.Metrics.ServeGzip(new ApiServerPayload(1).Gzip(5000, 0));
        Assert.Equal(0, await run.RunAsync("scrape"));
        var read = ParsedText.Read(run.Output);
        Assert.Equal(5000 + 5, read.Count);
    }

    [Fact]
    public async Task A_native_histogram_stands_in_a_comment()
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_SCRAPE_PROTOCOLS"] = "PrometheusProto";
        run.ApiServer.Metrics.ContentType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        var histogram = ProtobufBody.NativeHistogram();
        run.ApiServer.Metrics.ServeGzip(TargetBehaviour.Compress(ProtobufBody.Of(
            ProtobufBody.Family("a", Sidecar.Tests.Exposition.Wire.MetricKind.Histogram, ProtobufBody.Native(histogram, "b", "c")))));
        Assert.Equal(0, await run.RunAsync("scrape"));
        var line = Assert.Single(run.Lines, l => l.StartsWith("# native histogram "));
        Assert.Equal($"# native histogram a{{b=\"c\",instance=\"127.0.0.1:{run.ApiServer.Port}\",job=\"apiserver\"}} count {histogram.SampleCount} sum {histogram.SampleSum}",
            line);
        Assert.Equal(5, ParsedText.Read(run.Output).Count);
        Assert.Equal(0, await run.RunAsync("top"));
        Assert.StartsWith("6 series", run.Lines[0]);
    }

    [Fact]
    public async Task A_target_that_fails_is_named_and_the_others_are_printed()
    {
        await using var run = await CommandRun.CreateAsync(apiServers: 2);
        run.ApiServer.Metrics.Serve("a 1\nb one\n");
        run.Cluster.ApiServers[1].Metrics.Serve("c 1\n");
        Assert.Equal(1, await run.RunAsync("scrape"));
        Assert.Contains("line 2", run.Errors);
        Assert.Contains(run.Lines, l => l.StartsWith("c{"));
        Assert.Contains($"up{{instance=\"127.0.0.1:{run.ApiServer.Port}\",job=\"apiserver\"}} 0", run.Lines);
        Assert.DoesNotContain(run.Lines, l => l.StartsWith("a{"));
    }

    [Fact]
    public async Task It_needs_no_receiver()
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment.Remove("SIDECAR_REMOTE_WRITE_URL");
        Assert.Equal(0, await run.RunAsync("scrape"));
    }

    [Fact]
    public async Task Without_targets_it_says_why()
    {
        await using var run = await CommandRun.CreateAsync();
        await run.ApiServer.StopAsync();
        Assert.Equal(1, await run.RunAsync("scrape"));
        Assert.Contains("nothing listens there", run.Errors);
        Assert.Contains("sidecar check", run.Errors);
        Assert.Equal("", run.Output);
    }

    [Fact]
    public async Task A_terminal_shows_what_is_waited_for_and_is_left_clean()
    {
        await using var run = await CommandRun.CreateAsync();
        Assert.Equal(0, await run.RunAsync(isTerminal: true, "scrape"));
        Assert.Contains($"Asking 127.0.0.1:{run.ApiServer.Port} for targets …", run.Errors);
        Assert.Contains($"Scraping https://127.0.0.1:{run.ApiServer.Port}/metrics …", run.Errors);
        Assert.EndsWith("\r\e[K", run.Errors);
        Assert.DoesNotContain('\e', run.Output);
    }

    [Theory]
    [InlineData("scrape")]
    [InlineData("top")]
    public async Task A_wrong_variable_is_exit_code_2(string command)
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "15 s";
        Assert.Equal(2, await run.RunAsync(command));
        Assert.Contains("SIDECAR_SCRAPE_INTERVAL", run.Errors);
    }
}
