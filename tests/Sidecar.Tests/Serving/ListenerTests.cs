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

public sealed class ListenerTests : IAsyncLifetime
{
    private readonly Metrics metrics = new(new Uri("http://receiver/write"), "apiserver", TimeSpan.FromSeconds(15), TimeProvider.System);
    private readonly HttpClient client = new();
    private readonly StringWriter logged = new();
    private string? whyUnhealthy;
    private IReadOnlyList<string> troubles = [];
    private string? whyNotReady = "No targets are known yet.";
    private IReadOnlyList<TargetStatus> targets = [];
    private Listener listener = null!;

    public ValueTask InitializeAsync()
    {
        listener = Start("127.0.0.1:0");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        listener.Dispose();
        client.Dispose();
        await logged.DisposeAsync();
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private Listener Start(string address, HttpLimits? limits = null, TimeProvider? time = null)
    {
        var log = new Log(logged, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);
        var sources = new PageSources
        {
            WriteMetrics = metrics.Write,
            WhyUnhealthy = () => whyUnhealthy,
            WhyNotReady = () => whyNotReady,
            Troubles = () => troubles,
            Targets = () => targets,
            Overview = () => SomeOverview.With(targets: targets),
        };
        var errors = new InternalErrors(metrics, log, TimeProvider.System);
        var started = Listener.Start(address, sources, errors, log, time ?? TimeProvider.System, out var error, limits);
        Assert.Equal("", error);
        return started!;
    }

    private Task<HttpResponseMessage> Get(string path, string method = "GET") =>
        client.SendAsync(new HttpRequestMessage(new HttpMethod(method), $"http://{listener.Address}{path}"), Cancelled);

    private async Task<Socket> Connect(Listener? to = null)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync((to ?? listener).Address, Cancelled);
        return socket;
    }

    /// <summary>All that comes until the server closes.</summary>
    private static async Task<string> ReadToEnd(Socket socket)
    {
        var all = new MemoryStream();
        var buffer = new byte[4096];
        int n;
        while ((n = await socket.ReceiveAsync(buffer, Cancelled)) > 0)
            all.Write(buffer, 0, n);
        return Encoding.ASCII.GetString(all.ToArray());
    }

    private async Task<string> Talk(string request)
    {
        using var socket = await Connect();
        await socket.SendAsync(Encoding.Latin1.GetBytes(request), Cancelled);
        return await ReadToEnd(socket);
    }

    [Theory]
    [InlineData("/", 200, "text/html", "/api/v1/targets")]
    [InlineData("/targets", 200, "text/html", "Discovery finds no targets.")]
    [InlineData("/-/healthy", 200, "text/plain", "healthy")]
    [InlineData("/-/ready", 503, "text/plain", "No targets are known yet.\n")]
    [InlineData("/metrics", 200, "text/plain", "# TYPE prometheus_build_info gauge\n")]
    [InlineData("/metrics?x=y", 200, "text/plain", "sidecar_queue_bytes 0\n")]
    [InlineData("/api/v1/targets", 200, "application/json", "activeTargets")]
    [InlineData("/nothing/forged", 404, "text/plain", "Not Found")]
    [InlineData("/metrics/", 404, "text/plain", "Not Found")]
    public async Task Pages_answer(string path, int status, string type, string part)
    {
        using var answer = await Get(path);
        var body = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(type, answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains(part, body, StringComparison.Ordinal);
        Assert.DoesNotContain("forged", body, StringComparison.Ordinal);

        using var head = await Get(path, "HEAD");
        Assert.Equal(status, (int)head.StatusCode);
        Assert.Equal("", await head.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal(type, head.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Ready_answers_200_once_ready()
    {
        whyNotReady = null;
        using var answer = await Get("/-/ready");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Healthy_fails_with_a_sentence_and_ready_tells_of_troubles()
    {
        whyNotReady = null;
        troubles = ["There was a bug in the sidecar.", "The queue directory hangs."];
        using (var ready = await Get("/-/ready"))
        {
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
            Assert.Equal("Sidecar is ready.\nThere was a bug in the sidecar.\nThe queue directory hangs.\n",
                await ready.Content.ReadAsStringAsync(Cancelled));
        }
        whyUnhealthy = "No scrape loop has moved for 1m0s.";
        using var healthy = await Get("/-/healthy");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, healthy.StatusCode);
        Assert.Equal("No scrape loop has moved for 1m0s.\n", await healthy.Content.ReadAsStringAsync(Cancelled));
    }

    [Fact]
    public async Task Whatever_happens_in_a_connection_its_slot_is_given_back()
    {
        var asked = 0;
        var isBad = true;
        HttpAnswer Answer(HttpRequestHead request)
        {
            asked++;
            Assert.False(Thread.CurrentThread.IsThreadPoolThread); // which may hang
            // An array that is not of the pool: to give it back throws, and not where answers are made.
            return HttpAnswer.Text(200, "good") with { Rented = isBad ? new byte[3] : null };
        }
        var log = new Log(logged, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);
        var errors = new InternalErrors(metrics, log, TimeProvider.System);
        var rounds = 0;
        void Round()
        {
            if (rounds++ == 0)
                throw new InvalidOperationException("thrown by a test"); // the loop itself
        }
        using var server = new HttpServer(ListenAddress.Open("127.0.0.1:0", out _)!, Answer, Round, new HttpLimits(), errors, log,
            TimeProvider.System);
        var sockets = new List<Socket>();
        for (var i = 0; i < 100; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(socket);
            await socket.ConnectAsync(server.Address, Cancelled);
            await socket.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancelled);
            Assert.Equal("", await ReadToEnd(socket));
        }
        isBad = false;
        using (var answer = await client.GetAsync(new Uri($"http://{server.Address}/"), Cancelled))
            Assert.Equal("good\n", await answer.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal(101, asked);
        Assert.Equal(101, metrics.InternalErrors[ProcessLoop.Listener]);
        sockets.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task Metrics_are_well_formed_and_announced_as_text_0_0_4()
    {
        using var answer = await Get("/metrics");
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
        using var answer = await Get(path, method);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET", "HEAD"], answer.Content.Headers.Allow);
    }

    [Fact]
    public async Task Targets_have_the_shape_of_Prometheus()
    {
        targets =
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
        using var answer = await Get("/api/v1/targets?state=active");
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

    [Theory]
    [InlineData("\u0016\u0003\u0001\u0002\u0000", "400")] // a TLS client
    [InlineData("garbage\r\n\r\n", "400")]
    [InlineData("GET /forged HTTP/1.1\r\n\r\n", "400")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505")]
    public async Task Malformed_requests_are_answered_at_once_and_not_echoed(string request, string status)
    {
        var answer = await Talk(request);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("forged", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: ", "431")]
    [InlineData("GET /", "414")]
    public async Task Heads_that_are_too_long_are_refused(string start, string status) =>
        Assert.StartsWith($"HTTP/1.1 {status} ", await Talk(start + new string('a', 4_000_000)), StringComparison.Ordinal);

    [Fact]
    public async Task Pipelined_and_split_requests_are_answered_in_order()
    {
        using var socket = await Connect();
        const string Requests = "\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n"
            + "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
            + "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
        var sending = Encoding.ASCII.GetBytes(Requests);
        for (var i = 0; i < 70; i++) // byte by byte into the second request, then the rest at once
            await socket.SendAsync(sending.AsMemory(i, 1), Cancelled);
        await socket.SendAsync(sending.AsMemory(70), Cancelled);
        // A status line may stand right behind the body before it.
        var statuses = (await ReadToEnd(socket)).Split("HTTP/1.1 ").Skip(1).Select(answer => answer[..3]);
        Assert.Equal(["200", "503", "200", "404"], statuses);
    }

    [Fact]
    public async Task Http_1_0_without_keep_alive_is_closed_after_the_answer()
    {
        var answer = await Talk("GET /-/healthy HTTP/1.0\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nConnection: close\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nSidecar is healthy.\n", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\nHo")]
    [InlineData("GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")] // idle after an answer
    public async Task Slow_and_idle_clients_are_cut(string sent)
    {
        var time = new FakeTimeProvider();
        // One of the two bounds is far beyond the end of this test, so that each is seen to work alone.
        var limits = sent.Contains("Ho", StringComparison.Ordinal) && !sent.Contains("Host", StringComparison.Ordinal)
            ? new HttpLimits { IdleTimeout = TimeSpan.FromDays(1) }
            : new HttpLimits { RequestTimeout = TimeSpan.FromDays(1), AnswerTimeout = TimeSpan.FromDays(1) };
        using var patient = Start("127.0.0.1:0", limits, time);
        using var socket = await Connect(patient);
        await socket.SendAsync(Encoding.ASCII.GetBytes(sent), Cancelled);
        if (sent.Contains("healthy", StringComparison.Ordinal))
            Assert.InRange(await socket.ReceiveAsync(new byte[4096], Cancelled), 1, 4096);
        var rest = ReadToEnd(socket); // ends only when the server closes
        for (var i = 0; i < 6000 && !rest.IsCompleted; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1)); // more than once: the timer may not be set yet
            await Task.Delay(10, Cancelled);
        }
        Assert.True(rest.IsCompletedSuccessfully, "not cut");
        Assert.Equal("", await rest);
    }

    [Fact]
    public async Task A_client_that_takes_no_answers_is_cut()
    {
        using var hasty = Start("127.0.0.1:0", new HttpLimits { AnswerTimeout = TimeSpan.FromMilliseconds(200) });
        using var socket = await Connect(hasty);
        var requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 100)));
        // Without reading a byte: the server's sending stalls, it cuts us, and our sending fails.
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (true)
                await socket.SendAsync(requests, Cancelled);
        }).WaitAsync(TimeSpan.FromSeconds(60), Cancelled);
    }

    [Fact]
    public async Task A_thousand_idle_and_half_sent_connections_do_not_stop_an_answer()
    {
        var idle = new List<Socket>();
        try
        {
            for (var i = 0; i < 1000; i++)
            {
                var socket = await Connect();
                idle.Add(socket);
                if (i % 2 == 0)
                    await socket.SendAsync("GET / HT"u8.ToArray(), Cancelled);
            }
            Assert.StartsWith("HTTP/1.1 200", await Talk("GET /-/healthy HTTP/1.0\r\n\r\n"), StringComparison.Ordinal);
            // All but 64 have been closed, which ones depends on when each began to wait.
            var until = DateTime.UtcNow.AddSeconds(60);
            int Closed() => idle.Count(socket => socket.Poll(0, SelectMode.SelectRead));
            while (Closed() < 1000 - 64 && DateTime.UtcNow < until)
                await Task.Delay(50, Cancelled);
            Assert.InRange(Closed(), 1000 - 64, 1000);
        }
        finally
        {
            idle.ForEach(s => s.Dispose());
        }
    }

    [Fact]
    public async Task A_bug_in_a_page_is_a_500_and_is_logged()
    {
        targets = null!;
        using var answer = await Get("/api/v1/targets");
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("Internal Server Error\n", await answer.Content.ReadAsStringAsync(Cancelled));
        Assert.Contains("path=/api/v1/targets", logged.ToString(), StringComparison.Ordinal);
        using var after = await Get("/-/healthy");
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
    }

    [Fact]
    public async Task An_empty_host_listens_on_both_families()
    {
        using var all = Start(":0");
        using var four = await client.GetAsync(new Uri($"http://127.0.0.1:{all.Address.Port}/-/healthy"), Cancelled);
        Assert.Equal(HttpStatusCode.OK, four.StatusCode);
        Assert.SkipUnless(HasIPv6Loopback(), "this machine has no IPv6 loopback address");
        using var six = await client.GetAsync(new Uri($"http://[::1]:{all.Address.Port}/-/healthy"), Cancelled);
        Assert.Equal(HttpStatusCode.OK, six.StatusCode);
    }

    [Theory]
    [InlineData("localhost:0")]
    [InlineData("[::]:0")]
    [InlineData("0.0.0.0:0")]
    public async Task Hosts_are_names_or_addresses(string address)
    {
        Assert.SkipUnless(!address.StartsWith('[') || Socket.OSSupportsIPv6, "this machine has no IPv6");
        using var started = Start(address);
        using var answer = await client.GetAsync(new Uri($"http://127.0.0.1:{started.Address.Port}/-/healthy"), Cancelled);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task The_port_is_free_again_at_once_after_a_restart()
    {
        var first = Start("127.0.0.1:0");
        using (var socket = await Connect(first))
        {
            await socket.SendAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), Cancelled); // closed by the server: its side stays in TIME_WAIT
            await ReadToEnd(socket);
        }
        first.Dispose();
        using var second = Start(first.Address.ToString());
        Assert.Equal(first.Address, second.Address);
    }

    [Fact]
    public void Every_address_that_cannot_be_listened_on_is_told_with_the_variable_and_the_cause()
    {
        foreach (var (address, cause) in new[]
        {
            (listener.Address.ToString(), $"port {listener.Address.Port} is in use"),
            ($":{listener.Address.Port}", $"port {listener.Address.Port} is in use"),
            ("192.0.2.1:0", "not an address of this machine"),
            ("no-such-host.invalid:0", "no address"),
            ("9090", "is not host:port"),
            (":70000", "is not host:port"),
            ("::1:9090", "is not host:port"),
        })
        {
            var log = new Log(logged, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);
            var sources = new PageSources { WriteMetrics = metrics.Write, WhyNotReady = () => null, Targets = () => [], Overview = () =>
                SomeOverview.With() };
            var started = Listener.Start(address, sources, SomeOverview.Errors(metrics), log, TimeProvider.System, out var error);
            Assert.Null(started);
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
