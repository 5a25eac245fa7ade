using System.Text.Json;
using Sidecar.Primitives;
using Sidecar.Relabeling.Patterns;

namespace Sidecar.Relabeling;

/// <summary>One thing that is wrong with a list of rules.</summary>
internal sealed class RelabelError(string problem, string remedy, string? rule)
{
    /// <summary>Rule, key and cause.</summary>
    public string Problem { get; } = problem;

    /// <summary>With an example that is right.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>The rule that it is in, as it is written; null for none.</summary>
    public string? Rule { get; } = rule;
}

/// <summary>Reads relabel_configs, JSON or YAML, with Prometheus's keys, defaults and checks. Reports all errors.</summary>
internal sealed class RelabelConfigs
{
    private const string WholeExample = """write it like [{"source_labels":["__name__"],"regex":"go_.*","action":"drop"}]""";

    private static readonly string[] Keys = ["source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action"];

    /// <summary>A right value for each of the keys.</summary>
    private static readonly string[] Examples =
        ["""["__name__","le"]""", "\";\"", "\"go_.*\"", "8", "\"cluster\"", "\"$1\"", "\"drop\""];

    private static readonly string[] Actions =
    [
        "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase",
    ];

    private readonly List<RelabelError> errors = [];
    private int number;        // of the rule at hand, from 1
    private string? ruleText;  // likewise, cut short

    /// <summary>The rules, and what is wrong with them; no rule where anything is.</summary>
    public static RelabelRules Read(string text, out IReadOnlyList<RelabelError> errors)
    {
        var configs = new RelabelConfigs();
        errors = configs.errors;
        var rules = configs.Read(Json(text, out var problem));
        if (problem is not null)
            configs.Error(problem, "it takes a list of rules as in a prometheus.yml, each - key: value and so on, or a JSON array");
        return errors.Count == 0 ? new RelabelRules(rules) : RelabelRules.None;
    }

    /// <summary>The same rules as a JSON array; empty where they are YAML with an error.</summary>
    public static byte[] Json(string text, out string? problem)
    {
        problem = null;
        return RelabelYaml.IsYaml(text) ? RelabelYaml.ToJson(text, out problem) ?? "[]"u8.ToArray() : Encoding.UTF8.GetBytes(text);
    }

    private ImmutableArray<RelabelRule> Read(byte[] json)
    {
        var rules = ImmutableArray.CreateBuilder<RelabelRule>();
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartArray)
            {
                Error("not a JSON array of rules", WholeExample);
                return [];
            }
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                number++;
                var (isObject, start) = (reader.TokenType == JsonTokenType.StartObject, (int)reader.TokenStartIndex);
                reader.Skip();
                if (!isObject)
                {
                    Error($"rule {number} is not a JSON object", WholeExample);
                    continue;
                }
                var text = json.AsMemory(start..(int)reader.BytesConsumed);
                ruleText = Shown(Encoding.UTF8.GetString(text.Span), 200);
                using var rule = JsonDocument.Parse(text);
                if (ReadRule(rule.RootElement) is { } read)
                    rules.Add(read);
                ruleText = null;
            }
            reader.Read(); // what follows the array is an error too
        }
        catch (JsonException e)
        {
            Error($"not JSON (the error is at byte {e.BytePositionInLine + 1} of line {e.LineNumber + 1}{InRule}){Spot(json, e)}",
                json.AsSpan().Contains((byte)'\\')
                ? """a backslash of a regular expression is two in JSON: "\\d+" """.TrimEnd() : WholeExample);
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, written as \ud800: the one thing that is JSON and no text.
            ruleText = null;
            Error($"JSON with an escape that is no valid Unicode{InRule}", WholeExample);
        }
        return rules.ToImmutable();
    }

    private static string Spot(byte[] json, JsonException e)
    {
        const int Around = 24;
        var start = 0;
        for (var line = e.LineNumber ?? 0; line > 0; line--)
            start += json.AsSpan(start).IndexOf((byte)'\n') + 1;
        var at = (int)Math.Min(start + (e.BytePositionInLine ?? 0), json.Length);
        var from = Math.Max(start, at - Around);
        var rest = json.AsSpan(at, Math.Min(Around, json.Length - at));
        return $": {(from > start ? "…" : "")}{Encoding.UTF8.GetString(json.AsSpan(from..at))} <-- here "
            + Encoding.UTF8.GetString(rest.IndexOf((byte)'\n') is >= 0 and var end ? rest[..end] : rest);
    }

    private string InRule => number > 0 ? $", in rule {number}" : "";

    private RelabelRule? ReadRule(JsonElement json)
    {
        var before = errors.Count;
        var values = new Values();
        foreach (var property in json.EnumerateObject())
        {
            var (key, value) = (property.Name, property.Value);
            if (!Keys.Contains(key))
                Error($"rule {number} has the unknown key \"{Shown(key)}\"",
                    Nearest(key, Keys) ?? $"the keys are {string.Join(", ", Keys)}");
            else if (!values.Keys.Add(key))
                Error($"rule {number} has the key \"{key}\" twice", "leave one of them out");
            else if (key == "source_labels")
                ReadSourceLabels(value, values);
            else if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array)
                Error($"rule {number}: {key} is {(value.ValueKind == JsonValueKind.Array ? "an array" : "an object")}, not a text",
                    Example(key));
            else
                ReadText(Scalar(value), key, values);
        }
        var pattern = values.Pattern ?? Pattern.TryParse(Values.DefaultRegex, out _)!;
        if (values.Action is not { } action)
            return null;
        Check(action, values, isReadable: errors.Count == before);
        return errors.Count > before ? null : new RelabelRule(action,
            [.. values.SourceLabels.Select(l => ImmutableArray.Create(Encoding.UTF8.GetBytes(l)))], values.Separator, pattern,
            values.Modulus, values.TargetLabel, values.Replacement);
    }

    private void ReadText(string text, string key, Values values)
    {
        switch (key)
        {
            case "separator":
                values.Separator = text;
                break;
            case "regex":
                values.Pattern = Pattern.TryParse(text, out var problem);
                if (values.Pattern is null)
                    Error($"rule {number}: the regular expression {Shown(text)} {problem}",
                        "see github.com/google/re2/wiki/Syntax for what there is");
                break;
            case "modulus":
                if (ulong.TryParse(text, System.Globalization.NumberStyles.None, null, out var modulus))
                    values.Modulus = modulus;
                else
                    Error($"rule {number}: modulus is not a whole number", Example(key));
                break;
            case "target_label":
                values.TargetLabel = text;
                break;
            case "replacement":
                values.Replacement = text;
                break;
            default:
                var index = Array.IndexOf(Actions, text.ToLowerInvariant());
                values.Action = index >= 0 ? (RelabelAction)index : null;
                if (index < 0)
                    Error($"rule {number}: \"{Shown(text)}\" is no action",
                        Nearest(text.ToLowerInvariant(), Actions) ?? $"the actions are {string.Join(", ", Actions)}");
                break;
        }
    }

    private void ReadSourceLabels(JsonElement json, Values values)
    {
        if (json.ValueKind == JsonValueKind.Null)
            return;
        if (json.ValueKind != JsonValueKind.Array)
        {
            Error($"rule {number}: source_labels is not an array", Example("source_labels"));
            return;
        }
        foreach (var element in json.EnumerateArray())
        {
            var name = element.ValueKind is JsonValueKind.Array or JsonValueKind.Object ? "" : Scalar(element);
            if (name.Length == 0)
                Error($"rule {number}: source_labels holds what is no label name", Example("source_labels"));
            values.SourceLabels.Add(name);
        }
    }

    /// <summary>Any scalar as the text that YAML would read there: null is empty, numbers and booleans are as they are written.</summary>
    private static string Scalar(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => json.GetString()!,
        JsonValueKind.Null => "",
        _ => json.GetRawText(),
    };

    /// <summary>Prometheus's Config.Validate.</summary>
    private void Check(RelabelAction action, Values values, bool isReadable)
    {
        var name = Actions[(int)action];
        var isEqual = action is RelabelAction.KeepEqual or RelabelAction.DropEqual;
        var needsTarget = isEqual || action is RelabelAction.Replace or RelabelAction.HashMod or RelabelAction.Lowercase
            or RelabelAction.Uppercase;
        if (needsTarget && values.TargetLabel.Length == 0)
            Error($"rule {number}: action {name} needs target_label, the label to {(isEqual ? "compare with" : "write to")}",
                Example("target_label"));
        if (action == RelabelAction.LabelMap && values.Replacement.Length == 0)
            Error($"rule {number}: action labelmap needs a replacement that is not empty: the new name", Example("replacement"));
        if (action == RelabelAction.HashMod && values.Modulus == 0 && isReadable)
            Error($"rule {number}: action hashmod needs a modulus that is not 0", Example("modulus"));
        ReadOnlySpan<string> refused = action switch
        {
            RelabelAction.Lowercase or RelabelAction.Uppercase => ["replacement"],
            RelabelAction.KeepEqual or RelabelAction.DropEqual => ["regex", "modulus", "separator", "replacement"],
            RelabelAction.LabelDrop or RelabelAction.LabelKeep =>
                ["source_labels", "target_label", "modulus", "separator", "replacement"],
            _ => [],
        };
        foreach (var key in refused)
        {
            if (values.Has(key))
                Error($"rule {number}: action {name} takes no {key}", $"leave {key} out");
        }
    }

    private void Error(string problem, string remedy) => errors.Add(new RelabelError(problem, remedy, ruleText));

    private static string Shown(string text, int most = 80) => text.Length > most ? text[..most] + "…" : text;

    private static string Example(string key) => $"write it like \"{key}\":{Examples[Array.IndexOf(Keys, key)]}";

    private static string? Nearest(string word, string[] words) =>
        NearestWord.Of(word, words) is { } nearest ? $"did you mean \"{nearest}\"?" : null;

    private sealed class Values
    {
        public const string DefaultRegex = "(.*)";
        private const string DefaultSeparator = ";";
        private const string DefaultReplacement = "$1";

        /// <summary>Those that the rule has, whatever their values.</summary>
        public HashSet<string> Keys { get; } = [];

        /// <summary>Null for a wrong one.</summary>
        public RelabelAction? Action { get; set; } = RelabelAction.Replace;

        public List<string> SourceLabels { get; } = [];
        public string Separator { get; set; } = DefaultSeparator;

        /// <summary>Null where none is given, or a wrong one.</summary>
        public Pattern? Pattern { get; set; }

        public ulong Modulus { get; set; }
        public string TargetLabel { get; set; } = "";
        public string Replacement { get; set; } = DefaultReplacement;

        /// <summary>Whether the key has another value than it has by default; for the regular expression, any at all.</summary>
        public bool Has(string key) => key switch
        {
            "source_labels" => SourceLabels.Count > 0,
            "separator" => Separator != DefaultSeparator,
            "regex" => Keys.Contains(key),
            "modulus" => Modulus != 0,
            "target_label" => TargetLabel.Length > 0,
            _ => Replacement != DefaultReplacement,
        };
    }
}
