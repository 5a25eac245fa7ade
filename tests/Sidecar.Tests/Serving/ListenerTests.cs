using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Net;
using System.Text.Json;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Discovery;
using Sidecar.Primitives;
using Sidecar.Scraping;
using Sidecar.Serving;
using Sidecar.Telemetry;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>The pages that are not for people, and the addresses that can be listened on.</summary>
public sealed class ListenerTests : IAsyncDisposable
{
    private readonly ListenerFixture pages = new();

    public ValueTask DisposeAsync() => pages.DisposeAsync();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/", 200, "text/html", "/api/v1/targets")]
    [InlineData("/targets", 200, "text/html", "Discovery finds no targets.")]
    [InlineData("/-/healthy", 200, "text/plain", "healthy")]
    [InlineData("/-/ready", 503, "text/plain", "No targets are known yet.\n")]
    [InlineData("/api/v1/ready", 503, "application/json", "\"No targets are known yet.\"")]
    [InlineData("/metrics", 200, "text/plain", "# TYPE prometheus_build_info gauge\n")]
    [InlineData("/metrics?x=y", 200, "text/plain", "sidecar_queue_bytes 0\n")]
    [InlineData("/api/v1/targets", 200, "application/json", "activeTargets")]
    [InlineData("/nothing/forged", 404, "text/plain", "Not Found")]
    [InlineData("/metrics/", 404, "text/plain", "Not Found")]
    public async Task Pages_answer(string path, int status, string type, string part)
    {
        using var answer = await pages.Get(path);
        var body = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(type, answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains(part, body, StringComparison.Ordinal);
        Assert.DoesNotContain("forged", body, StringComparison.Ordinal);

        using var head = await pages.Get(path, "HEAD");
        Assert.Equal(status, (int)head.StatusCode);
        Assert.Equal("", await head.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal(type, head.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Ready_answers_200_once_ready()
    {
        pages.Judgement = ListenerFixture.Judged();
        using var answer = await pages.Get("/-/ready");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(1, pages.Judgements); // all that the answer says is of one moment
    }

    [Fact]
    public async Task Healthy_fails_with_a_sentence_and_ready_tells_of_troubles()
    {
        pages.Judgement = ListenerFixture.Judged(ListenerFixture.Found(Condition.Bug, "There was a bug in the sidecar."),
            ListenerFixture.Found(Condition.QueueDirectory, "The queue directory hangs."));
        using (var ready = await pages.Get("/-/ready"))
        {
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
            Assert.Equal("Sidecar is ready.\nThere was a bug in the sidecar.\nThe queue directory hangs.\n",
                await ready.Content.ReadAsStringAsync(Cancelled));
        }
        pages.WhyUnhealthy = "No scrape loop has moved for 1m0s.";
        using var healthy = await pages.Get("/-/healthy");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, healthy.StatusCode);
        Assert.Equal("No scrape loop has moved for 1m0s.\n", await healthy.Content.ReadAsStringAsync(Cancelled));
    }

    [Fact]
    public async Task Metrics_are_well_formed_and_announced_as_text_0_0_4()
    {
        using var answer = await pages.Get("/metrics");
        Assert.Equal(MediaTypeHeaderValue.Parse("text/plain; version=0.0.4; charset=utf-8"), answer.Content.Headers.ContentType);
        TextFormat.Read(await answer.Content.ReadAsStringAsync(Cancelled));
    }

    [Theory]
    [InlineData("POST", "/metrics")]
    [InlineData("PUT", "/-/reload")]
    [InlineData("DELETE", "/")]
    [InlineData("OPTIONS", "/metrics")]
    public async Task Other_methods_are_not_allowed(string method, string path)
    {
        using var answer = await pages.Get(path, method);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET", "HEAD"], answer.Content.Headers.Allow);
    }

    [Fact]
    public async Task Targets_have_the_shape_of_Prometheus()
    {
        pages.Targets =
        [
            new TargetStatus
            {
                Target = new Target(
                    new Uri("https://user:hunter2@10.0.0.1:6443/metrics?a=b"),
                    [new("instance", "10.0.0.1:6443"), new("job", "apiserver")],
                    [new("__address__", "10.0.0.1:6443"), new("odd", "\"<\n")]),
                ScrapePool = "apiserver",
                ScrapeInterval = TimeSpan.FromMinutes(1),
                ScrapeTimeout = TimeSpan.FromSeconds(10),
                Last = new LastScrape
                {
                    Failure = new Failure(FailureReason.ConnectionRefused, "connection refused"),
                    Started = new DateTimeOffset(2026, 11, 23, 7, 0, 0, TimeSpan.Zero),
                    Duration = TimeSpan.FromSeconds(0.25),
                },
            },
            new TargetStatus
            {
                Target = new Target(new Uri("http://h:80/metrics"), [], []),
                ScrapePool = "apiserver",
                ScrapeInterval = TimeSpan.FromSeconds(15),
                ScrapeTimeout = TimeSpan.FromSeconds(10),
            },
        ];
        using var answer = await pages.Get("/api/v1/targets?state=active");
        var text = await answer.Content.ReadAsStringAsync(Cancelled);
        using var expected = JsonDocument.Parse("""
            {"status":"success","data":{"activeTargets":[
              {"discoveredLabels":{"__address__":"10.0.0.1:6443","odd":"\"<\n"},"labels":{"instance":"10.0.0.1:6443","job":"apiserver"},
               "scrapePool":"apiserver","scrapeUrl":"https://10.0.0.1:6443/metrics?a=b","globalUrl":"https://10.0.0.1:6443/metrics?a=b",
               "lastError":"connection refused","lastScrape":"2026-11-23T07:00:00Z","lastScrapeDuration":0.25,"health":"down",
               "scrapeInterval":"1m","scrapeTimeout":"10s"},
              {"discoveredLabels":{},"labels":{},"scrapePool":"apiserver","scrapeUrl":"http://h/metrics","globalUrl":"http://h/metrics",
               "lastError":"","lastScrape":"0001-01-01T00:00:00Z","lastScrapeDuration":0,"health":"unknown",
               "scrapeInterval":"15s","scrapeTimeout":"10s"}],
             "droppedTargets":[],"droppedTargetCounts":{}}}
            """);
        using var actual = JsonDocument.Parse(text);
        Assert.True(JsonElement.DeepEquals(expected.RootElement, actual.RootElement), text);
    }

    [Fact]
    public async Task A_bug_in_a_page_is_a_500_and_is_logged()
    {
        pages.Targets = null!;
        using var answer = await pages.Get("/api/v1/targets");
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("Internal Server Error\n", await answer.Content.ReadAsStringAsync(Cancelled));
        Assert.Contains("path=/api/v1/targets", pages.Logged, StringComparison.Ordinal);
        using var after = await pages.Get("/-/healthy");
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
    }

    [Fact]
    public async Task An_empty_host_listens_on_both_families()
    {
        using var all = pages.Start(":0");
        using var four = await pages.GetFrom($"127.0.0.1:{all.Address.Port}", "/-/healthy");
        Assert.Equal(HttpStatusCode.OK, four.StatusCode);
        Assert.SkipUnless(HasIPv6Loopback(), "this machine has no IPv6 loopback address");
        using var six = await pages.GetFrom($"[::1]:{all.Address.Port}", "/-/healthy");
        Assert.Equal(HttpStatusCode.OK, six.StatusCode);
    }

    [Theory]
    [InlineData("localhost:0")]
    [InlineData("[::]:0")]
    [InlineData("0.0.0.0:0")]
    public async Task Hosts_are_names_or_addresses(string address)
    {
        Assert.SkipUnless(!address.StartsWith('[') || Socket.OSSupportsIPv6, "this machine has no IPv6");
        using var started = pages.Start(address);
        using var answer = await pages.GetFrom($"127.0.0.1:{started.Address.Port}", "/-/healthy");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task The_port_is_free_again_at_once_after_a_restart()
    {
        var first = pages.Start("127.0.0.1:0");
        using (var socket = await pages.Connect(first))
        {
            await socket.SendAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), Cancelled); // closed by the server: its side stays in TIME_WAIT
            await ListenerFixture.ReadToEnd(socket);
        }
        first.Dispose();
        using var second = pages.Start(first.Address.ToString());
        Assert.Equal(first.Address, second.Address);
    }

    [Fact]
    public void Every_address_that_cannot_be_listened_on_is_told_with_the_variable_and_the_cause()
    {
        foreach (var (address, cause) in new[]
        {
            (pages.Address, $"port {pages.Port} is in use"),
            ($":{pages.Port}", $"port {pages.Port} is in use"),
            ("192.0.2.1:0", "not an address of this machine"),
            ("no-such-host.invalid:0", "no address"),
            ("9090", "is not host:port"),
            (":70000", "is not host:port"),
            ("::1:9090", "is not host:port"),
        })
        {
            Assert.Null(pages.TryStart(address, out var error));
            Assert.StartsWith($"SIDECAR_LISTEN_ADDRESS={address}: ", error, StringComparison.Ordinal);
            Assert.Contains(cause, error, StringComparison.Ordinal);
        }
    }

    private static bool HasIPv6Loopback()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
