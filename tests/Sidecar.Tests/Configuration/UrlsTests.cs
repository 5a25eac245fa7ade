using Sidecar.Configuration;

namespace Sidecar.Tests.Configuration;

public sealed class UrlsTests
{
    [Theory]
    [InlineData("http://prometheus:9090/api/v1/write", "http://prometheus:9090/api/v1/write")]
    [InlineData("https://receiver", "https://receiver/")]
    [InlineData("HTTPS://Receiver:443/x", "https://receiver/x")]
    [InlineData("http://[fd00::1]:80/w?tenant=a%2Cb", "http://[fd00::1]/w?tenant=a%2Cb")]
    [InlineData("http://10.206.0.16:19000/prometheus/v1/write", "http://10.206.0.16:19000/prometheus/v1/write")]
    public void A_URL_is_absolute_http(string text, string expected) => Assert.Equal(expected, Urls.Parse(text).Value?.AbsoluteUri);

    [Theory]
    [InlineData("")]
    [InlineData("prometheus:9090")]
    [InlineData("prometheus:9090/api/v1/write")]
    [InlineData("/api/v1/write")]
    [InlineData("//prometheus/api")]
    [InlineData("ftp://prometheus/")]
    [InlineData("unix:///var/run/x")]
    [InlineData("http:/prometheus/")]
    [InlineData("http:prometheus")]
    [InlineData("http://")]
    [InlineData("http:///path")]
    [InlineData("http://:9090/")]
    [InlineData("http://host:port/")]
    [InlineData("http://host:65536/")]
    [InlineData("http://host:0/")]
    [InlineData("http://host/#fragment")]
    [InlineData("http://host/a b")]
    [InlineData("http://host\\path")]
    [InlineData("http://10.0.0.256/")]
    [InlineData("http://::1:9090/")]
    [InlineData("http://hôte/")]
    [InlineData("http://host/é")]
    [InlineData("http://host/\n")]
    [InlineData("http://host/a@b")]
    [InlineData("http://host?a@b")]
    [InlineData("http://user:1/2@host/")]
    public void Anything_else_is_no_URL(string text) => Assert.NotNull(Urls.Parse(text).Problem);

    [Theory]
    [InlineData("https://10.96.0.1:443", "https://10.96.0.1/")]
    [InlineData("https://rancher/k8s/clusters/c-1", "https://rancher/k8s/clusters/c-1/")]
    [InlineData("https://rancher/k8s/", "https://rancher/k8s/")]
    [InlineData("https://user:secret@host", null)]
    [InlineData("https://host/?a=b", null)]
    public void A_base_address_ends_in_a_slash(string text, string? expected) =>
        Assert.Equal(expected, Urls.ParseBase(text).Value?.AbsoluteUri);

    [Theory]
    [InlineData("/metrics", true)]
    [InlineData("/", true)]
    [InlineData("/a%20b", true)]
    [InlineData("metrics", false)]
    [InlineData("", false)]
    [InlineData("/metrics?x=1", false)]
    [InlineData("/metrics#x", false)]
    [InlineData("/a b", false)]
    [InlineData("/a%2", false)]
    [InlineData("/é", false)]
    [InlineData("https://host/metrics", false)]
    public void A_path_begins_with_a_slash_and_has_no_query(string text, bool good) =>
        Assert.Equal(good, Urls.ParsePath(text).Problem is null);

    [Theory]
    [InlineData("a=b", true)]
    [InlineData("a=b&c=d&a=e", true)]
    [InlineData("flag", true)]
    [InlineData("match[]=up", true)]
    [InlineData("a=%7B%7D", true)]
    [InlineData("?a=b", false)]
    [InlineData("a=b&", false)]
    [InlineData("=b", false)]
    [InlineData("a=b c", false)]
    [InlineData("a=%zz", false)]
    [InlineData("a=b#c", false)]
    public void A_query_string_has_names_and_no_question_mark(string text, bool good) =>
        Assert.Equal(good, Urls.ParseQuery(text).Problem is null);

    /// <summary>As Go's url.Values.Encode writes what its url.ParseQuery has read.</summary>
    [Theory]
    [InlineData("a=b", "a=b")]
    [InlineData("b=2&a=1&b=1&B=0", "B=0&a=1&b=2&b=1")]
    [InlineData("match[]=up%20or+down&x", "match%5B%5D=up+or+down&x=")]
    [InlineData("a=%2B%7E-._*%c3%a9", "a=%2B~-._%2A%C3%A9")]
    [InlineData("a==b&%61=/:,;@", "a=%3Db&a=%2F%3A%2C%3B%40")]
    [InlineData(null, "")]
    public void A_query_is_encoded_as_by_Go(string? text, string encoded) =>
        Assert.Equal(encoded, Urls.Query(Urls.Parameters(text)));
}
