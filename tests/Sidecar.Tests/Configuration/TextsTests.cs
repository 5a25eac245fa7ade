using System.Security.Authentication;
using Sidecar.Configuration;

namespace Sidecar.Tests.Configuration;

public sealed class TextsTests
{
    [Theory]
    [InlineData("kubernetes", true)]
    [InlineData("kube-system", true)]
    [InlineData("0a", true)]
    [InlineData("a", true)]
    [InlineData("", false)]
    [InlineData("Default", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("a.b", false)]
    [InlineData("a_b", false)]
    [InlineData("../nodes", false)]
    [InlineData("a/b", false)]
    [InlineData("*", false)]
    public void Kubernetes_names_are_DNS_labels(string text, bool good) =>
        Assert.Equal(good, Texts.ParseKubernetesName(text).Problem is null);

    [Fact]
    public void Kubernetes_names_have_at_most_63_characters()
    {
        Assert.Null(Texts.ParseKubernetesName(new string('a', 63)).Problem);
        Assert.NotNull(Texts.ParseKubernetesName(new string('a', 64)).Problem);
    }

    [Theory]
    [InlineData("/var/run/token", true)]
    [InlineData("relative/file", true)]
    [InlineData("/with space/ü", true)]
    [InlineData("-----BEGIN CERTIFICATE-----\nMII", false)]
    [InlineData("eyJhbGciOiJSUzI1NiJ9.e30.x", false)]
    [InlineData("/a\n/b", false)]
    public void A_file_is_a_path_and_not_its_content(string text, bool good) => Assert.Equal(good, Texts.ParseFile(text).Problem is null);

    [Theory]
    [InlineData("abc.def-_~+/==", true)]
    [InlineData("two words", true)]
    [InlineData("a\nb", false)]
    [InlineData("a\r\nX-Injected: b", false)]
    [InlineData("é", false)]
    [InlineData(" a", false)]
    [InlineData("a\u007f", false)]
    public void Credentials_can_stand_in_a_header(string text, bool good) =>
        Assert.Equal(good, Texts.ParseCredentials(text).Problem is null);

    [Theory]
    [InlineData("Bearer", true)]
    [InlineData("Token", true)]
    [InlineData("Basic", false)]
    [InlineData("basic", false)]
    [InlineData("Bearer x", false)]
    [InlineData("Bearer:", false)]
    public void An_authentication_scheme_is_one_word_and_not_Basic(string text, bool good) =>
        Assert.Equal(good, Texts.ParseAuthorizationType(text).Problem is null);

    [Theory]
    [InlineData("user", true)]
    [InlineData("üser name", true)]
    [InlineData("a:b", false)]
    [InlineData("a\nb", false)]
    public void A_user_name_has_no_colon(string text, bool good) => Assert.Equal(good, Texts.ParseUsername(text).Problem is null);

    [Theory]
    [InlineData("kubernetes.default.svc", true)]
    [InlineData("10.0.0.1", true)]
    [InlineData("::1", true)]
    [InlineData("[::1]", true)]
    [InlineData("host:6443", false)]
    [InlineData("*.example.org", false)]
    [InlineData("https://host", false)]
    [InlineData("a b", false)]
    public void A_server_name_is_a_host(string text, bool good) => Assert.Equal(good, Texts.ParseServerName(text).Problem is null);

    [Theory]
    [InlineData("TLS12", SslProtocols.Tls12)]
    [InlineData("TLS13", SslProtocols.Tls13)]
    [InlineData("TLS10", null)]
    [InlineData("TLS11", null)]
    [InlineData("tls12", null)]
    [InlineData("1.2", null)]
    public void TLS_versions_have_the_names_of_Prometheus(string text, SslProtocols? expected)
    {
        var parsed = Texts.ParseTlsVersion(text);
        Assert.Equal(expected, parsed.Problem is null ? parsed.Value : null);
    }
}
