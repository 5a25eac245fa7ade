using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Sending;
using Sidecar.Tests.Configuration;

namespace Sidecar.Tests.Hosting;

public sealed class OptionsReaderTests
{
    [Theory]
    [InlineData("SIDECAR_SCRAPE_INTERVAL", "15 s")]
    [InlineData("SIDECAR_SCRAPE_INTERVAL", "0")]
    [InlineData("SIDECAR_SCRAPE_INTERVAL", "99ms")]
    [InlineData("SIDECAR_SCRAPE_INTERVAL", "4w")]
    [InlineData("SIDECAR_SCRAPE_TIMEOUT", "0s")]
    [InlineData("SIDECAR_SCRAPE_TIMEOUT", "16s")]
    [InlineData("SIDECAR_KUBERNETES_NAMESPACE", "kube-*")]
    [InlineData("SIDECAR_KUBERNETES_SERVICE", "**")]
    [InlineData("SIDECAR_KUBERNETES_WATCH", "yes")]
    [InlineData("SIDECAR_SHARD", "1")]
    [InlineData("SIDECAR_SHARD", "-1")]
    [InlineData("SIDECAR_SHARDS", "0")]
    [InlineData("SIDECAR_TARGET_LIMIT", "many")]
    [InlineData("SIDECAR_KUBERNETES_SERVICE", "Kubernetes")]
    [InlineData("SIDECAR_KUBERNETES_ROLE", "pod")]
    [InlineData("SIDECAR_KUBERNETES_API_SERVER", "10.96.0.1:443")]
    [InlineData("SIDECAR_KUBERNETES_REFRESH_INTERVAL", "0")]
    [InlineData("SIDECAR_KUBERNETES_TLS_INSECURE_SKIP_VERIFY", "yes")]
    [InlineData("SIDECAR_SCHEME", "HTTPS")]
    [InlineData("SIDECAR_METRICS_PATH", "metrics")]
    [InlineData("SIDECAR_PARAMS", "?a=b")]
    [InlineData("SIDECAR_AUTHORIZATION_TYPE", "Basic")]
    [InlineData("SIDECAR_TLS_MIN_VERSION", "TLS10")]
    [InlineData("SIDECAR_HONOR_LABELS", "1")]
    [InlineData("SIDECAR_BODY_SIZE_LIMIT", "64M")]
    [InlineData("SIDECAR_EXTERNAL_LABELS", "__name__=x")]
    [InlineData("SIDECAR_REMOTE_WRITE_URL", "localhost:9090")]
    [InlineData("SIDECAR_REMOTE_WRITE_TIMEOUT", "0")]
    [InlineData("SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND", "0")]
    [InlineData("SIDECAR_REMOTE_WRITE_CONCURRENCY", "101")]
    [InlineData("SIDECAR_REMOTE_WRITE_MIN_BACKOFF", "6s")]
    [InlineData("SIDECAR_REMOTE_WRITE_MAX_BACKOFF", "29ms")]
    [InlineData("SIDECAR_QUEUE_SIZE_LIMIT", "0")]
    [InlineData("SIDECAR_QUEUE_AGE_LIMIT", "1")]
    [InlineData("SIDECAR_LISTEN_ADDRESS", "9090")]
    [InlineData("SIDECAR_LOG_LEVEL", "trace")]
    [InlineData("SIDECAR_LOG_FORMAT", "text")]
    [InlineData("SIDECAR_SHUTDOWN_TIMEOUT", "-1s")]
    public void A_wrong_value_is_one_error_with_name_value_and_example(string name, string value)
    {
        var error = Given.OneError(Given.Pod((name, value)));
        Assert.Equal(name, error.Name);
        Assert.Equal(value, error.Value);
        Assert.StartsWith($"{name}=\"{value}\": ", error.ToString());
        Assert.NotEmpty(error.Remedy);
    }

    [Theory]
    [InlineData("SIDECAR_REMOTE_WRITE_HEADERS", "Content-Type=a", "Content-Type is a header that the sidecar sets itself")]
    [InlineData("SIDECAR_AUTHORIZATION_CREDENTIALS", "a\tb\n\nc", "not credentials that can stand in a header")]
    [InlineData("SIDECAR_TLS_CA_FILE", "-----BEGIN CERTIFICATE-----", "where the path of the file is wanted")]
    public void A_wrong_value_that_may_be_secret_is_a_mark(string name, string value, string problem)
    {
        var error = Given.OneError(Given.Pod((name, value)));
        Assert.StartsWith($"{name}=\"<redacted>\": ", error.ToString());
        Assert.Contains(problem, error.ToString());
    }

    [Fact]
    public void Parameters_are_encoded_as_Prometheus_sends_them_and_redirects_followed_unless_told_otherwise()
    {
        var scrape = Given.Good(Given.Pod(("SIDECAR_PARAMS", "b[]=1%202&a"))).Scrape;
        Assert.Equal(("a=&b%5B%5D=1+2", true), (scrape.Params, scrape.Http.FollowsRedirects));
        var options = Given.Good(Given.Pod(("SIDECAR_FOLLOW_REDIRECTS", "false")));
        Assert.Equal((false, true, true),
            (options.Scrape.Http.FollowsRedirects, options.RemoteWrite.Http.FollowsRedirects, options.Kubernetes.Http.FollowsRedirects));
    }

    [Fact]
    public void The_line_for_people_says_what_is_wrong_and_what_is_right() => Assert.Equal(
        "SIDECAR_SCRAPE_INTERVAL=\"15 s\": not a duration (numbers with the units y, w, d, h, m, s, ms; no spaces, no fractions); "
        + "write it like 15s",
        Given.OneError(Given.Pod(("SIDECAR_SCRAPE_INTERVAL", "15 s"))).ToString());

    [Fact]
    public void All_errors_come_at_once_in_the_order_of_the_table()
    {
        var result = OptionsReader.Read(Given.With(
            ("SIDECAR_ZZZ", "x"), ("SIDECAR_LOG_LEVEL", "loud"), ("SIDECAR_SCRAPE_INTERVAL", "soon"), ("SIDECAR_SHARDS", "0")));
        Assert.Null(result.Options);
        Assert.Equal(
            [
                "SIDECAR_TARGETS", "SIDECAR_SHARDS", "SIDECAR_SCRAPE_INTERVAL", "SIDECAR_REMOTE_WRITE_URL", "SIDECAR_LOG_LEVEL",
                "SIDECAR_ZZZ",
            ],
            result.Errors.Select(e => e.Name));
    }

    [Fact]
    public void An_error_is_one_line_whatever_the_value_holds()
    {
        var line = Given.OneError(Given.Pod(("SIDECAR_JOB_NAME", "a\nb\r\tc\u001b[31m" + new string('x', 1000)))).ToString();
        Assert.DoesNotContain(line, char.IsControl);
        Assert.InRange(line.Length, 1, 500);
    }

    [Theory]
    [InlineData(" 30s\n")]
    [InlineData("\t30s ")]
    public void White_space_around_a_value_is_no_part_of_it(string value) =>
        Assert.Equal(TimeSpan.FromSeconds(30), Given.Good(Given.Pod(("SIDECAR_SCRAPE_INTERVAL", value))).Scrape.Interval);

    [Fact]
    public void A_password_loses_the_line_break_at_its_end_and_keeps_its_spaces() => Assert.Equal(" pass word ", Given.Good(Given.Pod(
        ("SIDECAR_BASIC_AUTH_USERNAME", "u"), ("SIDECAR_BASIC_AUTH_PASSWORD", " pass word \r\n"))).Scrape.Http.BasicAuthPassword);

    [Theory]
    [InlineData("5s", null, 5)]
    [InlineData("1m", null, 10)]
    [InlineData("1m", "1m", 60)]
    [InlineData("10s", "3s", 3)]
    public void The_default_timeout_shrinks_to_a_shorter_interval(string interval, string? timeout, int seconds)
    {
        var environment = Given.Pod(("SIDECAR_SCRAPE_INTERVAL", interval), ("SIDECAR_SCRAPE_TIMEOUT", timeout));
        Assert.Equal(TimeSpan.FromSeconds(seconds), Given.Good(environment).Scrape.Timeout);
    }

    [Fact]
    public void A_timeout_that_somebody_chose_must_fit_the_interval()
    {
        var error = Given.OneError(Given.Pod(("SIDECAR_SCRAPE_INTERVAL", "5s"), ("SIDECAR_SCRAPE_TIMEOUT", "6s")));
        Assert.Equal("SIDECAR_SCRAPE_TIMEOUT", error.Name);
        Assert.Contains("5s", error.ToString());
    }

    [Theory]
    [InlineData("soon", "1m")]
    [InlineData("1m", "soon")]
    public void One_slip_is_one_error(string interval, string timeout) =>
        Given.OneError(Given.Pod(("SIDECAR_SCRAPE_INTERVAL", interval), ("SIDECAR_SCRAPE_TIMEOUT", timeout)));

    [Fact]
    public void Backoffs_that_are_set_together_need_the_lesser_first()
    {
        Given.Good(Given.Pod(("SIDECAR_REMOTE_WRITE_MIN_BACKOFF", "1m"), ("SIDECAR_REMOTE_WRITE_MAX_BACKOFF", "1m")));
        Assert.Equal("SIDECAR_REMOTE_WRITE_MIN_BACKOFF",
            Given.OneError(Given.Pod(("SIDECAR_REMOTE_WRITE_MIN_BACKOFF", "2m"), ("SIDECAR_REMOTE_WRITE_MAX_BACKOFF", "1m"))).Name);
    }

    [Theory]
    [InlineData("10.96.0.1", "443", "https://10.96.0.1/")]
    [InlineData("fd00::1", "6443", "https://[fd00::1]:6443/")]
    [InlineData("[fd00::1]", "6443", "https://[fd00::1]:6443/")]
    [InlineData("kubernetes.default.svc", "443", "https://kubernetes.default.svc/")]
    public void The_API_server_is_the_one_of_the_cluster(string host, string port, string expected) => Assert.Equal(expected,
        Given.Good(Given.Pod(("KUBERNETES_SERVICE_HOST", host), ("KUBERNETES_SERVICE_PORT", port))).Kubernetes.ApiServer?.AbsoluteUri);

    [Theory]
    [InlineData("no host at all", "443")]
    [InlineData("10.96.0.1", "tcp://10.96.0.1:443")]
    public void An_in_cluster_address_that_is_none_is_an_error(string host, string port)
    {
        var error = Given.OneError(Given.Pod(("KUBERNETES_SERVICE_HOST", host), ("KUBERNETES_SERVICE_PORT", port)));
        Assert.Equal("SIDECAR_KUBERNETES_API_SERVER", error.Name);
    }

    [Fact]
    public void Outside_a_cluster_something_must_say_what_to_scrape()
    {
        var line = Given.OneError(Given.With(("SIDECAR_REMOTE_WRITE_URL", Given.Url))).ToString();
        Assert.StartsWith("SIDECAR_TARGETS: not set", line);
        Assert.Contains("SIDECAR_KUBERNETES_API_SERVER", line);
        Given.Good(Given.With(("SIDECAR_REMOTE_WRITE_URL", Given.Url), ("SIDECAR_KUBERNETES_API_SERVER", "https://host:6443")));
        Assert.Null(Given.Good(Given.StaticTarget()).Kubernetes.ApiServer);
    }

    [Fact]
    public void Discovered_targets_are_scraped_with_the_account_that_found_them()
    {
        var options = Given.Good(Given.Pod(("SIDECAR_KUBERNETES_TOKEN_FILE", "/t"), ("SIDECAR_KUBERNETES_CA_FILE", "/c")));
        Assert.Equal("/t", options.Scrape.Http.CredentialsFile);
        Assert.Equal("/c", options.Scrape.Http.Tls.CaFile);
    }

    [Theory]
    [InlineData("SIDECAR_AUTHORIZATION_CREDENTIALS", "x", null)]
    [InlineData("SIDECAR_AUTHORIZATION_CREDENTIALS_FILE", "/x", "/x")]
    [InlineData("SIDECAR_BASIC_AUTH_USERNAME", "x", null)]
    [InlineData("SIDECAR_SCHEME", "http", null)]
    [InlineData("SIDECAR_KUBERNETES_API_SERVER", "http://127.0.0.1:8001", null)]
    public void The_accounts_token_is_no_default_beside_other_credentials_or_in_the_clear(string name, string value, string? expected) =>
        Assert.Equal(expected, Given.Good(Given.Pod((name, value))).Scrape.Http.CredentialsFile);

    [Fact]
    public void Static_targets_get_no_token_that_nobody_asked_for()
    {
        var http = Given.Good(Given.StaticTarget(("KUBERNETES_SERVICE_HOST", "10.96.0.1"), ("KUBERNETES_SERVICE_PORT", "443"))).Scrape.Http;
        Assert.Null(http.CredentialsFile);
        Assert.Null(http.Tls.CaFile);
    }

    [Theory]
    [InlineData("SIDECAR_")]
    [InlineData("SIDECAR_REMOTE_WRITE_")]
    public void Each_peer_is_authenticated_to_in_one_way(string prefix)
    {
        Assert.Equal(prefix + "AUTHORIZATION_CREDENTIALS", Given.OneError(Given.StaticTarget(
            (prefix + "AUTHORIZATION_CREDENTIALS", "a"), (prefix + "AUTHORIZATION_CREDENTIALS_FILE", "/a"))).Name);
        Assert.Equal(prefix + "BASIC_AUTH_PASSWORD", Given.OneError(Given.StaticTarget(
            (prefix + "BASIC_AUTH_USERNAME", "u"),
            (prefix + "BASIC_AUTH_PASSWORD", "a"), (prefix + "BASIC_AUTH_PASSWORD_FILE", "/a"))).Name);
        Assert.Equal(prefix + "BASIC_AUTH_USERNAME", Given.OneError(Given.StaticTarget(
            (prefix + "BASIC_AUTH_USERNAME", "u"), (prefix + "AUTHORIZATION_CREDENTIALS_FILE", "/a"))).Name);
        Assert.Equal(prefix + "BASIC_AUTH_PASSWORD", Given.OneError(Given.StaticTarget((prefix + "BASIC_AUTH_PASSWORD", "a"))).Name);
        Assert.Equal(prefix + "TLS_CERT_FILE", Given.OneError(Given.StaticTarget((prefix + "TLS_CERT_FILE", "/a"))).Name);
        Assert.Equal(prefix + "TLS_KEY_FILE", Given.OneError(Given.StaticTarget((prefix + "TLS_KEY_FILE", "/a"))).Name);
    }

    [Fact]
    public void Everything_about_a_peer_arrives()
    {
        var http = Given.Good(Given.StaticTarget(
            ("SIDECAR_REMOTE_WRITE_AUTHORIZATION_TYPE", "Token"), ("SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS", "t"),
            ("SIDECAR_REMOTE_WRITE_TLS_CA_FILE", "/ca"), ("SIDECAR_REMOTE_WRITE_TLS_CERT_FILE", "/cert"),
            ("SIDECAR_REMOTE_WRITE_TLS_KEY_FILE", "/key"), ("SIDECAR_REMOTE_WRITE_TLS_SERVER_NAME", "name"),
            ("SIDECAR_REMOTE_WRITE_TLS_INSECURE_SKIP_VERIFY", "true"), ("SIDECAR_REMOTE_WRITE_TLS_MIN_VERSION", "TLS13"))).RemoteWrite.Http;
        Assert.Equal("Token", http.AuthorizationType);
        Assert.Equal("t", http.Credentials);
        Assert.Equal("/ca", http.Tls.CaFile);
        Assert.Equal("/cert", http.Tls.CertFile);
        Assert.Equal("/key", http.Tls.KeyFile);
        Assert.Equal("name", http.Tls.ServerName);
        Assert.True(http.Tls.InsecureSkipVerify);
        Assert.Equal(System.Security.Authentication.SslProtocols.Tls13, http.Tls.MinVersion);
    }

    [Theory]
    [InlineData("http://u:p%40ss@host:81/w?a=b", "u", "p@ss", "http://host:81/w?a=b")]
    [InlineData("https://u@host/", "u", null, "https://host/")]
    [InlineData("https://u%3Av:p:q@[::1]/", "u:v", "p:q", "https://[::1]/")]
    public void A_user_in_the_receivers_URL_is_basic_authentication(string url, string user, string? password, string expected)
    {
        var options = Given.Good(Given.StaticTarget(("SIDECAR_REMOTE_WRITE_URL", url))).RemoteWrite;
        Assert.Equal(expected, options.Url.AbsoluteUri);
        Assert.Equal("", options.Url.UserInfo);
        Assert.Equal(user, options.Http.BasicAuthUsername);
        Assert.Equal(password, options.Http.BasicAuthPassword);
    }

    [Fact]
    public void A_user_in_the_receivers_URL_is_a_way_to_authenticate_like_the_others() => Assert.Equal(
        "SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE",
        Given.OneError(Given.StaticTarget(
            ("SIDECAR_REMOTE_WRITE_URL", "https://u:p@host/"), ("SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE", "/t"))).Name);

    [Fact]
    public void Any_port_is_null() => Assert.Null(Given.Good(Given.Pod(("SIDECAR_KUBERNETES_PORT_NAME", "*"))).Kubernetes.PortName);

    [Theory]
    [InlineData("SIDECAR_KUBERNETES_TLS_INSECURE_SKIP_VERIFY", "true")]
    [InlineData("SIDECAR_TLS_INSECURE_SKIP_VERIFY", "true")]
    [InlineData("SIDECAR_REMOTE_WRITE_TLS_INSECURE_SKIP_VERIFY", "true")]
    [InlineData("SIDECAR_REMOTE_WRITE_AUTHORIZATION_TYPE", "Token")]
    [InlineData("SIDECAR_EXTERNAL_LABELS", "cluster=")]
    [InlineData("SIDECAR_REMOTE_WRITE_URL", "http://u:p@receiver/")]
    [InlineData("SIDECAR_PORT", "9090")]
    public void What_is_odd_but_works_is_a_warning(string name, string value)
    {
        var result = OptionsReader.Read(Given.Pod((name, value)));
        Assert.NotNull(result.Options);
        Assert.Equal(name, Assert.Single(result.Warnings).Name);
    }

    [Fact]
    public void Good_settings_warn_of_nothing()
    {
        Assert.Empty(OptionsReader.Read(Given.Pod()).Warnings);
        Assert.Empty(OptionsReader.Read(Given.StaticTarget()).Warnings);
        // Loopback is no network.
        Assert.Empty(OptionsReader.Read(Given.Pod(("SIDECAR_REMOTE_WRITE_URL", "http://u:p@127.0.0.1/"))).Warnings);
    }

    [Theory]
    [InlineData("SIDECAR_KUBERNETES_SERVICE", "kubernetes")]
    [InlineData("SIDECAR_TARGETS", "a:1,a:1")]
    public void Static_targets_warn_of_what_has_no_effect(string name, string value) =>
        Assert.Equal(name, Assert.Single(OptionsReader.Read(Given.StaticTarget((name, value))).Warnings).Name);

    [Fact]
    public void Credentials_for_plain_http_targets_are_a_warning()
    {
        var result = OptionsReader.Read(Given.StaticTarget(
            ("SIDECAR_TARGETS", "https://a,http://b"), ("SIDECAR_AUTHORIZATION_CREDENTIALS_FILE", "/t")));
        Assert.Equal("SIDECAR_AUTHORIZATION_CREDENTIALS_FILE", Assert.Single(result.Warnings).Name);
        Assert.Empty(OptionsReader.Read(Given.StaticTarget(
            ("SIDECAR_TARGETS", "https://a,http://localhost:1"), ("SIDECAR_AUTHORIZATION_CREDENTIALS_FILE", "/t"))).Warnings);
    }

    [Fact]
    public void Empty_external_labels_are_left_out() => Assert.Equal([new("b", "1")],
        Given.Good(Given.Pod(("SIDECAR_EXTERNAL_LABELS", "a=,b=1"))).Scrape.ExternalLabels);
}
