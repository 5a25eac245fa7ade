using System.Net;
using System.Net.Sockets;
using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Tests.Configuration;

namespace Sidecar.Tests.Http;

/// <summary>What goes over the wire to a proxy, and what its refusals are called. Tunnels go through a real one, end to end.</summary>
public sealed class ProxyTests
{
    private const string Password = "p@ss/word";
    private const string NoAnswer = "closed the connection without an answer in HTTP";

    private static readonly Uri Plain = new("http://receiver.example:8428/api/v1/write?a=b");
    private static readonly Uri Secure = new("https://receiver.example/api/v1/write");

    [Fact]
    public async Task A_plain_request_is_handed_over_whole_with_the_credentials_of_both()
    {
        await using var proxy = new RawServer(_ => RawServer.Ok("good"));
        using var asking = new Asking(Through(proxy) with { Credentials = "for-the-receiver" });
        for (var i = 0; i < 3; i++)
            Assert.Equal("200 good", await asking.GetAsync(Plain));
        Assert.All(proxy.Requests, request =>
        {
            Assert.Equal(Plain.AbsoluteUri, request.Path);
            Assert.Equal("receiver.example:8428", request.Header("Host"));
            Assert.Equal("Bearer for-the-receiver", request.Header("Authorization"));
            Assert.Equal("Basic " + Convert.ToBase64String("user:p@ss/word"u8), request.Header("Proxy-Authorization"));
        });
        Assert.Equal(1, proxy.Connections);
    }

    [Fact]
    public async Task A_tunnel_is_asked_for_without_what_belongs_to_the_receiver()
    {
        await using var proxy = new RawServer(_ => "HTTP/1.1 403 Filtered\r\n\r\n");
        using var asking = new Asking(Through(proxy) with { Credentials = "for-the-receiver" });
        await asking.FailAsync(Secure);
        var request = Assert.Single(proxy.Requests);
        Assert.Equal(("CONNECT", "receiver.example:443", "receiver.example:443"), (request.Method, request.Path, request.Header("Host")));
        Assert.Equal("Basic " + Convert.ToBase64String("user:p@ss/word"u8), request.Header("Proxy-Authorization"));
        Assert.Null(request.Header("Authorization"));
    }

    [Theory]
    [InlineData("http://user@proxy/", "user:")]
    [InlineData("http://:word@proxy/", ":word")]
    [InlineData("http://us%3Aer:a:b@proxy/", "us:er:a:b")]
    public void Its_credentials_stand_in_its_URL(string url, string expected) => Assert.Equal(
        "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(expected)),
        new Proxy(new Uri(url), NoProxy.Parse("")).Authorization);

    [Fact]
    public async Task What_is_left_out_goes_straight_there()
    {
        await using var receiver = new RawServer(_ => RawServer.Ok("straight"));
        using var asking = new Asking(new()
        {
            Proxy = new Proxy(new Uri($"http://127.0.0.1:{NobodysPort()}"), NoProxy.Parse("receiver.example")),
        });
        Assert.Equal("200 straight", await asking.GetAsync(receiver.Url)); // loopback, as in Go
    }

    /// <summary>Another host is on another way: a redirect to what is left out does not take the proxy's credentials along.</summary>
    [Fact]
    public async Task A_redirect_past_the_proxy_leaves_its_credentials_behind()
    {
        await using var receiver = new RawServer(_ => RawServer.Ok("straight"));
        await using var proxy = new RawServer(_ => RawServer.Answer("307 Elsewhere", "", $"Location: {receiver.Url}"));
        using var asking = new Asking(Through(proxy, "127.0.0.0/8"));
        Assert.Equal("200 straight", await asking.GetAsync(Plain));
        Assert.Null(Assert.Single(receiver.Requests).Header("Proxy-Authorization"));
        Assert.NotNull(Assert.Single(proxy.Requests).Header("Proxy-Authorization"));
    }

    /// <summary>Answer, URL asked for, words of the failure, its detail.</summary>
    public static TheoryData<string, string, string, string> Refusals => new()
    {
        { "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", "https",
            "wants other credentials", "ProxyCredentials" },
        { "HTTP/1.1 407 \r\nContent-Length: 0\r\n\r\n", "http", "wants other credentials", "ProxyCredentials" },
        { "HTTP/1.0 401 Unauthorized\r\nServer: tinyproxy/1.11.1\r\n\r\n", "http", "wants other credentials", "ProxyCredentials" },
        { "HTTP/1.0 401 Unauthorized\r\n\r\n", "https", "wants other credentials", "ProxyCredentials" },
        { "HTTP/1.0 403 Filtered\r\n\r\n", "https",
            "does not let requests through to receiver.example:443: it answers 403 (Filtered)", "ProxyForbids" },
        { "HTTP/1.1 405\r\n\r\n", "https", "does not let requests through", "ProxyForbids" },
        { "HTTP/1.1 403 F\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Length: 0\r\n\r\n", "http",
            "8428: it answers 403 (ERR_ACCESS_DENIED 0)", "ProxyForbids" },
        { "HTTP/1.1 503 Service Unavailable\r\nServer: squid/5.7\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n", "https",
            "cannot reach receiver.example:443: it answers 503 (ERR_DNS_FAIL 0)", "ProxyCannotReach" },
        { "HTTP/1.0 500 Unable to connect\r\nServer: tinyproxy/1.11.1\r\n\r\n", "http",
            "cannot reach receiver.example:8428: it answers 500 (Unable to connect)", "ProxyCannotReach" },
        { "HTTP/1.1 502 Bad user:p@ss/word dXNlcjpwQHNzL3dvcmQ= p%40ss%2Fword\r\n\r\n", "https",
            "(Bad user:<redacted> <redacted> <redacted>)", "ProxyCannotReach" },
        { "SSH-2.0-OpenSSH_9.2\r\n\r\n", "https", NoAnswer, "None" },
        { "SSH-2.0-OpenSSH_9.2\r\n\r\n", "http", NoAnswer, "None" },
        { "", "https", NoAnswer, "None" },
        { "", "http", NoAnswer, "None" },
        { "HTTP/1.1 200 OK\r\n\r\nand more than that", "https", NoAnswer, "None" },
        { "HTTP/1.1 200 OK\r\nX: " + new string('x', 20_000), "https", NoAnswer, "None" },
    };

    [Theory, MemberData(nameof(Refusals))]
    public async Task A_refusal_of_the_proxy_is_named_as_its_own(string answer, string scheme, string words, string detail)
    {
        await using var proxy = new RawServer(_ => answer);
        using var asking = new Asking(Through(proxy));
        var failure = await asking.FailAsync(scheme == "http" ? Plain : Secure);
        Assert.Equal((FailureReason.Proxy, detail), (failure.Reason, failure.Detail.ToString()));
        Assert.StartsWith($"the proxy 127.0.0.1:{proxy.Port} ", failure.Message);
        Assert.Contains(words, failure.Message);
        Assert.DoesNotContain(Password, failure.Message);
        Assert.Contains("SIDECAR_REMOTE_WRITE_", Advice.For(CheckPeer.Receiver, failure).Remedy);
    }

    /// <summary>What a receiver says is the receiver's, and so is a size that is cut into parts.</summary>
    [Theory]
    [InlineData("404 Not Found", "")]
    [InlineData("503 Busy", "Server: nginx")]
    [InlineData("413 Too Large", "X-Squid-Error: ERR_TOO_BIG 0")]
    public async Task An_answer_through_the_proxy_is_passed_on(string status, string header)
    {
        await using var proxy = new RawServer(_ => RawServer.Answer(status, "words", header.Length > 0 ? [header] : []));
        using var asking = new Asking(Through(proxy));
        Assert.Equal($"{status[..3]} words", await asking.GetAsync(Plain));
    }

    [Theory]
    [InlineData("http")]
    [InlineData("https")]
    public async Task A_proxy_that_is_not_there_is_named(string scheme)
    {
        using var refused = new Asking(new() { Proxy = new Proxy(new Uri($"http://127.0.0.1:{NobodysPort()}"), NoProxy.Parse("")) });
        var failure = await refused.FailAsync(new Uri($"{scheme}://receiver.example/"));
        Assert.Equal(FailureReason.Proxy, failure.Reason);
        Assert.Matches("^the proxy 127.0.0.1:[0-9]+ refuses connections", failure.Message);

        using var unknown = new Asking(new() { Proxy = new Proxy(new Uri("http://proxy.invalid:3128"), NoProxy.Parse("")) });
        failure = await unknown.FailAsync(new Uri($"{scheme}://receiver.example/"));
        Assert.Equal((FailureReason.Proxy, "the name proxy.invalid of the proxy has no address"), (failure.Reason, failure.Message));
    }

    [Fact]
    public async Task A_proxy_that_hangs_is_waited_for_within_a_bound()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var asking = new Asking(new()
        {
            Proxy = new Proxy(new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"), NoProxy.Parse("")),
        });
        var failing = asking.FailAsync(Secure);
        using var connection = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await RawRequest.ReadAsync(connection.GetStream());
        for (var seconds = 0; seconds < 20; seconds += 2)
            asking.PassTime();
        var failure = await failing.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(FailureReason.Proxy, failure.Reason);
        Assert.EndsWith("does not answer within 20 s; it takes connections", failure.Message);
    }

    [Theory]
    [InlineData("https://proxy:3128", "only HTTP proxies")]
    [InlineData("socks5://proxy:1080", "only HTTP proxies")]
    [InlineData("proxy:3128", "begins with http://")]
    [InlineData("http://proxy:3128/path", "does not have")]
    [InlineData("http://proxy:3128/?a", "does not have")]
    [InlineData("http://user:hunter2@proxy:port", "valid host and port")]
    public void A_wrong_URL_is_told(string url, string words)
    {
        var result = OptionsReader.Read(Given.Pod((Variables.RemoteWriteProxyUrl.Name, url)));
        var error = Assert.Single(result.Errors);
        Assert.Contains(words, error.Problem);
        Assert.DoesNotContain("hunter2", error.ToString());
    }

    [Fact]
    public void What_has_no_effect_is_told()
    {
        var alone = OptionsReader.Read(Given.Pod((Variables.RemoteWriteNoProxy.Name, "a")));
        Assert.Contains(alone.Warnings, w => w.ToString().Contains("has no effect without SIDECAR_REMOTE_WRITE_PROXY_URL"));
        Assert.Null(alone.Options!.RemoteWrite.Http.Proxy);
        var both = OptionsReader.Read(Given.Pod(
            (Variables.RemoteWriteNoProxy.Name, "169.254.*,receiver"), (Variables.RemoteWriteProxyUrl.Name, "http://proxy:3128")));
        Assert.Contains(both.Warnings, w => w.ToString().Contains("169.254.* is no host"));
        Assert.False(both.Options!.RemoteWrite.Http.Proxy!.Covers(new Uri("http://receiver:1/")));
        Assert.True(both.Options!.RemoteWrite.Http.Proxy!.Covers(new Uri("http://other:1/")));
    }

    private static HttpOptions Through(RawServer proxy, string without = "") => new()
    {
        Proxy = new Proxy(new Uri($"http://user:p%40ss%2Fword@127.0.0.1:{proxy.Port}"), NoProxy.Parse(without)),
    };

    private static int NobodysPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
