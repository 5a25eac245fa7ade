using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sidecar.EndToEnd;

/// <summary>One process, several jobs: the API servers by discovery over TLS, and components of the node over plain HTTP.</summary>
public sealed class JobTests(PublishedBinary binary)
{
    [Fact]
    public async Task Each_job_is_scraped_as_its_own_and_no_token_goes_over_http()
    {
        await using var node = await Node.StartAsync();
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Environment["SIDECAR_JOBS"] = "apiserver,kube-scheduler,etcd,two-paths";
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "1s";
        run.Environment["SIDECAR_KUBE_SCHEDULER__TARGETS"] = node.Address;
        run.Environment["SIDECAR_KUBE_SCHEDULER__SCHEME"] = "http";
        run.Environment["SIDECAR_KUBE_SCHEDULER__METRIC_RELABEL_CONFIGS"] =
            "[{\"source_labels\":[\"__name__\"],\"regex\":\"b\",\"action\":\"drop\"}]";
        run.Environment["SIDECAR_ETCD__TARGETS"] = node.Address;
        run.Environment["SIDECAR_TWO_PATHS__TARGETS"] = node.Address;
        run.Environment["SIDECAR_TWO_PATHS__SCHEME"] = "http";
        run.Environment["SIDECAR_TWO_PATHS__METRICS_PATH"] = "/fails";
        // For all jobs: it goes over TLS to the API server, and over HTTP to nobody.
        run.Environment["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = run.Cluster.TokenFile;
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await Eventually.TrueAsync(() => Value("up", "kube-scheduler") == 1 && Value("up", "etcd") == 1 && Value("up", "two-paths") == 0,
            () => string.Join('\n', run.Receiver.SeriesNames));
        Assert.Equal(2, Value("c", "kube-scheduler"));
        Assert.Null(Value("b", "kube-scheduler"));
        Assert.Equal(1, Value("b", "etcd"));
        Assert.All(node.Authorizations, Assert.Empty);
        Assert.Equal($"Bearer {run.Cluster.Token}", run.ApiServer.Metrics.LastHeaders["Authorization"]);

        // Two paths of one host write two series up, whose values do not mix.
        Assert.All(run.Receiver.SamplesOf(Series("up", "two-paths")), s => Assert.Equal(0, s.Value));
        Assert.Contains(run.Receiver.SamplesOf(Series("up", "etcd")), s => s.Value == 1);

        using var client = new HttpClient { BaseAddress = await run.Sidecar.ListenAddressAsync() };
        using var json = JsonDocument.Parse(await client.GetStringAsync("/api/v1/targets", TestContext.Current.CancellationToken));
        Assert.Equal(["apiserver", "etcd", "kube-scheduler", "two-paths"],
            json.RootElement.GetProperty("data").GetProperty("activeTargets").EnumerateArray()
                .Select(t => t.GetProperty("scrapePool").GetString()).Order(StringComparer.Ordinal));
        var own = await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        foreach (var job in new[] { "apiserver", "kube-scheduler", "etcd", "two-paths" })
            Assert.Contains($"prometheus_sd_discovered_targets{{config=\"{job}\",name=\"scrape\"}} 1\n", own);
        Assert.Contains("job=\"two-paths\"", WebUtility.HtmlDecode(await client.GetStringAsync("/targets",
            TestContext.Current.CancellationToken)).Replace("job=two-paths", "job=\"two-paths\""));
        Assert.Contains(run.Sidecar.Log, l => l.Contains("Scrape failed") && l.Contains("job=two-paths"));
        await run.StopAsync();

        string Series(string name, string job) => $"{name}{{instance=\"{node.Address}\",job=\"{job}\"}}";

        double? Value(string name, string job) => run.Receiver.SamplesOf(Series(name, job)) is [.., var last] ? last.Value : null;
    }

    /// <summary>What a restart finds in the queue's folder belongs to its job: the other job's series are not ended by it.</summary>
    [Fact]
    public async Task A_job_that_is_left_out_after_a_restart_ends_and_the_others_go_on()
    {
        var stale = BitConverter.UInt64BitsToDouble(0x7ff0000000000002);
        var folder = Directory.CreateTempSubdirectory("queue").FullName;
        await using var node = await Node.StartAsync();
        await using var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_QUEUE_DIRECTORY"] = folder;
        run.Environment["SIDECAR_JOBS"] = "etcd,other";
        run.Environment["SIDECAR_ETCD__TARGETS"] = node.Address;
        run.Environment["SIDECAR_OTHER__TARGETS"] = $"http://{node.Address}";
        run.Start(binary);
        await Eventually.TrueAsync(() => Values("etcd").Count > 1 && Values("other").Count > 1, () => string.Join('\n', run.Sidecar.Log));
        Assert.Equal(0, await run.Sidecar.StopAsync());
        run.Environment["SIDECAR_JOBS"] = "etcd";
        run.Environment.Remove("SIDECAR_OTHER__TARGETS");
        run.Start(binary);
        await Eventually.TrueAsync(() => Values("other") is [.., var last] && IsStale(last), () => string.Join('\n', run.Sidecar.Log));
        Assert.DoesNotContain(Values("etcd"), IsStale);
        await run.StopAsync();
        Directory.Delete(folder, recursive: true);

        bool IsStale(double value) => BitConverter.DoubleToUInt64Bits(value) == BitConverter.DoubleToUInt64Bits(stale);

        List<double> Values(string job) =>
            [.. run.Receiver.SamplesOf($"b{{instance=\"{node.Address}\",job=\"{job}\"}}").Select(s => s.Value)];
    }

    /// <summary>A component that serves plain HTTP at /metrics, and remembers what it was sent.</summary>
    private sealed class Node : IAsyncDisposable
    {
        private readonly WebApplication application;
        private readonly ConcurrentQueue<string> authorizations = [];

        private Node(WebApplication application) => this.application = application;

        public string Address => new Uri(application.Urls.First()).Authority;

        public IReadOnlyList<string> Authorizations => [.. authorizations];

        public static async Task<Node> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            var node = new Node(builder.Build());
            node.application.Run(context =>
            {
                node.authorizations.Enqueue(context.Request.Headers.Authorization.ToString());
                context.Response.StatusCode = context.Request.Path == "/metrics" ? 200 : 404;
                context.Response.ContentType = CaseAnswer.Text;
                return context.Response.WriteAsync(context.Request.Path == "/metrics" ? "b 1\nc 2\n" : "not here\n");
            });
            await node.application.StartAsync();
            return node;
        }

        public async ValueTask DisposeAsync()
        {
            await application.StopAsync();
            await application.DisposeAsync();
        }
    }
}
