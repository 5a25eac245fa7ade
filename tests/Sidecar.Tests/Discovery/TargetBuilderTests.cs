using Sidecar.Discovery;
using Sidecar.Scraping;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Discovery;

/// <summary>
/// Against PopulateLabels of Prometheus 3 (scrape/target.go): no default port is added to the address nor to <c>instance</c>.
/// </summary>
public sealed class TargetBuilderTests
{
    private static readonly ScrapeOptions Options = ScrapeFixture.Options with { JobName = "apiserver", Scheme = "https" };

    [Fact]
    public void A_static_target_takes_the_defaults()
    {
        var target = FromStatic(new StaticTarget("10.0.0.1:6443", null, null, null), Options);
        Assert.Equal("https://10.0.0.1:6443/metrics", target.Url.AbsoluteUri);
        Assert.Equal("instance=10.0.0.1:6443 job=apiserver", Text(target.Labels));
        Assert.Equal(
            "__address__=10.0.0.1:6443 __metrics_path__=/metrics __scheme__=https __scrape_interval__=15s __scrape_timeout__=10s job=apiserver",
            Text(target.DiscoveredLabels));
    }

    [Fact]
    public void A_static_target_of_a_URL_has_its_own_scheme_path_and_query()
    {
        var options = Options with { Params = "match[]=up" };
        var target = FromStatic(new StaticTarget("[::1]:80", "http", "/federate", "a=1%20+2&a=3&b"), options);
        Assert.Equal("http://[::1]/federate?a=1%20+2&a=3&b", target.Url.AbsoluteUri);
        Assert.Equal("instance=[::1]:80 job=apiserver", Text(target.Labels));
        Assert.Equal("1  2", target.DiscoveredLabels.Single(l => l.Key == "__param_a").Value);
        Assert.Equal("", target.DiscoveredLabels.Single(l => l.Key == "__param_b").Value);
        Assert.DoesNotContain(target.DiscoveredLabels, l => l.Key == "__param_match[]");
    }

    [Fact]
    public void Discovered_labels_go_but_for_those_without_underscores()
    {
        var target = FromLabels(
            new() { ["__address__"] = "api.example.com", ["__meta_kubernetes_namespace"] = "default", ["zone"] = "z1", ["empty"] = "" },
            Options with { Params = "a=b" });
        Assert.Equal("https://api.example.com/metrics?a=b", target.Url.AbsoluteUri);
        Assert.Equal("instance=api.example.com job=apiserver zone=z1", Text(target.Labels));
    }

    [Theory]
    [InlineData("job", "mine", "instance=10.0.0.1:443 job=mine")]
    [InlineData("instance", "mine", "instance=mine job=apiserver")]
    public void What_is_set_already_stays(string name, string value, string labels) =>
        Assert.Equal(labels, Text(FromLabels(new() { ["__address__"] = "10.0.0.1:443", [name] = value }, Options).Labels));

    [Fact]
    public void Targets_of_one_URL_and_equal_labels_are_one()
    {
        var one = FromLabels(new() { ["__address__"] = "10.0.0.1:443", ["__meta_kubernetes_namespace"] = "a" }, Options);
        var other = FromLabels(new() { ["__address__"] = "10.0.0.1:443", ["__meta_kubernetes_namespace"] = "b" }, Options);
        var third = FromLabels(new() { ["__address__"] = "10.0.0.1:443", ["zone"] = "b" }, Options);
        Assert.Equal(one, other);
        Assert.NotEqual(one, third);
    }

    [Theory]
    [InlineData("10.0.0.1:6443", true)]
    [InlineData("10.0.0.1", true)]
    [InlineData("[fd00::1]:6443", true)]
    [InlineData("api_server.example.com:6443", true)]
    [InlineData("fd00::1", false)]
    [InlineData("", false)]
    [InlineData(":443", false)]
    [InlineData("host:0", false)]
    [InlineData("host:65536", false)]
    [InlineData("host:port", false)]
    [InlineData("host/path", false)]
    [InlineData("host?query", false)]
    [InlineData("host#fragment", false)]
    [InlineData("user@host:443", false)]
    [InlineData("two hosts", false)]
    public void An_address_is_a_host_and_perhaps_a_port(string address, bool isAddress) =>
        Assert.Equal(isAddress, TargetBuilder.IsAddress(address));

    private static string Text(IEnumerable<KeyValuePair<string, string>> labels) =>
        string.Join(' ', labels.Select(l => $"{l.Key}={l.Value}"));

    private static Target FromStatic(StaticTarget target, ScrapeOptions options) =>
        TargetBuilder.FromStatic(target, options, out var problem) ?? throw new InvalidOperationException(problem);

    private static Target FromLabels(Dictionary<string, string> labels, ScrapeOptions options) =>
        TargetBuilder.FromLabels(labels, options, out var problem) ?? throw new InvalidOperationException(problem);
}
