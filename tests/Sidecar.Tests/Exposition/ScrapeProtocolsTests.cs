using Sidecar.Exposition;
using Sidecar.Hosting;
using Sidecar.Scraping;
using Sidecar.Tests.Configuration;

namespace Sidecar.Tests.Exposition;

/// <summary>What is asked for, and which parser an answer gets.</summary>
public sealed class ScrapeProtocolsTests
{
    [Theory]
    [InlineData(null, "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
        + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")]
    [InlineData("PrometheusProto,OpenMetricsText1.0.0,OpenMetricsText0.0.1,PrometheusText1.0.0,PrometheusText0.0.4",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
        + "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
        + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1")]
    [InlineData("PrometheusText0.0.4", "text/plain;version=0.0.4;q=0.6,*/*;q=0.5")]
    [InlineData("PrometheusText0.0.4, OpenMetricsText0.0.1",
        "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,*/*;q=0.4")]
    public void Accept_is_prometheus_s(string? protocols, string accept)
    {
        var options = Given.Good(Given.Pod(("SIDECAR_SCRAPE_PROTOCOLS", protocols))).Scrape;
        Assert.Equal(accept, ScrapeProtocols.Accept(options.Protocols));
    }

    [Theory]
    [InlineData("OpenMetricsText2.0.0", "name 1 is none of PrometheusProto, PrometheusText0.0.4")]
    [InlineData("PrometheusProto,prometheusproto", "name 2 is none of")]
    [InlineData("PrometheusProto,", "name 2 is none of")]
    [InlineData("PrometheusProto,PrometheusProto", "PrometheusProto stands there twice")]
    public void Wrong_protocols_are_said(string protocols, string problem) =>
        Assert.Contains(problem, Assert.Single(OptionsReader.Read(Given.Pod(("SIDECAR_SCRAPE_PROTOCOLS", protocols))).Errors).ToString());

    [Theory]
    [InlineData("text/plain", BodyFormat.PrometheusText004)]
    [InlineData("Text/Plain", BodyFormat.PrometheusText004)]
    [InlineData("text/plain;version=0.0.4", BodyFormat.PrometheusText004)]
    [InlineData("text/plain; version=0.0.4; charset=utf-8; escaping=underscores", BodyFormat.PrometheusText004)]
    [InlineData("text/plain; version=\"1.0.0\"; charset=utf-8", BodyFormat.PrometheusText100)]
    [InlineData("text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8", BodyFormat.PrometheusText100)]
    [InlineData("text/plain; version=9", BodyFormat.PrometheusText004)]
    [InlineData("application/openmetrics-text", BodyFormat.OpenMetricsText001)]
    [InlineData("application/openmetrics-text; version=0.0.1; charset=utf-8", BodyFormat.OpenMetricsText001)]
    [InlineData("application/openmetrics-text; version=1.0.0; charset=utf-8", BodyFormat.OpenMetricsText100)]
    [InlineData("application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8", BodyFormat.OpenMetricsText100)]
    [InlineData("application/vnd.google.protobuf", BodyFormat.PrometheusProto)]
    [InlineData("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", BodyFormat.PrometheusProto)]
    [InlineData("text/plain;", BodyFormat.PrometheusText004)]
    [InlineData(" text/plain ; version=1.0.0", BodyFormat.PrometheusText100)]
    [InlineData("text/plain; version=0.0.4; Version=\"0.0.4\"", BodyFormat.PrometheusText004)]
    [InlineData("text/plain; version=0.0.4; version=1.0.0", null)]
    [InlineData("text/plain; version=1.0.0; VERSION=0.0.4", null)]
    [InlineData("text/plain; charset=utf-8; charset=latin1", null)]
    [InlineData("", null)]
    [InlineData(" ", null)]
    [InlineData("text", null)]
    [InlineData("text/", null)]
    [InlineData("/plain", null)]
    [InlineData("text/html", null)]
    [InlineData("text/plain,text/plain", null)]
    [InlineData("text/plain; charset", null)]
    [InlineData("text/plain; =x", null)]
    [InlineData("text/plainx", null)]
    [InlineData("application/json", null)]
    [InlineData("application/octet-stream", null)]
    [InlineData("*/*", null)]
    public void The_type_of_the_answer_decides_the_parser(string contentType, object? format) =>
        Assert.Equal((BodyFormat?)format, ScrapeProtocols.FromContentType(contentType, readsNative: true));

    [Fact]
    public void Native_histograms_are_read_only_where_protobuf_is_asked_for_first() => Assert.Equal(
        BodyFormat.PrometheusProtoClassic, ScrapeProtocols.FromContentType("application/vnd.google.protobuf", readsNative: false));
}
