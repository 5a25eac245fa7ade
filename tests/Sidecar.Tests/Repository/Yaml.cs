using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Repository;

/// <summary>Short ways to look into YAML.</summary>
internal static class Yaml
{
    public static string Text(this YamlNode node) => Assert.IsType<YamlScalarNode>(node).Value!;

    public static bool Has(this YamlNode node, string key) => ((YamlMappingNode)node).Children.ContainsKey(key);

    public static IList<YamlNode> Items(this YamlNode node) => Assert.IsType<YamlSequenceNode>(node).Children;

    public static IEnumerable<string> Texts(this YamlNode node) => node.Items().Select(Text);

    public static IEnumerable<string> Keys(this YamlNode node) => Assert.IsType<YamlMappingNode>(node).Children.Keys.Select(Text);

    /// <summary>One line for a node, with keys in order: <c>{runAsUser: 65532, capabilities: {drop: [ALL]}}</c>.</summary>
    public static string Line(this YamlNode node) => node switch
    {
        YamlMappingNode map => $"{{{string.Join(", ", map.Children.Select(c => $"{c.Key}: {Line(c.Value)}"))}}}",
        YamlSequenceNode list => $"[{string.Join(", ", list.Children.Select(Line))}]",
        _ => node.Text(),
    };

    /// <summary>Kubernetes refuses a boolean or a number where it wants a string.</summary>
    public static bool IsString(this YamlNode node) => node is YamlScalarNode scalar
        && (scalar.Style != ScalarStyle.Plain || !(IsWord(scalar.Value!) || double.TryParse(scalar.Value, out _)));

    private static bool IsWord(string plain) =>
        plain.ToLowerInvariant() is "true" or "false" or "null" or "yes" or "no" or "on" or "off" or "~" or "";
}
