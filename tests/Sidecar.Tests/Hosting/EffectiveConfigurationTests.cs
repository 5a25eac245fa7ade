using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Tests.Configuration;

namespace Sidecar.Tests.Hosting;

public sealed class EffectiveConfigurationTests
{
    private static string[] Lines(Dictionary<string, string?> environment)
    {
        using var output = new StringWriter { NewLine = "\n" };
        EffectiveConfiguration.Write(output, OptionsReader.Read(environment).Settings);
        return output.ToString().TrimEnd('\n').Split('\n');
    }

    [Fact]
    public void Each_variable_is_a_line_in_the_order_of_the_table() =>
        Assert.Equal(Variables.All.Select(v => v.Name), Lines(Given.Pod()).Select(l => l[..l.IndexOf('=')]));

    [Theory]
    [InlineData("SIDECAR_SCRAPE_INTERVAL=5s  # environment")]
    [InlineData("SIDECAR_SCRAPE_TIMEOUT=5s  # default")]
    [InlineData("SIDECAR_TARGETS=  # default")]
    [InlineData("SIDECAR_QUEUE_SIZE_LIMIT=8MiB  # default")]
    [InlineData("SIDECAR_KUBERNETES_API_SERVER=https://10.96.0.1/  # default")]
    [InlineData("SIDECAR_KUBERNETES_TOKEN_FILE=/t  # environment")]
    [InlineData("SIDECAR_KUBERNETES_CA_FILE=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt  # default")]
    [InlineData("SIDECAR_AUTHORIZATION_CREDENTIALS_FILE=/t  # default")]
    [InlineData("SIDECAR_TLS_CA_FILE=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt  # default")]
    [InlineData("SIDECAR_LISTEN_ADDRESS=  # environment")]
    [InlineData("SIDECAR_REMOTE_WRITE_URL=https://u:<redacted>@host/  # environment")]
    [InlineData("SIDECAR_REMOTE_WRITE_HEADERS=X-Scope-OrgID=<redacted>  # environment")]
    [InlineData("SIDECAR_REMOTE_WRITE_BASIC_AUTH_PASSWORD=  # default")]
    public void A_line_has_the_value_in_effect_and_its_source(string line) => Assert.Contains(line, Lines(Given.Pod(
        ("SIDECAR_SCRAPE_INTERVAL", "5s"), ("SIDECAR_KUBERNETES_TOKEN_FILE", "/t"), ("SIDECAR_LISTEN_ADDRESS", ""),
        ("SIDECAR_REMOTE_WRITE_URL", "https://u:p@host/"), ("SIDECAR_REMOTE_WRITE_HEADERS", "X-Scope-OrgID=a"))));

    [Theory]
    [InlineData("SIDECAR_AUTHORIZATION_CREDENTIALS_FILE=  # default")]
    [InlineData("SIDECAR_TLS_CA_FILE=  # default")]
    [InlineData("SIDECAR_KUBERNETES_API_SERVER=  # default")]
    public void With_static_targets_no_account_is_in_effect(string line) => Assert.Contains(line, Lines(Given.StaticTarget()));

    [Fact]
    public void A_value_of_many_lines_is_one_line() => Assert.Contains(
        """SIDECAR_EXTERNAL_LABELS={\n"a":"b"\n}  # environment""", Lines(Given.Pod(("SIDECAR_EXTERNAL_LABELS", "{\n\"a\":\"b\"\n}"))));

    [Fact]
    public void A_secret_is_a_mark() => Assert.Contains("SIDECAR_AUTHORIZATION_CREDENTIALS=<redacted>  # environment",
        Lines(Given.Pod(("SIDECAR_AUTHORIZATION_CREDENTIALS", "x"))));

    [Fact]
    public void What_was_set_is_what_the_environment_set()
    {
        var settings = OptionsReader.Read(Given.Pod(("SIDECAR_JOB_NAME", "kube"), ("SIDECAR_LOG_LEVEL", ""))).Settings;
        Assert.Equal([("SIDECAR_JOB_NAME", "kube"), ("SIDECAR_REMOTE_WRITE_URL", Given.Url)], EffectiveConfiguration.WhatWasSet(settings));
    }

    [Fact]
    public void The_environment_of_this_process_can_be_read() =>
        Assert.Equal(Environment.GetEnvironmentVariable("PATH"), ProcessEnvironment.Read()["PATH"]);
}
