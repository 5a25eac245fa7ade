using Sidecar.Http;

namespace Sidecar.Tests.Http;

public sealed class NoProxyTests
{
    /// <summary>Expectations are those of Go's golang.org/x/net/http/httpproxy.</summary>
    [Theory]
    [InlineData("", "http://localhost/", false)]
    [InlineData(",", "http://127.0.0.1/", false)]
    [InlineData("x", "http://localhost/", true)]
    [InlineData("x", "https://127.1.2.3/", true)]
    [InlineData("x", "https://[::1]:8080/", true)]
    [InlineData("*", "https://anything.example/", true)]
    [InlineData("a, * ,b", "https://10.0.0.1/", true)]
    [InlineData("receiver", "http://receiver/", true)]
    [InlineData("receiver", "http://receiver:8428/", true)]
    [InlineData("receiver", "http://my-receiver/", false)]
    [InlineData("Example.com", "http://eXample.Com/", true)]
    [InlineData("example.com", "http://a.b.example.com/", true)]
    [InlineData("example.com", "http://example.com./", true)]
    [InlineData("example.com", "http://notexample.com/", false)]
    [InlineData(".example.com", "http://example.com/", false)]
    [InlineData(".example.com", "http://a.example.com/", true)]
    [InlineData("*.example.com", "http://example.com/", false)]
    [InlineData("*.example.com", "http://a.example.com/", true)]
    [InlineData("example.com:8428", "http://example.com:8428/", true)]
    [InlineData("example.com:8428", "http://example.com/", false)]
    [InlineData("example.com:443", "https://example.com/", true)]
    [InlineData(".svc:80", "http://receiver.monitoring.svc/", true)]
    [InlineData(".svc:80", "https://receiver.monitoring.svc/", false)]
    [InlineData("10.0.0.1", "http://10.0.0.1:1/", true)]
    [InlineData("10.0.0.1", "http://10.0.0.11/", false)]
    [InlineData("10.0.0.1:80", "http://10.0.0.1/", true)]
    [InlineData("10.0.0.1:80", "http://10.0.0.1:81/", false)]
    [InlineData("10.0.0.0/8", "http://10.255.0.1/", true)]
    [InlineData("10.1.2.3/8", "http://10.255.0.1/", true)]
    [InlineData("10.0.0.0/8", "http://11.0.0.1/", false)]
    [InlineData("10.32.0.0/11", "http://10.63.255.255/", true)]
    [InlineData("10.32.0.0/11", "http://10.64.0.0/", false)]
    [InlineData("0.0.0.0/0", "http://8.8.8.8/", true)]
    [InlineData("0.0.0.0/0", "http://[fd00::1]/", false)]
    [InlineData("10.0.0.0/8", "http://ten.example/", false)]
    [InlineData("fd00::1", "http://[fd00::1]/", true)]
    [InlineData("[fd00::1]", "http://[fd00::1]:9/", true)]
    [InlineData("[fd00::1]:9", "http://[fd00::1]:9/", true)]
    [InlineData("[fd00::1]:9", "http://[fd00::1]/", false)]
    [InlineData("fd00::/8", "http://[fd12::1]/", true)]
    [InlineData("fd00::/8", "http://[fe80::1]/", false)]
    public void Hosts_are_left_out_as_by_Go(string list, string url, bool isLeftOut)
    {
        var without = NoProxy.Parse(list);
        Assert.Empty(without.Unknown);
        Assert.Equal(isLeftOut, without.Matches(new Uri(url)));
    }

    [Theory]
    [InlineData("169.254.*")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0/8")]
    [InlineData("fd00::/129")]
    [InlineData("a.example/8")]
    [InlineData(":80")]
    [InlineData("host:http")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("10.1")]
    [InlineData("[fd00::1")]
    [InlineData("http://host")]
    [InlineData("a b")]
    [InlineData(".")]
    [InlineData("*.")]
    public void What_matches_nothing_is_told_and_passed_over(string entry)
    {
        var without = NoProxy.Parse($"{entry},good.example");
        Assert.Equal([entry], without.Unknown);
        Assert.True(without.Matches(new Uri("http://good.example/")));
        Assert.False(without.Matches(new Uri("http://other.example/")));
    }
}
