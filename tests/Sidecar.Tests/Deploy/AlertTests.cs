using Sidecar.Tests.Repository;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Deploy;

/// <summary>The alerting rules: accepted by Prometheus's own checker, in words, and each one seen to fire.</summary>
public sealed class AlertTests
{
    private static readonly List<YamlNode> Alerts = [.. Expression.Rules().Where(r => r.Has("alert"))];

    [Fact]
    public Task Prometheus_accepts_the_rules() =>
        Promtool.PassesAsync("check", "rules", Path.Combine(RepositoryFiles.Root, "src", "deploy", "alerts.yaml"));

    [Fact]
    public Task They_fire_when_they_should_and_are_silent_when_not() =>
        Promtool.PassesAsync("test", "rules", Path.Combine(RepositoryFiles.Root, "tests", "Sidecar.Tests", "Deploy", "alerts-tests.yaml"));

    [Fact]
    public void Every_alert_is_tested()
    {
        var tests = RepositoryFiles.Read("tests", "Sidecar.Tests", "Deploy", "alerts-tests.yaml");
        Assert.All(Alerts, alert => Assert.Contains(Expression.Name(alert), tests));
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
        }
    }
}
