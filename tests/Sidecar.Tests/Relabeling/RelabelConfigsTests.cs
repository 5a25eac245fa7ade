using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Relabeling;
using Sidecar.Tests.Configuration;

namespace Sidecar.Tests.Relabeling;

public sealed class RelabelConfigsTests
{
    [Theory]
    [InlineData("""{"action":"drop"}""", "not a JSON array of rules", "[{")]
    [InlineData("drop", "not JSON (the error is at byte 1 of line 1)", "[{")]
    [InlineData("""[{"action":"drop"}""", "not JSON (the error is at byte", "[{")]
    [InlineData("""[{"action":"drop"}] x""", "not JSON (the error is at byte 21 of line 1, in rule 1)", "[{")]
    [InlineData("""[{"regex":"a\d+","action":"labeldrop"}]""", "in rule 1)", "two in JSON")]
    [InlineData("""[{"regex":"\ud800","action":"labeldrop"}]""", "no valid Unicode, in rule 1", "[{")]
    [InlineData("""["drop"]""", "rule 1 is not a JSON object", "[{")]
    [InlineData("""[{"action":"drop"},{"sourcelabels":["a"],"action":"drop"}]""", "rule 2 has the unknown key \"sourcelabels\"",
        "did you mean \"source_labels\"?")]
    [InlineData("""[{"target":"a","target_label":"b"}]""", "rule 1 has the unknown key \"target\"", "the keys are source_labels")]
    [InlineData("""[{"x":{"y":[1]},"target_label":"b"}]""", "rule 1 has the unknown key \"x\"", "the keys are source_labels")]
    [InlineData("""[{"action":"drop","action":"keep"}]""", "rule 1 has the key \"action\" twice", "leave one")]
    [InlineData("""[{"action":"drp"}]""", "rule 1: \"drp\" is no action", "did you mean \"drop\"?")]
    [InlineData("""[{"action":""}]""", "rule 1: \"\" is no action", "the actions are replace")]
    [InlineData("""[{"source_labels":"a","action":"drop"}]""", "rule 1: source_labels is not an array", "\"source_labels\":[\"__name__\"")]
    [InlineData("""[{"source_labels":["a",""],"action":"drop"}]""", "rule 1: source_labels holds what is no label name",
        "\"source_labels\":[")]
    [InlineData("""[{"source_labels":[["a"]],"action":"drop"}]""", "rule 1: source_labels holds what is no label name",
        "\"source_labels\":[")]
    [InlineData("""[{"regex":["a"],"action":"drop"}]""", "rule 1: regex is an array, not a text", "\"regex\":\"go_.*\"")]
    [InlineData("""[{"separator":{},"action":"drop"}]""", "rule 1: separator is an object, not a text", "\"separator\":\";\"")]
    [InlineData("""[{"regex":"(","action":"drop"}]""", "rule 1: the regular expression ( has a ( without its )", "re2")]
    [InlineData("""[{"regex":"(?!a).*","action":"drop"}]""", "rule 1: the regular expression (?!a).* looks ahead or behind", "re2")]
    [InlineData("""[{"modulus":"eight","action":"hashmod","target_label":"a"}]""", "rule 1: modulus is not a whole number",
        "\"modulus\":8")]
    [InlineData("""[{"modulus":-1,"action":"hashmod","target_label":"a"}]""", "rule 1: modulus is not a whole number", "\"modulus\":8")]
    [InlineData("""[{"action":"hashmod","target_label":"a"}]""", "rule 1: action hashmod needs a modulus that is not 0", "\"modulus\":8")]
    [InlineData("""[{"source_labels":["a"]}]""", "rule 1: action replace needs target_label, the label to write to", "\"target_label\":")]
    [InlineData("""[{"source_labels":["a"],"action":"hashmod","modulus":2}]""", "rule 1: action hashmod needs target_label",
        "\"target_label\":")]
    [InlineData("""[{"source_labels":["a"],"action":"lowercase"}]""", "rule 1: action lowercase needs target_label", "\"target_label\":")]
    [InlineData("""[{"source_labels":["a"],"action":"keepequal"}]""",
        "rule 1: action keepequal needs target_label, the label to compare with", "\"target_label\":")]
    [InlineData("""[{"source_labels":["a"],"action":"dropequal","target_label":null}]""", "rule 1: action dropequal needs target_label",
        "\"target_label\":")]
    [InlineData("""[{"action":"labelmap","regex":"a","replacement":""}]""", "rule 1: action labelmap needs a replacement",
        "\"replacement\":")]
    [InlineData("""[{"action":"uppercase","target_label":"a","replacement":"b"}]""", "rule 1: action uppercase takes no replacement",
        "leave replacement out")]
    [InlineData("""[{"action":"keepequal","target_label":"a","regex":"(.*)"}]""", "rule 1: action keepequal takes no regex",
        "leave regex out")]
    [InlineData("""[{"action":"dropequal","target_label":"a","separator":","}]""", "rule 1: action dropequal takes no separator",
        "leave separator out")]
    [InlineData("""[{"action":"dropequal","target_label":"a","modulus":2}]""", "rule 1: action dropequal takes no modulus",
        "leave modulus out")]
    [InlineData("""[{"action":"labeldrop","source_labels":["a"]}]""", "rule 1: action labeldrop takes no source_labels",
        "leave source_labels out")]
    [InlineData("""[{"action":"labelkeep","target_label":"a"}]""", "rule 1: action labelkeep takes no target_label",
        "leave target_label out")]
    [InlineData("""[{"action":"labelkeep","replacement":"a"}]""", "rule 1: action labelkeep takes no replacement", "leave replacement out")]
    public void One_mistake_is_one_error_with_rule_cause_and_remedy(string json, string problem, string remedy)
    {
        foreach (var variable in new[] { "SIDECAR_RELABEL_CONFIGS", "SIDECAR_METRIC_RELABEL_CONFIGS", "SIDECAR_WRITE_RELABEL_CONFIGS" })
        {
            var error = Given.OneError(Given.Pod((variable, json)));
            Assert.Equal(variable, error.Name);
            Assert.Contains(problem, error.Problem);
            Assert.Contains(remedy, error.Remedy);
        }
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        RelabelConfigs.Read("""
            [{"action":"keeep","regexp":"a"},
             {"action":"labeldrop","source_labels":["a"],"separator":","},
             {"source_labels":["a"],"regex":"a{2,1}"},
             {"action":"drop"}]
            """, out var errors);
        Assert.Equal(
            [
                "rule 1: \"keeep\" is no action", "rule 1 has the unknown key \"regexp\"",
                "rule 2: action labeldrop takes no source_labels",
                "rule 2: action labeldrop takes no separator",
                "rule 3: the regular expression a{2,1} repeats {2,1}: from at most 1000 to at most 1000 times, the smaller number first",
                "rule 3: action replace needs target_label, the label to write to",
            ],
            errors.Select(e => e.Problem));
    }

    [Theory]
    [InlineData("""[{"action":"keepequal","source_labels":["a"],"target_label":"b","separator":";","replacement":"$1","modulus":0}]""")]
    [InlineData("""[{"action":"labeldrop","regex":"a","source_labels":null}]""")]
    [InlineData("""[{"action":"DROP","source_labels":["a b",1]}]""")]
    [InlineData(" [ ] ")]
    [InlineData("""[{"target_label":"a{}b$"}]""")]
    public void What_Prometheus_accepts_is_accepted(string json)
    {
        RelabelConfigs.Read(json, out var errors);
        Assert.Empty(errors);
    }

    [Fact]
    public void The_preset_runs_before_one_s_own_rules()
    {
        var own = """[{"source_labels":["__name__"],"regex":"up","action":"drop"}]""";
        var options = Given.Good(Given.Pod(("SIDECAR_PRESET", "apiserver-lean"), ("SIDECAR_METRIC_RELABEL_CONFIGS", own)));
        var preset = Rules.Parse(Presets.ApiServerLean);
        Assert.NotEmpty(preset.All);
        Assert.Equal(preset.All.Length + 1, options.Scrape.SeriesRules!.Metric.All.Length);
        Assert.Equal("up", options.Scrape.SeriesRules!.Metric.All[^1].Pattern.Text);
        Assert.Contains("apiserver-lean", Given.OneError(Given.Pod(("SIDECAR_PRESET", "lean"))).Problem);
        Assert.Null(Given.Good(Given.Pod()).Scrape.SeriesRules);
    }
}
