using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Cluster;

/// <summary>
/// Kubernetes's label selectors: <c>a=b</c>, <c>a!=b</c>, <c>a in (b,c)</c>, <c>a notin (b)</c>, <c>a</c>, <c>!a</c>, comma-separated.
/// </summary>
internal static partial class LabelSelector
{
    /// <summary>The words of a real server where it is none; null where it is.</summary>
    public static string? Check(string? selector) =>
        Parts(selector).FirstOrDefault(p => !Requirement().IsMatch(p)) is { } wrong
        ? $"unable to parse requirement: found '{wrong}', expected: identifier" : null;

    public static bool Matches(string? selector, JsonObject? labels) => Parts(selector).All(part =>
    {
        var match = Requirement().Match(part);
        var value = (string?)labels?[match.Groups["key"].Value];
        var values = match.Groups["values"].Value.Split(',', StringSplitOptions.TrimEntries);
        return match.Groups["operator"].Value switch
        {
            "=" or "==" or "in" => value is not null && values.Contains(value),
            "!=" or "notin" => value is null || !values.Contains(value),
            _ => match.Groups["not"].Length > 0 ? value is null : value is not null,
        };
    });

    // Commas inside parentheses belong to a set.
    private static IEnumerable<string> Parts(string? selector) =>
        OutsideComma().Split(selector ?? "").Select(p => p.Trim()).Where(p => p.Length > 0);

    [GeneratedRegex(@",(?![^(]*\))")]
    private static partial Regex OutsideComma();

    [GeneratedRegex(@"^(?:(?<key>[\w./-]+)\s*(?<operator>==|=|!=)\s*(?<values>[\w.-]*)|(?<key>[\w./-]+)\s+(?<operator>in|notin)\s*\((?<values>[^()]*)\)|(?<not>!?)\s*(?<key>[\w./-]+))$")]
    private static partial Regex Requirement();
}
