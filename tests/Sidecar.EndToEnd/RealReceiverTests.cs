using Cluster;
using Google.Protobuf;
using Sidecar.Tests.Exposition.Wire;

namespace Sidecar.EndToEnd;

/// <summary>
/// Real servers of the field hold what was scraped: exact values, labels and staleness, asked back through their query API.
/// </summary>
public sealed class RealReceiverTests(PublishedBinary binary)
{
    private const string Exposition = """
        # TYPE plain gauge
        plain 1.5
        # TYPE latency histogram
        latency_bucket{verb="GET",le="1"} 3
        latency_bucket{verb="GET",le="+Inf"} 4
        latency_sum{verb="GET"} 2.9970000000000003e-06
        latency_count{verb="GET"} 4
        escaped{path="C:\\dir",text="say \"hi\"",lines="a\nb",utf8="日本"} 42
        empty{there="x",absent=""} 7
        conflict{job="mine",instance="other"} 8
        big 1.7976931348623157e+308
        small 5e-324
        infinite +Inf
        negative -Inf
        undefined NaN

        """;

    public static TheoryData<string> Receivers => ["prometheus", "victoria-metrics"];

    [Theory, MemberData(nameof(Receivers))]
    public async Task Values_and_labels_arrive_exactly(string receiver)
    {
        await using var server = await StartAsync(receiver);
        await using var run = await StartAsync(server);
        var instance = $"127.0.0.1:{run.ApiServer.Port}";
        run.ApiServer.Metrics.Serve(Exposition);
        run.Start(binary);
        await Eventually.TrueAsync(async () => (await server.QueryAsync("negative")).Count > 0, () =>
            $"nothing arrived:\n{string.Join('\n', run.Sidecar.Log)}");

        string Labels(string name, string labels = "") =>
            string.Join(',', new[] { $"__name__={name}", $"instance={instance}", "job=apiserver" }
            .Concat(labels.Split(';', StringSplitOptions.RemoveEmptyEntries)).Order(StringComparer.Ordinal));
        async Task Holds(string name, string value, string labels = "")
        {
            var found = await server.QueryAsync(name);
            Assert.True(found.TryGetValue(Labels(name, labels), out var stored),
                $"{Labels(name, labels)} is not among {string.Join(" and ", found.Keys)}");
            Assert.Equal(Number(value), Number(stored!));
        }
        await Holds("up", "1");
        await Holds("scrape_samples_scraped", "13");
        await Holds("plain", "1.5");
        await Holds("latency_bucket", "3", "verb=GET;le=1.0");
        await Holds("latency_bucket", "4", "verb=GET;le=+Inf");
        await Holds("latency_count", "4", "verb=GET");
        await Holds("latency_sum", receiver == "prometheus" ? "2.9970000000000003e-06" : "2.997e-06", "verb=GET");
        await Holds("escaped", "42", "path=C:\\dir;text=say \"hi\";lines=a\nb;utf8=日本");
        await Holds("empty", "7", "there=x");
        await Holds("conflict", "8", "exported_job=mine;exported_instance=other");
        await Holds("infinite", "+Inf");
        await Holds("negative", "-Inf");
        if (receiver == "prometheus") // VictoriaMetrics keeps decimals of limited range, and no NaN
        {
            await Holds("big", "1.7976931348623157e+308");
            await Holds("small", "5e-324");
            await Holds("undefined", "NaN");
        }
        Assert.Equal(0, await run.Sidecar.StopAsync());
    }

    [Theory, MemberData(nameof(Receivers))]
    public async Task Every_series_of_a_large_payload_is_there(string receiver)
    {
        await using var server = await StartAsync(receiver);
        await using var run = await StartAsync(server);
        run.ApiServer.Metrics.ServeGzip(new ApiServerPayload(seed: 3).Gzip(5000, scrapeIndex: 1));
        run.Start(binary);
        await Eventually.TrueAsync(async () => (await server.QueryAsync("count({job=\"apiserver\"})")).Values.SingleOrDefault() == "5005",
            () => $"not 5005 series:\n{string.Join('\n', run.Sidecar.Log)}");
        Assert.Equal(0, await run.Sidecar.StopAsync());
    }

    [Theory, MemberData(nameof(Receivers))]
    public async Task A_series_that_vanished_is_not_found_any_more(string receiver)
    {
        await using var server = await StartAsync(receiver);
        await using var run = await StartAsync(server);
        run.ApiServer.Metrics.Serve("stays 1\ngoes 2\n");
        run.Start(binary);
        async Task<bool> Finds(string query) => (await server.QueryAsync(query)).Count > 0;
        await Eventually.TrueAsync(() => Finds("goes"), () => "did not arrive");
        // Without a marker it would be found for the five minutes of the look-back.
        run.ApiServer.Metrics.Serve("stays 1\n");
        await Eventually.TrueAsync(async () => !await Finds("goes"), () => "goes is still found");
        Assert.True(await Finds("stays"));
        // A failed scrape ends all of them, and says so.
        run.ApiServer.Metrics.Status = System.Net.HttpStatusCode.InternalServerError;
        await Eventually.TrueAsync(async () => !await Finds("stays") && await Finds("up == 0"), () => "stays is still found");
        run.ApiServer.Metrics.Status = System.Net.HttpStatusCode.OK;
        await Eventually.TrueAsync(() => Finds("stays"), () => "stays did not come back");
        // A target that is gone from discovery takes up with it.
        run.Cluster.Withdraw(run.ApiServer);
        await Eventually.TrueAsync(async () => !await Finds("up") && !await Finds("stays"), () => "up is still found");
        Assert.Equal(0, await run.Sidecar.StopAsync());
    }

    /// <summary>VictoriaMetrics answers 400 there, which is no refusal of what is sent; Prometheus 404 or 405.</summary>
    [Theory, MemberData(nameof(Receivers))]
    public async Task At_a_url_without_its_path_everything_waits_and_the_log_says_so(string receiver)
    {
        await using var server = await StartAsync(receiver);
        await using var run = await StartAsync(server);
        run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Uri(server.Address, "wrong").ToString();
        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "1s";
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("nothing takes writes at this path", "/api/v1/write", "level=error");
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= 6, () => "no scrapes");
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(new Uri(await run.Sidecar.ListenAddressAsync(), "metrics"),
            TestContext.Current.CancellationToken);
        Assert.Matches("prometheus_remote_storage_samples_failed_total\\{[^}]*\\} 0\n", metrics);
        Assert.Matches("sidecar_queue_scrapes [1-9]", metrics);
        Assert.Equal(0, await run.Sidecar.StopAsync());
        Assert.DoesNotContain(run.Sidecar.Log, l => l.Contains("lacks remote write 2.0", StringComparison.Ordinal));
    }

    /// <summary>Over remote write 1.0, on which the sidecar falls back here.</summary>
    [Fact]
    public async Task Native_histograms_and_exemplars_arrive_and_go_stale()
    {
        await using var server = await StartAsync("prometheus");
        await using var run = await StartAsync(server);
        var time = DateTimeOffset.UtcNow.AddSeconds(-1);
        var histogram = new Metric
        {
            Label = { new LabelPair { Name = "verb", Value = "GET" } },
            Histogram = new Histogram
            {
                SampleCount = 6, SampleSum = 4.5, Schema = 1, ZeroThreshold = 0.001, ZeroCount = 2,
                PositiveSpan = { new BucketSpan { Offset = 0, Length = 1 }, new BucketSpan { Offset = 2, Length = 1 } },
                PositiveDelta = { 1, 1 },
                NegativeSpan = { new BucketSpan { Offset = -3, Length = 1 } }, NegativeDelta = { 1 },
            },
        };
        var counter = new Metric
        {
            Counter = new Counter
            {
                Value = 7,
                Exemplar = new Exemplar { Value = 0.25, Timestamp = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(time),
                Label = { new LabelPair { Name = "trace_id", Value = "abc" } } },
            },
        };
        byte[] Body(params MetricFamily[] families)
        {
            var body = new MemoryStream();
            foreach (var family in families)
                family.WriteDelimitedTo(body);
            return TargetBehaviour.Compress(body.ToArray());
        }
        var requests = new MetricFamily { Name = "requests_total", Type = MetricKind.Counter, Metric = { counter } };
        run.ApiServer.Metrics.ContentType = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        run.ApiServer.Metrics.ServeGzip(
            Body(new MetricFamily { Name = "latency", Type = MetricKind.Histogram, Metric = { histogram } }, requests));
        run.Environment["SIDECAR_SCRAPE_PROTOCOLS"] = "PrometheusProto";
        run.Start(binary);
        await Eventually.TrueAsync(async () => (await server.QueryAsync("histogram_count(latency)")).Count > 0, () =>
            string.Join('\n', run.Sidecar.Log));
        Assert.Equal("6", Assert.Single(await server.QueryAsync("histogram_count(latency)")).Value);
        Assert.Equal("4.5", Assert.Single(await server.QueryAsync("histogram_sum(latency)")).Value);
        // All but the negative bucket and half of the zero bucket lie above.
        Assert.Equal(Number("0.8333"), Number(Assert.Single(await server.QueryAsync("histogram_fraction(-0.001, +Inf, latency)")).Value),
            0.001);
        Assert.Equal("7", Assert.Single(await server.QueryAsync("requests_total")).Value);
        Assert.Equal($"trace_id=abc 0.25 @{time.ToUnixTimeMilliseconds()}", Assert.Single(await server.ExemplarsAsync("requests_total")));
        run.ApiServer.Metrics.ServeGzip(Body(requests));
        await Eventually.TrueAsync(async () => (await server.QueryAsync("histogram_count(latency)")).Count == 0, () => "it is found still");
        Assert.Equal(0, await run.Sidecar.StopAsync());
    }

    [Fact]
    public async Task Etcd_is_scraped_over_tls_as_a_static_target()
    {
        using var authority = new CertificateAuthority("etcd-ca");
        var folder = Directory.CreateTempSubdirectory("etcd-pki");
        try
        {
            using var certificate = authority.Issue("127.0.0.1");
            string Write(string name, string pem)
            {
                var file = Path.Combine(folder.FullName, name);
                File.WriteAllText(file, pem);
                return file;
            }
            var ca = Write("ca.crt", authority.Pem);
            using var key = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPrivateKey(certificate)!;
            await using var etcd = await RealServer.EtcdAsync(Write("tls.crt", certificate.ExportCertificatePem()),
                Write("tls.key", key.ExportPkcs8PrivateKeyPem()));
            await using var prometheus = await RealServer.PrometheusAsync();
            await using var sidecar = SidecarProcess.Start(binary, new Dictionary<string, string>
            {
                ["SIDECAR_TARGETS"] = $"127.0.0.1:{etcd.Port}",
                ["SIDECAR_TLS_CA_FILE"] = ca,
                ["SIDECAR_JOB_NAME"] = "etcd",
                ["SIDECAR_EXTERNAL_LABELS"] = "cluster=test",
                ["SIDECAR_SCRAPE_INTERVAL"] = "500ms",
                ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
                ["SIDECAR_REMOTE_WRITE_URL"] = new Uri(prometheus.Address, "api/v1/write").ToString(),
            });
            await Eventually.TrueAsync(async () => (await prometheus.QueryAsync("etcd_server_has_leader == 1")).Count > 0, () =>
                string.Join('\n', sidecar.Log));
            var found = await prometheus.QueryAsync("etcd_server_has_leader");
            Assert.Equal($"__name__=etcd_server_has_leader,cluster=test,instance=127.0.0.1:{etcd.Port},job=etcd", found.Keys.Single());
            Assert.Equal("1", found.Values.Single());
            Assert.NotEmpty(await prometheus.QueryAsync("go_info{job=\"etcd\"}"));
            Assert.Equal(0, await sidecar.StopAsync());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture),
    };

    private static Task<RealServer> StartAsync(string receiver) =>
        receiver == "prometheus" ? RealServer.PrometheusAsync() : RealServer.VictoriaMetricsAsync();

    private static async Task<StandInFixture> StartAsync(RealServer receiver)
    {
        var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Uri(receiver.Address, "api/v1/write").ToString();
        return run;
    }
}
