using System.Security.Authentication;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Configuration;

public sealed class VariablesTests
{
    public static TheoryData<string> Names => [.. Variables.All.Select(v => v.Name)];

    private static Variable Of(string name) => Variables.All.Single(v => v.Name == name);

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_example_parses(string name)
    {
        var result = OptionsReader.Read(Given.Around(Of(name), Of(name).Example));
        Assert.Empty(result.Errors.Select(e => e.ToString()));
        Assert.True(result.Settings.Single(s => s.Variable.Name == name).IsFromEnvironment);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_documented_default_is_the_default(string name)
    {
        if (Of(name).Default is not { } documented)
            return;
        var unset = Given.Good(Given.Pod());
        var set = Given.Good(Given.Pod((name, documented)));
        Assert.Equal(unset.ToString(), set.ToString());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Empty_is_unset_but_for_the_listener(string name)
    {
        var result = OptionsReader.Read(Given.Pod((name, "")));
        if (name == "SIDECAR_LISTEN_ADDRESS")
            Assert.Null(result.Options!.Operation.ListenAddress);
        else if (name == "SIDECAR_REMOTE_WRITE_URL")
            Assert.Single(result.Errors);
        else
            Assert.Equal(Given.Good(Given.Pod()).ToString(), result.Options!.ToString());
    }

    [Fact]
    public void Names_are_unique()
    {
        var names = Variables.All.Select(v => v.Name).ToArray();
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.All(names, name => Assert.StartsWith(Variables.Prefix, name));
    }

    [Fact]
    public void Groups_stand_together_in_their_order() =>
        Assert.Equal(Variables.All.Select(v => v.Group).Order(), Variables.All.Select(v => v.Group));

    [Fact]
    public void Everything_that_authenticates_is_secret() => Assert.Equal(
        [
            "SIDECAR_AUTHORIZATION_CREDENTIALS", "SIDECAR_BASIC_AUTH_PASSWORD",
            "SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS", "SIDECAR_REMOTE_WRITE_BASIC_AUTH_PASSWORD",
        ],
        Variables.All.Where(v => v.IsSecret).Select(v => v.Name));

    [Fact]
    public void The_defaults_reproduce_the_setup_that_is_replaced()
    {
        var options = Given.Good(Given.Pod());

        Assert.Empty(options.Targets);
        Assert.Equal(KubernetesRole.Auto, options.Kubernetes.Role);
        Assert.Equal("default", options.Kubernetes.Namespace);
        Assert.Equal("kubernetes", options.Kubernetes.Service);
        Assert.Equal("https", options.Kubernetes.PortName);
        Assert.Null(options.Kubernetes.LabelSelector);
        Assert.Equal("https://10.96.0.1/", options.Kubernetes.ApiServer?.AbsoluteUri);
        Assert.Equal("/var/run/secrets/kubernetes.io/serviceaccount/token", options.Kubernetes.Http.CredentialsFile);
        Assert.Equal("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", options.Kubernetes.Http.Tls.CaFile);
        Assert.False(options.Kubernetes.Http.Tls.InsecureSkipVerify);
        Assert.Equal(TimeSpan.FromSeconds(15), options.Kubernetes.RefreshInterval);

        Assert.Equal("apiserver", options.Scrape.JobName);
        Assert.Equal(TimeSpan.FromSeconds(15), options.Scrape.Interval);
        Assert.Equal(TimeSpan.FromSeconds(10), options.Scrape.Timeout);
        Assert.Equal("https", options.Scrape.Scheme);
        Assert.Equal("/metrics", options.Scrape.MetricsPath);
        Assert.Null(options.Scrape.Params);
        Assert.Equal("Bearer", options.Scrape.Http.AuthorizationType);
        Assert.Equal("/var/run/secrets/kubernetes.io/serviceaccount/token", options.Scrape.Http.CredentialsFile);
        Assert.Equal("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", options.Scrape.Http.Tls.CaFile);
        Assert.Equal(SslProtocols.Tls12, options.Scrape.Http.Tls.MinVersion);
        Assert.False(options.Scrape.Http.Tls.InsecureSkipVerify);
        Assert.False(options.Scrape.HonorLabels);
        Assert.True(options.Scrape.HonorTimestamps);
        Assert.False(options.Scrape.TrackTimestampsStaleness);
        Assert.Equal(1L << 30, options.Scrape.BodySizeLimit);
        Assert.Empty(options.Scrape.ExternalLabels);

        Assert.Equal(Given.Url, options.RemoteWrite.Url.AbsoluteUri);
        Assert.Empty(options.RemoteWrite.Headers);
        Assert.Equal(new HttpOptions(), options.RemoteWrite.Http);
        Assert.Equal(TimeSpan.FromSeconds(30), options.RemoteWrite.Timeout);
        Assert.Equal(2000, options.RemoteWrite.MaxSamplesPerSend);
        Assert.Equal(4, options.RemoteWrite.Concurrency);
        Assert.Equal(TimeSpan.FromMilliseconds(30), options.RemoteWrite.MinBackoff);
        Assert.Equal(TimeSpan.FromSeconds(5), options.RemoteWrite.MaxBackoff);

        Assert.Equal(8L << 20, options.Queue.SizeLimit);
        Assert.Equal(TimeSpan.Zero, options.Queue.AgeLimit);
        Assert.Equal(":9090", options.Operation.ListenAddress);
        Assert.Equal(LogLevel.Info, options.Operation.LogLevel);
        Assert.Equal(LogFormat.Logfmt, options.Operation.LogFormat);
        Assert.Equal(TimeSpan.FromSeconds(20), options.Operation.ShutdownTimeout);
    }
}
