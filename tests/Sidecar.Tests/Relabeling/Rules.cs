using System.Text;
using Sidecar.Relabeling;

namespace Sidecar.Tests.Relabeling;

/// <summary>Rules of JSON, applied to labels in text: <c>a=1 b=2</c>.</summary>
internal static class Rules
{
    public static RelabelRules Parse(string json)
    {
        var rules = RelabelConfigs.Read(json.TrimStart().StartsWith('[') ? json : $"[{json}]", out var errors);
        Assert.Empty(errors);
        return rules;
    }

    /// <summary>The labels sorted by name, or <c>dropped</c>.</summary>
    public static string Apply(RelabelRules rules, string labels)
    {
        var set = new LabelSet();
        foreach (var pair in labels.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=');
            set.Fill(set.Copy(Encoding.UTF8.GetBytes(pair[..equals])), set.Copy(Encoding.UTF8.GetBytes(pair[(equals + 1)..])));
        }
        if (!new RelabelPass(rules).Apply(set))
            return "dropped";
        var result = Enumerable.Range(0, set.Count).Select(i => (Name: Utf8(set.Name(i)), Value: Utf8(set.Value(i)))).ToList();
        Assert.Equal(result.Count, result.Select(l => l.Name).Distinct().Count());
        Assert.All(result, l => Assert.NotEqual("", l.Value));
        return string.Join(' ', result.OrderBy(l => l.Name, StringComparer.Ordinal).Select(l => $"{l.Name}={l.Value}"));
    }

    private static string Utf8(Text text) => Encoding.UTF8.GetString(text.Span);
}
