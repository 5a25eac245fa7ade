using System.Text;
using Sidecar.Commands;
using Sidecar.Relabeling;
using Sidecar.Tests.Configuration;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Relabeling;

/// <summary>Rules pasted from a prometheus.yml mean what they mean there; what is not read is refused with its line.</summary>
public sealed class RelabelYamlTests
{
    /// <summary>Accepted, and read by a real YAML parser as the same.</summary>
    [Theory]
    [InlineData("- action: drop")]
    [InlineData("metric_relabel_configs:\n- source_labels: [__name__, le]\n  separator: ;\n  regex: etcd_(.+);0\\.1\n  action: drop\n")]
    [InlineData("  # a comment\n\n  - regex: 'it''s #1: a'   # why\n    action: labeldrop\n  -\n    action: drop")]
    [InlineData("-   source_labels:\n    - a\n    - \"b\\t\\\"\\\\\"\n    - 'c, d]'\n    target_label: x\n    replacement: \"\"\n")]
    [InlineData("- source_labels:\n      - a\n  action: keep\n- action: hashmod\n  modulus: 8\n  source_labels: []\n  target_label: ~\n")]
    [InlineData("- source_labels: ['a' , \"b\",c d ,]\r\n  target_label: t\r\n  replacement: $1-${2}\r\n")]
    [InlineData("---\n- regex:\n  action: keep\n- regex: null # none\n  action: drop")]
    [InlineData("- replacement: a#b - c:d\n  target_label: t")]
    [InlineData("- replacement: é ☃ 😀\n  target_label: t")]
    public void It_is_read_as_YAML_reads_it(string text)
    {
        var json = RelabelConfigs.Json(text, out var problem);
        Assert.Null(problem);
        Assert.Equal(Shape(text.StartsWith("metric") ? text[text.IndexOf('-')..] : text), Shape(Encoding.UTF8.GetString(json)));
    }

    [Theory]
    [InlineData("- action: drop\n   regex: a", "line 2 is indented otherwise than the keys of its rule: regex: a")]
    [InlineData("- action: drop\n - action: keep", "line 2 begins a rule at another column")]
    [InlineData("- action: drop\n\tregex: a", "line 2 is indented by a tab")]
    [InlineData("- action", "line 1 is not of the form key: value: - action")]
    [InlineData("- action:drop", "line 1 is not of the form key: value")]
    [InlineData("- {action: drop}", "line 1 is not of the form key: value")]
    [InlineData("- regex: a: b", "line 1 has a value that YAML takes for more than a text: put it in single quotes")]
    [InlineData("- regex: *a", "line 1 has a value that begins with *: put it in single quotes")]
    [InlineData("- regex: |\n    a", "line 1 has a value that begins with |")]
    [InlineData("- regex: \"a\\.b\"", "line 1 has \\. in double quotes, which is no escape of YAML: put the value in single quotes")]
    [InlineData("- regex: \"a", "line 1 has a quote that does not end in its line")]
    [InlineData("- regex: 'a' b", "line 1 has more behind its value")]
    [InlineData("- source_labels: [a, b", "line 1 has a list that does not end in its line")]
    [InlineData("- source_labels: [a] b", "line 1 has more behind its value")]
    [InlineData("- source_labels: [a{b]", "line 1 has a value that YAML takes for more")]
    [InlineData("- source_labels: [[a]]", "line 1 has a value that begins with [")]
    [InlineData("- action: drop\n  - a", "line 2 begins a rule at another column")]
    [InlineData("# nothing\naction: drop", "line 2 is outside of a rule, which begins with a dash")]
    public void What_is_not_read_is_refused_with_its_line(string text, string problem)
    {
        RelabelConfigs.Read(text, out var errors);
        Assert.StartsWith(problem, errors[0].Problem);
    }

    [Fact]
    public void Nothing_of_any_length_throws()
    {
        const string Text = "- source_labels: [a, \"b\\n\", 'c''d'] # x\n  regex: \"(.*)\"\n  target_label:\n  - e\n-\n  action: drop\n";
        var random = new Random(7);
        for (var i = 0; i < 5000; i++)
        {
            var cut = new StringBuilder(Text[..random.Next(Text.Length + 1)]);
            for (var edits = random.Next(4); edits > 0 && cut.Length > 0; edits--)
                cut[random.Next(cut.Length)] = "-: #'\"[],\n\\a"[random.Next(12)];
            RelabelConfigs.Read(cut.ToString(), out var errors);
            Assert.All(errors, e => Assert.NotEmpty(e.Problem));
        }
    }

    /// <summary>All that reads the variable as text takes both.</summary>
    [Fact]
    public void Commands_take_rules_in_YAML()
    {
        const string Yaml = "- source_labels: [__name__]\n  regex: go_.*\n  action: drop\n";
        var environment = Given.StaticTarget(("SIDECAR_METRIC_RELABEL_CONFIGS", Yaml), ("SIDECAR_WRITE_RELABEL_CONFIGS", Yaml));
        using var text = new StringWriter { NewLine = "\n" };
        new PrometheusConfig(Given.Good(environment), environment).Write(text);
        Assert.Equal(2, text.ToString().Split("source_labels: [__name__]").Length - 1);
        Assert.Equal("""[{"source_labels":["__name__"],"regex":"go_.*","action":"drop"},{"action":"keep"}]""",
            Proposal.Append(Yaml, """[{"action":"keep"}]"""));
    }

    private static string Shape(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return string.Join('\n', ((YamlSequenceNode)stream.Documents[0].RootNode).Select(rule => string.Join('|',
            ((YamlMappingNode)rule).Select(pair => $"{pair.Key}={(pair.Value is YamlSequenceNode list
                ? $"[{string.Join('¦', list.Select(Scalar))}]" : Scalar(pair.Value))}"))));
    }

    private static string Scalar(YamlNode node) => node.ToString() is "~" or "null" ? "" : node.ToString();
}
