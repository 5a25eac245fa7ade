using System.Text.Json;
using System.Text.RegularExpressions;
using Sidecar.Tests.Repository;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Deploy;

/// <summary>One PromQL expression of a dashboard or of the rules, and where it stands.</summary>
internal sealed partial record Expression(string Where, string Text)
{
    public static readonly string[] Dashboards = ["grafana-sidecar.json", "grafana-kube-apiserver.json"];

    private static readonly string[] Words = ["and", "or", "unless", "bool", "offset", "time", "Inf", "NaN"];

    public static IEnumerable<Expression> All => Dashboards.SelectMany(OfDashboard).Concat(OfRules);

    public static IEnumerable<Expression> OfRules => Rules().Select(r => new Expression(Name(r), r["expr"].Text()));

    /// <summary>Alerts and recording rules, in their order.</summary>
    public static IEnumerable<YamlNode> Rules() =>
        RepositoryFiles.Yaml("src", "deploy", "alerts.yaml")[0]["groups"].Items().SelectMany(g => g["rules"].Items());

    public static string Name(YamlNode rule) => rule.Has("alert") ? rule["alert"].Text() : rule["record"].Text();

    public static IEnumerable<Expression> OfDashboard(string file)
    {
        using var json = JsonDocument.Parse(RepositoryFiles.Read("src", "deploy", file));
        return json.RootElement.GetProperty("panels").EnumerateArray().Where(p => p.TryGetProperty("targets", out _))
            .SelectMany(p => p.GetProperty("targets").EnumerateArray().Select(
                t => new Expression($"{file}, {p.GetProperty("title")}", t.GetProperty("expr").GetString()!)))
            .ToList();
    }

    /// <summary>As Prometheus gets it: with values for Grafana's variables.</summary>
    public string Filled => Text.Replace("$__rate_interval", "5m").Replace("$job", "apiserver").Replace("$cluster", ".*")
        .Replace("$instance", ".*");

    /// <summary>The metrics that it reads, each with the labels that it selects by.</summary>
    public IEnumerable<(string Metric, string[] Labels)> Selectors()
    {
        var rest = RangePattern().Replace(GroupingPattern().Replace(ArgumentPattern().Replace(Filled, " "), " "), " ");
        foreach (Match match in SelectorPattern().Matches(rest))
        {
            var name = match.Groups[1].Value;
            if (!Words.Contains(name))
                yield return (name, [.. LabelPattern().Matches(match.Groups[2].Value).Select(m => m.Groups[1].Value)]);
        }
    }

    /// <summary>The labels that it groups by.</summary>
    public IEnumerable<string> Groupings() => GroupingPattern().Matches(Filled)
        .SelectMany(m => m.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    [GeneratedRegex(@"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")]
    private static partial Regex GroupingPattern();

    /// <summary>Texts that are arguments of functions.</summary>
    [GeneratedRegex(@",\s*""[^""]*""(?=\s*[,)])")]
    private static partial Regex ArgumentPattern();

    [GeneratedRegex(@"\[[^\]]*\]")]
    private static partial Regex RangePattern();

    [GeneratedRegex(@"(?<![\w.:$])([a-zA-Z_:][a-zA-Z0-9_:]*)\b(?!\s*\()\s*(\{[^}]*\})?")]
    private static partial Regex SelectorPattern();

    [GeneratedRegex("([a-z_]+)\\s*(?:=~|!~|!=|=)\\s*\"")]
    private static partial Regex LabelPattern();
}
