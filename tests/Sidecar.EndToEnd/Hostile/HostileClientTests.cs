using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>Clients of the listener that want no answer: neither scraping nor the kubelet's probes suffer from them.</summary>
public sealed class HostileClientTests(PublishedBinary binary)
{
    private static readonly string[] Sent =
    [
        "", // idle
        "GET / HT", // half a request
        "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", // an answer that is not read, then idle
        string.Concat(Enumerable.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 500)), // megabytes of answers that are not read
    ];

    [Fact]
    public async Task A_thousand_of_them_stop_neither_scraping_nor_probes()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "3s"; // and as long a timeout: the machine may be slow
        run.Start(binary);
        await run.ValueAsync("a", 1);
        var address = await run.Sidecar.ListenAddressAsync();
        var clients = new List<Socket>();
        try
        {
            for (var i = 0; i < 1000; i++)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096, Blocking = false };
                clients.Add(socket);
                await socket.ConnectAsync(IPAddress.Loopback, address.Port, TestContext.Current.CancellationToken);
                await TrySendAsync(socket, Sent[i % Sent.Length]);
                // A kubelet asks on a new connection each time, and waits for a second by default.
                if (i % 50 == 49)
                    Assert.StartsWith("HTTP/1.1 200 OK\r\n", await ProbeAsync(address));
            }
            // The ones that take no answer could hold all places at once, and again and again.
            for (var i = 0; i < 200; i++)
                await TrySendAsync(clients[i], Sent[^1]);
            var scrapes = run.Samples("a").Count;
            for (var i = 0; i < 20; i++)
                Assert.StartsWith("HTTP/1.1 200 OK\r\n", await ProbeAsync(address));
            await Eventually.TrueAsync(() => run.Samples("a").Count >= scrapes + 5, () => "nothing is scraped any more");
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }
        await run.StopAsync();
        Assert.DoesNotContain(run.Samples("up"), s => s.Value != 1);
    }

    [Theory]
    [InlineData("nonsense\r\n\r\n", 400)]
    [InlineData("GET /<script>alert(1)</script> HTTP/1.1\r\nConnection: close\r\nHost: <script>\r\n\r\n", 404)]
    [InlineData("GET /-/healthy?<script> HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: <script>\r\n\r\n", 200)]
    [InlineData("DELETE /metrics?<script> HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n", 405)]
    [InlineData("GET /<script> HTTP/9.9\r\nHost: x\r\n\r\n", 505)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n<script>: y\r\n\r\n", 400)]
    public async Task What_they_send_is_never_echoed(string request, int status)
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Start(binary);
        var answer = await TalkAsync(await run.Sidecar.ListenAddressAsync(), request);
        Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} "), answer);
        Assert.DoesNotContain("script", answer.Replace("Content-Security-Policy", "", StringComparison.Ordinal),
            StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Heads_past_their_bound_are_refused()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Start(binary);
        var address = await run.Sidecar.ListenAddressAsync();
        Assert.StartsWith("HTTP/1.1 431 ", await TalkAsync(address, $"GET / HTTP/1.1\r\nHost: x\r\nX: {new string('x', 100_000)}\r\n\r\n"));
        Assert.StartsWith("HTTP/1.1 414 ", await TalkAsync(address, $"GET /{new string('x', 100_000)} HTTP/1.1\r\nHost: x\r\n\r\n"));
    }

    private static Task<string> ProbeAsync(Uri address) =>
        TalkAsync(address, "GET /-/healthy HTTP/1.1\r\nHost: probe\r\nUser-Agent: kube-probe/1.36\r\nConnection: close\r\n\r\n");

    /// <summary>All that comes until the server closes.</summary>
    private static async Task<string> TalkAsync(Uri address, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, address.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request), TestContext.Current.CancellationToken);
        using var patience = new CancellationTokenSource(Eventually.Patience);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync(patience.Token);
    }

    /// <summary>As much as goes at once.</summary>
    private static async Task TrySendAsync(Socket socket, string text)
    {
        try
        {
            using var moment = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
            await socket.SendAsync(Encoding.ASCII.GetBytes(text), moment.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // Cut already, or the sidecar reads no more from it.
        }
    }
}
