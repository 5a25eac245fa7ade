using System.Text.Json.Nodes;

namespace Cluster;

/// <summary>Kubernetes's label selectors: <c>a=b</c>, <c>a!=b</c>, <c>a</c>, <c>!a</c>, comma-separated.</summary>
internal static class LabelSelector
{
    public static bool Matches(string? selector, JsonObject? labels)
    {
        foreach (var part in (selector ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var isMatch = part.Split("!=") is [var notName, var notValue] ? Value(labels, notName) != notValue
                : part.Split('=', StringSplitOptions.RemoveEmptyEntries) is [var name, var value] ? Value(labels, name) == value
                : part[0] == '!' ? Value(labels, part[1..]) is null
                : Value(labels, part) is not null;
            if (!isMatch)
                return false;
        }
        return true;
    }

    private static string? Value(JsonObject? labels, string name) => (string?)labels?[name.Trim()];
}
