using System.Text.RegularExpressions;
using Sidecar.Tests.Repository;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Deploy;

/// <summary>The alerting rules: accepted by Prometheus's own checker, in words, and each one seen to fire.</summary>
public sealed partial class AlertTests
{
    private static readonly List<YamlNode> Alerts = [.. Expression.Rules().Where(r => r.Has("alert"))];

    [Fact]
    public Task Prometheus_accepts_the_rules() =>
        Promtool.PassesAsync("check", "rules", Path.Combine(RepositoryFiles.Root, "src", "deploy", "alerts.yaml"));

    [Fact]
    [Trait("Speed", "Slow")]
    public Task They_fire_when_they_should_and_are_silent_when_not() =>
        Promtool.PassesAsync("test", "rules", Path.Combine(RepositoryFiles.Root, "tests", "Sidecar.Tests", "Deploy", "alerts-tests.yaml"));

    [Fact]
    public void Every_alert_is_tested()
    {
        var tests = RepositoryFiles.Read("tests", "Sidecar.Tests", "Deploy", "alerts-tests.yaml");
        Assert.All(Alerts, alert => Assert.Contains(Expression.Name(alert), tests));
    }

    /// <summary>Nothing fires in the last group, which has each series that an alert asks for.</summary>
    [Fact]
    public void Every_alert_is_seen_not_to_fire_when_all_is_well()
    {
        var tests = RepositoryFiles.Read("tests", "Sidecar.Tests", "Deploy", "alerts-tests.yaml");
        var well = tests[tests.IndexOf("- name: all is well", StringComparison.Ordinal)..];
        foreach (var family in Expression.Rules().SelectMany(r => Series().Matches(r["expr"].Text())).Select(m => m.Groups[1].Value))
            Assert.Contains($"series: {family}{{", well, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_alert_says_how_grave_it_is_what_it_is_and_what_to_do()
    {
        Assert.True(Alerts.Count > 15);
        foreach (var alert in Alerts)
        {
            Assert.Contains(alert["labels"]["severity"].Text(), (string[])["critical", "warning"]);
            Assert.NotEmpty(alert["annotations"]["summary"].Text());
            Assert.True(alert["annotations"]["description"].Text().Length > 60, Expression.Name(alert));
            Assert.Equal($"https://example.com/sidecar/src/docs/alerts.md#{Expression.Name(alert).ToLowerInvariant()}",
                alert["annotations"]["runbook_url"].Text());
        }
    }

    /// <summary>The anchors that the alerts lead to, and no others.</summary>
    [Fact]
    public void Every_alert_has_its_runbook() => Assert.Equal(
        Alerts.Select(Expression.Name).Distinct().Order(),
        RepositoryFiles.Read("src", "docs", "alerts.md").Split('\n').Where(l => l.StartsWith("### ", StringComparison.Ordinal))
            .Select(l => l[4..]).Order());

    /// <summary>Routes and silences that people have for kubernetes-mixin go on working where the meaning is the same.</summary>
    [Theory]
    [InlineData("KubeAPIErrorBudgetBurn", "critical critical warning warning")]
    [InlineData("KubeAPIDown", "critical")]
    [InlineData("KubeAPIInstanceUnreachable", "critical")]
    [InlineData("KubeAggregatedAPIDown", "warning")]
    [InlineData("KubeClientCertificateExpiration", "critical warning")]
    public void Names_are_those_of_the_mixin(string name, string severities) => Assert.Equal(severities,
        string.Join(' ', Alerts.Where(a => Expression.Name(a) == name).Select(a => a["labels"]["severity"].Text()).Order()));

    /// <summary>A number of events is a whole one.</summary>
    [Fact]
    public void Counts_are_rounded() => Assert.All(
        Alerts.Where(a => a["annotations"]["description"].Text().Contains("$value | humanize }}", StringComparison.Ordinal)),
        a => Assert.Contains("ceil(", a["expr"].Text()));

    [GeneratedRegex("([a-z_]+)\\{\\s*job=")]
    private static partial Regex Series();
}
