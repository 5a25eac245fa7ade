using System.Text.Json;
using Sidecar.Primitives;
using Sidecar.Relabeling.Patterns;

namespace Sidecar.Relabeling;

/// <summary>One thing that is wrong with a list of rules.</summary>
internal sealed class RelabelError(string problem, string remedy)
{
    /// <summary>Rule, key and cause.</summary>
    public string Problem { get; } = problem;

    /// <summary>With an example that is right.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>The rule that it is in, as it is written; null for none.</summary>
    public string? Rule { get; set; }
}

/// <summary>Reads relabel_configs, JSON or YAML, with Prometheus's keys, defaults and checks. Reports all errors.</summary>
internal sealed class RelabelConfigs
{
    private const string WholeExample = """write it like [{"source_labels":["__name__"],"regex":"go_.*","action":"drop"}]""";

    private static readonly string[] Keys = ["source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action"];

    private static readonly string[] Actions =
    [
        "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase",
    ];

    private readonly List<RelabelError> errors = [];
    private int number; // of the rule at hand, from 1

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
                if (reader.TokenType != JsonTokenType.StartObject)
                {
                    Error($"rule {number} is not a JSON object", WholeExample);
                    reader.Skip();
                }
                else
                {
                    var (start, before) = ((int)reader.TokenStartIndex, errors.Count);
                    if (ReadRule(ref reader) is { } rule)
                        rules.Add(rule);
                    for (var i = before; i < errors.Count; i++)
                        errors[i].Rule = Shown(Encoding.UTF8.GetString(json.AsSpan(start..(int)reader.BytesConsumed)), 200);
                }
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

    private RelabelRule? ReadRule(ref Utf8JsonReader reader)
    {
        var before = errors.Count;
        var seen = new HashSet<string>();
        var values = new Values();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (!Keys.Contains(key))
            {
                var nearest = NearestWord.Of(key, Keys);
                Error($"rule {number} has the unknown key \"{Shown(key)}\"",
                    nearest is null ? $"the keys are {string.Join(", ", Keys)}" : $"did you mean \"{nearest}\"?");
                reader.Skip();
            }
            else if (!seen.Add(key))
            {
                Error($"rule {number} has the key \"{key}\" twice", "leave one of them out");
                reader.Skip();
            }
            else
                ReadValue(ref reader, key, values);
        }
        var pattern = values.Pattern ?? Pattern.TryParse(Values.DefaultRegex, out _)!;
        Check(values, seen, pattern, errors.Count == before);
        return errors.Count > before ? null : new RelabelRule(values.Action,
            [.. values.SourceLabels.Select(l => ImmutableArray.Create(Encoding.UTF8.GetBytes(l)))], values.Separator, pattern,
            values.Modulus, values.TargetLabel, values.Replacement);
    }

    private void ReadValue(ref Utf8JsonReader reader, string key, Values values)
    {
        if (key == "source_labels")
        {
            ReadSourceLabels(ref reader, values);
            return;
        }
        if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            Error($"rule {number}: {key} is {(reader.TokenType == JsonTokenType.StartArray ? "an array" : "an object")}, not a text",
                Example(key));
            reader.Skip();
            return;
        }
        var text = Scalar(ref reader);
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
                if (index >= 0)
                {
                    values.Action = (RelabelAction)index;
                    break;
                }
                values.IsActionWrong = true;
                var nearest = NearestWord.Of(text.ToLowerInvariant(), Actions);
                Error($"rule {number}: \"{Shown(text)}\" is no action",
                    nearest is null ? $"the actions are {string.Join(", ", Actions)}" : $"did you mean \"{nearest}\"?");
                break;
        }
    }

    private void ReadSourceLabels(ref Utf8JsonReader reader, Values values)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return;
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            Error($"rule {number}: source_labels is not an array", Example("source_labels"));
            reader.Skip();
            return;
        }
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var isScalar = reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject);
            var name = isScalar ? Scalar(ref reader) : "";
            if (name.Length == 0)
                Error($"rule {number}: source_labels holds what is no label name", Example("source_labels"));
            values.SourceLabels.Add(name);
            if (!isScalar)
                reader.Skip();
        }
    }

    /// <summary>Any scalar as the text that YAML would read there: null is empty, numbers and booleans are as they are written.</summary>
    private static string Scalar(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString()!,
        JsonTokenType.Null => "",
        _ => Encoding.UTF8.GetString(reader.ValueSpan),
    };

    /// <summary>Prometheus's Config.Validate.</summary>
    private void Check(Values values, HashSet<string> seen, Pattern pattern, bool isReadable)
    {
        if (values.IsActionWrong)
            return;
        var action = Actions[(int)values.Action];
        switch (values.Action)
        {
            case RelabelAction.Replace or RelabelAction.HashMod or RelabelAction.Lowercase or RelabelAction.Uppercase
                or RelabelAction.KeepEqual or RelabelAction.DropEqual when values.TargetLabel.Length == 0:
                Error($"rule {number}: action {action} needs target_label, the label to {(values.IsEqual ? "compare with" : "write to")}",
                    Example("target_label"));
                break;
            case RelabelAction.LabelMap when values.Replacement.Length == 0:
                Error($"rule {number}: action labelmap needs a replacement that is not empty: the new name", Example("replacement"));
                break;
        }
        if (values.Action == RelabelAction.HashMod && values.Modulus == 0 && isReadable)
            Error($"rule {number}: action hashmod needs a modulus that is not 0", Example("modulus"));
        if (values.Action is RelabelAction.Lowercase or RelabelAction.Uppercase)
            Refuse(values.Replacement != Values.DefaultReplacement, "replacement", action);
        if (values.IsEqual)
        {
            Refuse(seen.Contains("regex"), "regex", action);
            Refuse(values.Modulus != 0, "modulus", action);
            Refuse(values.Separator != Values.DefaultSeparator, "separator", action);
            Refuse(values.Replacement != Values.DefaultReplacement, "replacement", action);
        }
        if (values.Action is RelabelAction.LabelDrop or RelabelAction.LabelKeep)
        {
            Refuse(values.SourceLabels.Count > 0, "source_labels", action);
            Refuse(values.TargetLabel.Length > 0, "target_label", action);
            Refuse(values.Modulus != 0, "modulus", action);
            Refuse(values.Separator != Values.DefaultSeparator, "separator", action);
            Refuse(values.Replacement != Values.DefaultReplacement, "replacement", action);
        }
    }

    private void Refuse(bool isSet, string key, string action)
    {
        if (isSet)
            Error($"rule {number}: action {action} takes no {key}", $"leave {key} out");
    }

    private void Error(string problem, string remedy) => errors.Add(new RelabelError(problem, remedy));

    private static string Shown(string text, int most = 80) => text.Length > most ? text[..most] + "…" : text;

    private static string Example(string key) => key switch
    {
        "source_labels" => """write it like "source_labels":["__name__","le"]""",
        "modulus" => """write it like "modulus":8""",
        "target_label" => """write it like "target_label":"cluster" """.TrimEnd(),
        "replacement" => """write it like "replacement":"$1" """.TrimEnd(),
        "regex" => """write it like "regex":"go_.*" """.TrimEnd(),
        "separator" => """write it like "separator":";" """.TrimEnd(),
        _ => """write it like "action":"drop" """.TrimEnd(),
    };

    private sealed class Values
    {
        public const string DefaultSeparator = ";";
        public const string DefaultRegex = "(.*)";
        public const string DefaultReplacement = "$1";

        public RelabelAction Action { get; set; } = RelabelAction.Replace;
        public bool IsActionWrong { get; set; }
        public List<string> SourceLabels { get; } = [];
        public string Separator { get; set; } = DefaultSeparator;

        /// <summary>Null where none is given, or a wrong one.</summary>
        public Pattern? Pattern { get; set; }

        public ulong Modulus { get; set; }
        public string TargetLabel { get; set; } = "";
        public string Replacement { get; set; } = DefaultReplacement;
        public bool IsEqual => Action is RelabelAction.KeepEqual or RelabelAction.DropEqual;
    }
}
