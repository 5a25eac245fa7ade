using Sidecar.Configuration;
using Sidecar.Hosting;

namespace Sidecar.Tests.Configuration;

public sealed class VariableNamesTests
{
    [Theory]
    [InlineData("SIDECAR_SCRAPE_INTERVALL", "SIDECAR_SCRAPE_INTERVAL")]
    [InlineData("SIDECAR_SCRAPE_INTREVAL", "SIDECAR_SCRAPE_INTERVAL")]
    [InlineData("SIDECAR_scrape_interval", "SIDECAR_SCRAPE_INTERVAL")]
    [InlineData("SIDECAR_SCRAPEINTERVAL", "SIDECAR_SCRAPE_INTERVAL")]
    [InlineData("SIDECAR_TARGET", "SIDECAR_TARGETS")]
    [InlineData("SIDECAR_LOGLEVEL", "SIDECAR_LOG_LEVEL")]
    [InlineData("SIDECAR_REMOTE_WRITE_URI", "SIDECAR_REMOTE_WRITE_URL")]
    [InlineData("SIDECAR_REMOTEWRITE_URL", "SIDECAR_REMOTE_WRITE_URL")]
    [InlineData("SIDECAR_LISTEN_ADRESS", "SIDECAR_LISTEN_ADDRESS")]
    [InlineData("SIDECAR_KUBERNETES_TLS_CA_FILE", "SIDECAR_KUBERNETES_CA_FILE")]
    [InlineData("SIDECAR_URL", "SIDECAR_REMOTE_WRITE_URL")]
    [InlineData("SIDECAR_TLS_CA", "SIDECAR_TLS_CA_FILE")]
    [InlineData("SIDECAR_PASSWORD_FILE", "SIDECAR_BASIC_AUTH_PASSWORD_FILE")]
    [InlineData("SIDECAR_RELABEL_CONFIG", "SIDECAR_RELABEL_CONFIGS")]
    [InlineData("SIDECAR__TARGETS", "SIDECAR_TARGETS")]
    [InlineData("SIDECAR_FOO", null)]
    [InlineData("SIDECAR_", null)]
    [InlineData("SIDECAR_WEB_CONSOLE_TEMPLATES", null)]
    public void The_nearest_name_is_proposed(string name, string? nearest)
    {
        Assert.Equal(nearest, VariableNames.Nearest(name));
        var error = Given.OneError(Given.Pod((name, "value-of-unknown")));
        Assert.Equal(name, error.Name);
        Assert.Contains(nearest ?? "sidecar help", error.ToString());
        Assert.DoesNotContain("value-of-unknown", error.ToString());
    }

    [Theory]
    [InlineData("SIDECAR_SERVICE_HOST", "10.0.0.1")]
    [InlineData("SIDECAR_SERVICE_PORT", "9090")]
    [InlineData("SIDECAR_SERVICE_PORT_HTTP", "9090")]
    [InlineData("SIDECAR_SERVICE_PORT_HTTP_METRICS", "9090")]
    [InlineData("SIDECAR_PORT", "tcp://10.0.0.1:9090")]
    [InlineData("SIDECAR_PORT_9090_TCP", "tcp://10.0.0.1:9090")]
    [InlineData("SIDECAR_PORT_9090_TCP_PROTO", "tcp")]
    [InlineData("SIDECAR_PORT_9090_TCP_PORT", "9090")]
    [InlineData("SIDECAR_PORT_9090_TCP_ADDR", "10.0.0.1")]
    [InlineData("SIDECAR_PORT_53_UDP", "udp://10.0.0.1:53")]
    [InlineData("SIDECAR_PORT_53_UDP_ADDR", "fd00::1")]
    [InlineData("SIDECAR_FOO_SERVICE_HOST", "10.0.0.1")]
    [InlineData("SIDECAR_FOO_BAR_SERVICE_HOST", "fd00::1")]
    [InlineData("SIDECAR_FOO_SERVICE_PORT", "9090")]
    [InlineData("SIDECAR_FOO_SERVICE_PORT_WEB", "9090")]
    [InlineData("SIDECAR_FOO_PORT", "tcp://10.0.0.1:9090")]
    [InlineData("SIDECAR_FOO_PORT_9090_TCP", "tcp://10.0.0.1:9090")]
    [InlineData("SIDECAR_FOO_PORT_9090_TCP_PROTO", "tcp")]
    [InlineData("SIDECAR_KUBERNETES_SERVICE_HOST", "10.0.0.1")]
    public void What_Kubernetes_injects_for_Services_is_ignored(string name, string value)
    {
        var result = OptionsReader.Read(Given.Pod((name, value)));
        Assert.Empty(result.Errors);
        Assert.Empty(result.Warnings);
    }

    [Theory]
    [InlineData("SIDECAR_LISTEN_PORT", "9090")]
    [InlineData("SIDECAR_KUBERNETES_SERVICE_HOST", "my-host")]
    [InlineData("SIDECAR_KUBERNETES_SERVICE_PORT_NAME", "metrics")]
    [InlineData("SIDECAR_FOO_PORT_X_TCP", "1")]
    [InlineData("SIDECAR_FOO_PORT_80", "1")]
    [InlineData("SIDECAR_9090_TCP", "1")]
    public void A_slip_does_not_hide_among_them(string name, string value) =>
        Assert.Equal(name, Given.OneError(Given.Pod((name, value))).Name);

    [Theory]
    [InlineData("SIDECARS_FOO")]
    [InlineData("sidecar_foo")]
    [InlineData("SIDECAR")]
    [InlineData("MY_SIDECAR_FOO")]
    public void Other_names_are_not_ours(string name) => Given.Good(Given.Pod((name, "x")));
}
