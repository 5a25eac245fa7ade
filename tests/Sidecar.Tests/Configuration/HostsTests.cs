using Sidecar.Configuration;

namespace Sidecar.Tests.Configuration;

public sealed class HostsTests
{
    [Theory]
    [InlineData("10.0.0.1:6443", "10.0.0.1:6443")]
    [InlineData("localhost:1", "localhost:1")]
    [InlineData("kubernetes.default.svc:443", "kubernetes.default.svc:443")]
    [InlineData("a_b-c.example.:65535", "a_b-c.example.:65535")]
    [InlineData("[::1]:6443", "[::1]:6443")]
    [InlineData("[fd00:1::2]:6443", "[fd00:1::2]:6443")]
    [InlineData("host:06443", "host:6443")]
    public void An_address_is_a_host_and_a_port(string text, string address) => Assert.Equal(address, Hosts.ParseAddress(text).Value);

    [Theory]
    [InlineData("host")]
    [InlineData("[::1]")]
    [InlineData("::1")]
    [InlineData("::1:6443")]
    [InlineData("fd00:1::2:6443")]
    [InlineData(":6443")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:-1")]
    [InlineData("host:https")]
    [InlineData("host: 6443")]
    [InlineData("ho st:6443")]
    [InlineData("-host:6443")]
    [InlineData("host..x:6443")]
    [InlineData("10.0.0.256:6443")]
    [InlineData("10.0.1:6443")]
    [InlineData("1:6443")]
    [InlineData("[10.0.0.1]:6443")]
    [InlineData("[fe80::1%eth0]:6443")]
    [InlineData("[::1:6443")]
    [InlineData("user@host:6443")]
    [InlineData("hôte:6443")]
    public void Anything_else_is_no_address(string text) => Assert.NotNull(Hosts.ParseAddress(text).Problem);

    [Theory]
    [InlineData(":9090", true)]
    [InlineData("0.0.0.0:9090", true)]
    [InlineData("[::]:9090", true)]
    [InlineData("127.0.0.1:0", true)]
    [InlineData("localhost:9090", true)]
    [InlineData("9090", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("*:9090", false)]
    [InlineData("http://:9090", false)]
    [InlineData(":99999", false)]
    public void A_listen_address_may_lack_its_host(string text, bool good) =>
        Assert.Equal(good, Hosts.ParseListenAddress(text).Problem is null);

    [Fact]
    public void Labels_and_names_are_bounded_as_in_DNS()
    {
        Assert.True(Hosts.IsHost(new string('a', 63)));
        Assert.False(Hosts.IsHost(new string('a', 64)));
        Assert.False(Hosts.IsHost(string.Join('.', Enumerable.Repeat(new string('a', 60), 5))));
    }
}
