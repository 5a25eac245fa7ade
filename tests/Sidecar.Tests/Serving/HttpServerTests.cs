using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Serving;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>What clients do to the server beneath the pages: malformed, slow, many, pipelined.</summary>
public sealed class HttpServerTests : IAsyncDisposable
{
    private readonly ListenerFixture pages = new();

    public ValueTask DisposeAsync() => pages.DisposeAsync();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

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
        var rounds = 0;
        void Round()
        {
            if (rounds++ == 0)
                throw new InvalidOperationException("thrown by a test"); // the loop itself
        }
        using var server = new HttpServer(ListenAddress.Open("127.0.0.1:0", out _)!, Answer, Round, new HttpLimits(), pages.Errors,
            pages.Log, TimeProvider.System).Start();
        var sockets = new List<Socket>();
        for (var i = 0; i < 100; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(socket);
            await socket.ConnectAsync(server.Address, Cancelled);
            await socket.SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancelled);
            Assert.Equal("", await ListenerFixture.ReadToEnd(socket));
        }
        isBad = false;
        using (var answer = await pages.GetFrom(server.Address.ToString(), "/"))
            Assert.Equal("good\n", await answer.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal(101, asked);
        Assert.Equal(101, pages.Metrics.InternalErrors[ProcessLoop.Listener]);
        sockets.ForEach(s => s.Dispose());
    }

    [Theory]
    [InlineData("\u0016\u0003\u0001\u0002\u0000", "400")] // a TLS client
    [InlineData("garbage\r\n\r\n", "400")]
    [InlineData("GET /forged HTTP/1.1\r\n\r\n", "400")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505")]
    public async Task Malformed_requests_are_answered_at_once_and_not_echoed(string request, string status)
    {
        var answer = await pages.Talk(request);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("forged", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: ", "431")]
    [InlineData("GET /", "414")]
    public async Task Heads_that_are_too_long_are_refused(string start, string status) =>
        Assert.StartsWith($"HTTP/1.1 {status} ", await pages.Talk(start + new string('a', 4_000_000)), StringComparison.Ordinal);

    [Fact]
    public async Task Pipelined_and_split_requests_are_answered_in_order()
    {
        using var socket = await pages.Connect();
        const string Requests = "\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\nGET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n"
            + "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
            + "GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
        var sending = Encoding.ASCII.GetBytes(Requests);
        for (var i = 0; i < 70; i++) // byte by byte into the second request, then the rest at once
            await socket.SendAsync(sending.AsMemory(i, 1), Cancelled);
        await socket.SendAsync(sending.AsMemory(70), Cancelled);
        // A status line may stand right behind the body before it.
        var statuses = (await ListenerFixture.ReadToEnd(socket)).Split("HTTP/1.1 ").Skip(1).Select(answer => answer[..3]);
        Assert.Equal(["200", "503", "200", "404"], statuses);
    }

    [Fact]
    public async Task Http_1_0_without_keep_alive_is_closed_after_the_answer()
    {
        var answer = await pages.Talk("GET /-/healthy HTTP/1.0\r\n\r\n");
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
        using var patient = pages.Start("127.0.0.1:0", limits, time);
        using var socket = await pages.Connect(patient);
        await socket.SendAsync(Encoding.ASCII.GetBytes(sent), Cancelled);
        if (sent.Contains("healthy", StringComparison.Ordinal))
            Assert.InRange(await socket.ReceiveAsync(new byte[4096], Cancelled), 1, 4096);
        var rest = ListenerFixture.ReadToEnd(socket); // ends only when the server closes
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
        using var hasty = pages.Start("127.0.0.1:0", new HttpLimits { AnswerTimeout = TimeSpan.FromMilliseconds(200) });
        using var socket = await pages.Connect(hasty);
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
                var socket = await pages.Connect();
                idle.Add(socket);
                if (i % 2 == 0)
                    await socket.SendAsync("GET / HT"u8.ToArray(), Cancelled);
            }
            Assert.StartsWith("HTTP/1.1 200", await pages.Talk("GET /-/healthy HTTP/1.0\r\n\r\n"), StringComparison.Ordinal);
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
}
