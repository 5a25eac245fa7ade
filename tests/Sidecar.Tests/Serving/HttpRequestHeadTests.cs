using System.Text;
using CsCheck;
using Sidecar.Serving;

namespace Sidecar.Tests.Serving;

public sealed class HttpRequestHeadTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x", "GET", "/", true)]
    [InlineData("HEAD /metrics?a=b HTTP/1.1\r\nhost:[fd00::1]:9090", "HEAD", "/metrics", true)]
    [InlineData("GET /a HTTP/1.1\r\nHost: x\r\nConnection: foo, Close", "GET", "/a", false)]
    [InlineData("GET /a HTTP/1.0", "GET", "/a", false)]
    [InlineData("GET /a HTTP/1.0\r\nConnection: Keep-Alive", "GET", "/a", true)]
    [InlineData("GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0", "GET", "/a", true)]
    [InlineData("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5", "POST", "/a", false)]
    [InlineData("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked", "POST", "/a", false)]
    [InlineData("GET http://h:1/p?q HTTP/1.1\r\nHost: x", "GET", "/p", true)]
    [InlineData("GET HTTP://h:1 HTTP/1.1\r\nHost: x", "GET", "/", true)]
    [InlineData("GET /a HTTP/1.7\r\nHost: x\r\nX:\tv \r\nEmpty:", "GET", "/a", true)]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: x", "OPTIONS", "", true)]
    public void Good_heads_are_understood(string head, string method, string path, bool keepAlive)
    {
        Assert.Equal(0, HttpRequestHead.Parse(Encoding.Latin1.GetBytes(head), out var request));
        Assert.Equal(new HttpRequestHead(method, path, keepAlive), request);
    }

    [Theory]
    [InlineData("", 400)]
    [InlineData("GET", 400)]
    [InlineData("GET /", 400)]
    [InlineData("GET  HTTP/1.1\r\nHost: x", 400)]
    [InlineData(" GET / HTTP/1.1\r\nHost: x", 400)]
    [InlineData("GET / a HTTP/1.1\r\nHost: x", 400)]
    [InlineData("GET / HTTP/1.1 \r\nHost: x", 400)]
    [InlineData("GET / HTTP/1.11\r\nHost: x", 400)]
    [InlineData("GET / http/1.1\r\nHost: x", 400)]
    [InlineData("GET /\u00e4 HTTP/1.1\r\nHost: x", 400)]
    [InlineData("GET /\0 HTTP/1.1\r\nHost: x", 400)]
    [InlineData("GET metrics HTTP/1.1\r\nHost: x", 400)]
    [InlineData("GET * HTTP/1.1\r\nHost: x", 400)]
    [InlineData("G(T / HTTP/1.1\r\nHost: x", 400)]
    [InlineData("GET / HTTP/1.1", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nHost: y", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost : x", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n folded", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n: y", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nno colon", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA: \0", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nContent-Length:", 400)]
    [InlineData("PRI * HTTP/2.0", 505)]
    [InlineData("GET / HTTP/0.9", 505)]
    public void Bad_heads_are_refused(string head, int status) =>
        Assert.Equal(status, HttpRequestHead.Parse(Encoding.Latin1.GetBytes(head), out _));

    [Theory]
    [InlineData("G", 0)]
    [InlineData("GET /metr", 0)]
    [InlineData("\r", 0)]
    [InlineData("GET / HTTP/1.1\r\nHo", 0)]
    [InlineData("\u0016\u0003\u0001", 400)]
    [InlineData("\n", 400)]
    [InlineData("GET / HTTP/1.1\n", 400)]
    [InlineData("hello\r\n", 400)]
    [InlineData("PRI * HTTP/2.0\r\n", 505)]
    public void The_first_bytes_tell_what_can_be_no_request(string start, int status) =>
        Assert.Equal(status, HttpRequestHead.CheckStart(Encoding.Latin1.GetBytes(start)));

    [Fact]
    public void Any_bytes_end_in_a_request_or_a_status()
    {
        string[] pieces =
            ["GET", " ", "/", "\r\n", "\r", "\n", ":", "HTTP/1.1", "HTTP/1.0", "Host:", "http://", "?", ",", "\0", "\u00ff", "Connection:"];
        Gen.Int[0, pieces.Length - 1].Array[0, 20].Sample(chosen =>
        {
            var head = Encoding.Latin1.GetBytes(string.Concat(chosen.Select(i => pieces[i])));
            var status = HttpRequestHead.Parse(head, out var request);
            Assert.True(status is 0 or 400 or 505);
            Assert.Equal(status == 0, request.Method is not null);
            Assert.True(HttpRequestHead.CheckStart(head) is 0 or 400 or 505);
        });
    }
}
