using Sidecar.Discovery;

namespace Sidecar.Tests.Discovery;

public sealed class StaticTargetsTests
{
    [Theory]
    [InlineData("10.0.0.1:6443", "10.0.0.1:6443", null, null, null)]
    [InlineData("[fd00::1]:6443", "[fd00::1]:6443", null, null, null)]
    [InlineData("https://10.0.0.1:6443", "10.0.0.1:6443", "https", null, null)]
    [InlineData("https://10.0.0.1", "10.0.0.1:443", "https", null, null)]
    [InlineData("http://host/", "host:80", "http", null, null)]
    [InlineData("http://[::1]/stats", "[::1]:80", "http", "/stats", null)]
    [InlineData("https://host:6443/m?a=b&c=d", "host:6443", "https", "/m", "a=b&c=d")]
    [InlineData("https://host:6443?a=b", "host:6443", "https", null, "a=b")]
    public void A_target_is_an_address_or_a_URL(string text, string address, string? scheme, string? path, string? query) =>
        Assert.Equal(new StaticTarget(address, scheme, path, query), Assert.Single(StaticTargets.Parse(text).Value));

    [Theory]
    [InlineData("a:1,b:2", 2)]
    [InlineData(" a:1 , http://b , [::1]:3 ", 3)]
    public void Targets_are_separated_by_commas(string text, int count) => Assert.Equal(count, StaticTargets.Parse(text).Value.Length);

    [Theory]
    [InlineData("host", "entry 1 is an address without a port")]
    [InlineData("a:1,", "entry 2 is empty")]
    [InlineData("a:1,,b:2", "entry 2 is empty")]
    [InlineData("10.0.0.1:6443/metrics", "entry 1 is an address with a path, which needs a scheme before it (https://host:6443/path)")]
    [InlineData("a:1,::1:6443", "entry 2 is an address without brackets around the IPv6 address")]
    [InlineData("ftp://a", "entry 1 is not a URL that begins with http:// or https://")]
    [InlineData("a,b:1,c", "entry 1 is an address without a port, entry 3 is an address without a port")]
    [InlineData("https://u:p@host:6443",
        "entry 1 is a URL with a user in it, which belongs in SIDECAR_BASIC_AUTH_USERNAME and SIDECAR_BASIC_AUTH_PASSWORD_FILE")]
    public void Every_wrong_entry_is_named_by_its_number(string text, string problem) =>
        Assert.Equal(problem, StaticTargets.Parse(text).Problem);
}
