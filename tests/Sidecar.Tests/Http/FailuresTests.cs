using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Tests.Http;

public sealed class FailuresTests : IDisposable
{
    private readonly Folder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string, string, string> Answers => new()
    {
        { "", nameof(FailureReason.Connection), "closed the connection without an answer; if it speaks TLS" },
        { "HTTP/1.1 200 OK\r\nX", nameof(FailureReason.Connection), "closed the connection without an answer" },
        { "SSH-2.0-OpenSSH_9.2\r\n", nameof(FailureReason.Connection), "does not answer in HTTP; if it speaks TLS, the scheme is https" },
        { "\x15\x03\x01\0\x02\x02\x46", nameof(FailureReason.Connection), "https" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", nameof(FailureReason.Truncated), "in the middle of its answer" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nok", nameof(FailureReason.Truncated), "in the middle of its answer" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok", nameof(FailureReason.Connection), "does not answer in HTTP" },
        { $"HTTP/1.1 200 OK\r\nX: {new string('x', 70_000)}\r\n\r\n", nameof(FailureReason.Connection), "larger headers" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task A_bad_answer_is_told_by_its_kind(string answer, string reason, string words)
    {
        await using var server = new RawServer(_ => answer);
        using var asking = new Asking(new() { Credentials = "secret" });
        Check(await asking.FailAsync(server.Url), Enum.Parse<FailureReason>(reason), words, server.Port);
    }

    [Fact]
    public async Task Nobody_listens()
    {
        var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        var port = ((IPEndPoint)free.LocalEndpoint).Port;
        free.Stop();
        using var asking = new Asking(new());
        Check(await asking.FailAsync(new Uri($"http://127.0.0.1:{port}/")), FailureReason.ConnectionRefused, "refuses connections", port);
    }

    [Fact]
    public async Task A_name_without_an_address()
    {
        using var asking = new Asking(new());
        var failure = await asking.FailAsync(new Uri("http://no-such-name.invalid:1/"));
        Assert.Equal(FailureReason.DnsLookup, failure.Reason);
        Assert.Contains("no-such-name.invalid", failure.Message);
    }

    [Fact]
    public async Task A_plain_HTTP_peer_asked_over_TLS()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = AnswerAsync(listener, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request");
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var asking = new Asking(new());
        Check(await asking.FailAsync(new Uri($"https://127.0.0.1:{port}/")), FailureReason.TlsHandshake,
            "does not speak TLS; if it speaks plain HTTP", port);
        listener.Stop();
    }

    [Fact]
    public async Task A_peer_that_closes_in_the_handshake()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        _ = AnswerAsync(listener, "");
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var asking = new Asking(new());
        Check(await asking.FailAsync(new Uri($"https://127.0.0.1:{port}/")), FailureReason.TlsHandshake, "during the TLS handshake", port);
        listener.Stop();
    }

    [Fact]
    public async Task No_TLS_version_in_common()
    {
        var authority = new Authority();
        var tls = authority.Server();
        tls.EnabledSslProtocols = SslProtocols.Tls12;
        await using var server = new RawServer(_ => RawServer.Ok(""), tls);
        using var asking = new Asking(new() { Tls =
            new() { CaFile = folder.Write("ca.crt", authority.Pem), MinVersion = SslProtocols.Tls13 } });
        var failure = await asking.FailAsync(server.Url);
        Assert.Equal(FailureReason.TlsHandshake, failure.Reason);
        if (OperatingSystem.IsLinux())
            Assert.Contains("no TLS version in common", failure.Message);
    }

    [Fact]
    public void A_connection_that_takes_too_long_is_a_timeout() =>
        Check(Failures.From(new TaskCanceledException("", new TimeoutException()), new Uri("http://peer:80/")), FailureReason.Timeout,
        "peer:80", 80);

    public static TheoryData<HttpStatusCode, string, string, string> Statuses => new()
    {
        {
            HttpStatusCode.BadRequest, "Client sent an HTTP request to an HTTPS server.\n", nameof(FailureReason.HttpOnHttpsPort),
            "peer:6443 wants https: Client sent an HTTP request to an HTTPS server."
        },
        { HttpStatusCode.BadRequest, "no good", nameof(FailureReason.HttpStatus), "https://peer:6443/metrics answers 400: no good" },
        {
            HttpStatusCode.Unauthorized, """{"kind":"Status","metadata":{"message":"not this"},"status":"Failure","message":"Unauthorized","code":401}""",
            nameof(FailureReason.Unauthorized), "https://peer:6443/metrics answers 401: Unauthorized"
        },
        {
            HttpStatusCode.Forbidden, """{"kind":"Status","message":"forbidden: User \"system:anonymous\" cannot get path \"/metrics\"","reason":"Forbidden"}""",
            nameof(FailureReason.Forbidden),
            "https://peer:6443/metrics answers 403: forbidden: User \"system:anonymous\" cannot get path \"/metrics\""
        },
        { HttpStatusCode.Forbidden, "{\"kind\":\"Status\",\"mess", nameof(FailureReason.Forbidden),
        "https://peer:6443/metrics answers 403: {\"kind\":\"Status\",\"mess" },
        { HttpStatusCode.NotFound, "404 page not found\n", nameof(FailureReason.NotFound),
        "https://peer:6443/metrics answers 404: 404 page not found" },
        { HttpStatusCode.Found, "", nameof(FailureReason.Redirect), "https://peer:6443/metrics answers 302" },
        { HttpStatusCode.InternalServerError, "a\u0001b\r\nlevel=info \u001b[31m\u0085c", nameof(FailureReason.HttpStatus),
        "https://peer:6443/metrics answers 500: a b  level=info  [31m c" },
        { (HttpStatusCode)499, "", nameof(FailureReason.HttpStatus), "https://peer:6443/metrics answers 499" },
    };

    [Theory]
    [MemberData(nameof(Statuses))]
    public void A_status_is_told_with_the_peers_words(HttpStatusCode status, string body, string reason, string message) =>
        Assert.Equal(new Failure(Enum.Parse<FailureReason>(reason), message, Status: (int)status),
        Failures.FromStatus(status, new Uri("https://me:secret@peer:6443/metrics?token=secret"), Encoding.UTF8.GetBytes(body)));

    /// <summary>
    /// Plain HTTP to a TLS port: Go's server and nginx say so, and where the request is long, by a token for instance, Go's reset takes the
    /// words away.
    /// </summary>
    [Theory]
    [InlineData("http", 400, "Client sent an HTTP request to an HTTPS server.\n", "HttpOnHttpsPort", "None")]
    [InlineData("http", 400, "<title>400 The plain HTTP request was sent to HTTPS port</title>", "HttpOnHttpsPort", "None")]
    [InlineData("http", 400, "", "HttpStatus", "MayWantHttps")]
    [InlineData("http", 400, "no org id", "HttpStatus", "None")]
    [InlineData("http", 500, "", "HttpStatus", "None")]
    [InlineData("https", 400, "", "HttpStatus", "None")]
    public void Plain_http_on_a_tls_port_is_known_by_its_answer(string scheme, int status, string body, string reason, string detail)
    {
        var failure = Failures.FromStatus((HttpStatusCode)status, new Uri($"{scheme}://peer:6443/"), Encoding.UTF8.GetBytes(body));
        Assert.Equal((reason, detail), (failure.Reason.ToString(), failure.Detail.ToString()));
    }

    [Fact]
    public void A_peers_words_are_bounded_and_never_cut_a_character()
    {
        for (var before = 395; before < 405; before++)
        {
            var body = new string('x', before) + string.Concat(Enumerable.Repeat("🦫", 100));
            var message = Failures.FromStatus(HttpStatusCode.BadGateway, new Uri("http://peer/"), Encoding.UTF8.GetBytes(body)).Message;
            Assert.InRange(message.Length, 400, 450);
            Assert.EndsWith("…", message);
            Assert.Equal(message, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(message)));
        }
    }

    [Theory]
    [InlineData(null, "apiserver is shutting down")]
    [InlineData("gzip", "")] // its bytes are no words
    public async Task Words_of_an_answer_are_read_unless_it_is_compressed(string? encoding, string words)
    {
        using var response = new HttpResponseMessage(HttpStatusCode.ServiceUnavailable)
        {
            Content = new StringContent("apiserver is shutting down"),
        };
        if (encoding is not null)
            response.Content.Headers.ContentEncoding.Add(encoding);
        Assert.Equal(words, Encoding.UTF8.GetString(await Failures.ReadStartAsync(response, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_no_trouble() =>
        Assert.Contains("answers 500",
        Failures.FromStatus(HttpStatusCode.InternalServerError, new Uri("http://peer/"), [0xff, 0xfe, 0x00, (byte)'{', 0x80]).Message);

    private static void Check(Failure failure, FailureReason reason, string words, int port)
    {
        Assert.Equal(reason, failure.Reason);
        Assert.Contains(words, failure.Message);
        Assert.Contains($":{port} ", failure.Message);
        Assert.DoesNotContain("secret", failure.Message);
    }

    private static async Task AnswerAsync(TcpListener listener, string answer)
    {
        using var client = await listener.AcceptTcpClientAsync();
        _ = await client.GetStream().ReadAsync(new byte[16 * 1024]);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer));
    }
}
