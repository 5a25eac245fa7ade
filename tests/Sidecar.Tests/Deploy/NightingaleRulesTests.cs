using System.Text.Json;
using System.Text.RegularExpressions;
using Sidecar.Tests.Repository;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Deploy;

/// <summary>
/// The rules for kube-apiserver in Nightingale's import formats (its integrations/*/record-rules and integrations/*/alerts): the very
/// rules of alerts.yaml, which Prometheus's checker and the tests of <see cref="AlertTests"/> and <see cref="ExpressionTests"/> hold.
/// </summary>
public sealed partial class NightingaleRulesTests
{
    /// <summary>Without those on the sidecar itself, whose metrics nobody scrapes in the setup that these are for.</summary>
    private static readonly List<(YamlNode Rule, string? Interval)> Rules =
    [
        .. RepositoryFiles.Yaml("src", "deploy", "alerts.yaml")[0]["groups"].Items().Where(g => g["name"].Text() != "sidecar")
            .SelectMany(g => g["rules"].Items().Select(r => (r, g.Has("interval") ? g["interval"].Text() : null))),
    ];

    [Fact]
    public void Recording_rules_are_those_of_the_rule_file()
    {
        var rules = Read("nightingale-rules.json");
        Assert.Equal(
            Rules.Where(r => r.Rule.Has("record"))
            .Select(r => (r.Rule["record"].Text(), r.Rule["expr"].Text().Trim(), Seconds(r.Interval!))),
            rules.Select(r => (Text(r, "name"), Text(r, "prom_ql"), r.GetProperty("prom_eval_interval").GetInt32())));
        Assert.All(rules, r => Assert.Equal((0, 0), (r.GetProperty("disabled").GetInt32(), r.GetProperty("append_tags").GetArrayLength())));
    }

    [Fact]
    public void Alerts_are_those_of_the_rule_file()
    {
        var alerts = Read("nightingale-alerts.json");
        Assert.Equal(
            Rules.Where(r => r.Rule.Has("alert")).Select(r => (
                Name(r.Rule), r.Rule["expr"].Text().Trim(), r.Rule.Has("for")
                ? Seconds(r.Rule["for"].Text()) : 0, r.Rule["labels"]["severity"].Text() == "critical" ? 1 : 2,
                $"{r.Rule["annotations"]["summary"].Text()}. {r.Rule["annotations"]["description"].Text().Trim()}")),
            alerts.Select(a => (
                Text(a, "name"), Text(a, "prom_ql"), a.GetProperty("prom_for_duration").GetInt32(), a.GetProperty("severity").GetInt32(),
                Text(a, "note"))));
        foreach (var alert in alerts)
        {
            Assert.Equal(("prometheus", "metric", 0), (Text(alert, "cate"), Text(alert, "prod"), alert.GetProperty("disabled").GetInt32()));
            Assert.Equal(7, alert.GetProperty("enable_days_of_week").GetArrayLength());
            Assert.Matches("/alerts\\.md#[a-z]+$", Text(alert, "runbook_url"));
            Assert.All(alert.GetProperty("append_tags").EnumerateArray(), t => Assert.Matches("^[a-z]+=[0-9a-z]+$", t.GetString()));
        }
    }

    /// <summary>It takes a name once in a business group.</summary>
    [Theory]
    [InlineData("nightingale-rules.json")]
    [InlineData("nightingale-alerts.json")]
    public void Names_are_unique(string file)
    {
        var names = Read(file).Select(r => Text(r, "name")).ToList();
        Assert.True(names.Count > 10);
        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.All(names, n => Assert.Matches("^[A-Za-z0-9_:-]+$", n));
    }

    /// <summary>Prometheus 3 stores <c>1.0</c> where the target writes <c>1</c>; and no released 1.36 serves <c>…_slo_…</c>.</summary>
    [Fact]
    public void They_read_what_is_there_however_bounds_are_stored()
    {
        var text = RepositoryFiles.Read("src", "deploy", "nightingale-rules.json")
            + RepositoryFiles.Read("src", "deploy", "nightingale-alerts.json");
        Assert.DoesNotContain("_slo_", text);
        Assert.DoesNotMatch(ExactBound(), text);
    }

    private static List<JsonElement> Read(string file)
    {
        using var json = JsonDocument.Parse(RepositoryFiles.Read("src", "deploy", file));
        return [.. json.RootElement.Clone().EnumerateArray()];
    }

    /// <summary>With what tells alerts of one name apart.</summary>
    private static string Name(YamlNode alert) =>
        alert["alert"].Text() + (alert["labels"].Has("long") ? $"-{alert["labels"]["long"].Text()}"
        : Rules.Count(r => r.Rule.Has("alert") && r.Rule["alert"].Text() == alert["alert"].Text()) > 1
            ? $"-{alert["labels"]["severity"].Text()}" : "");

    private static string Text(JsonElement rule, string key) => rule.GetProperty(key).GetString()!;

    private static int Seconds(string duration) => int.Parse(duration[..^1], null) * duration[^1] switch
    {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => throw new FormatException(duration),
    };

    [GeneratedRegex(@"\ble=\\""[^~]")]
    private static partial Regex ExactBound();
}
