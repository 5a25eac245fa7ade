using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Sidecar.Relabeling;

/// <summary>Turns rules of a prometheus.yml into JSON: mappings of scalars and lists of them. Other YAML is an error.</summary>
internal sealed class RelabelYaml : IDisposable
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ArrayBufferWriter<byte> output = new();
    private readonly Utf8JsonWriter json;
    private int dash = -1; // column of the dashes of rules; -1 before the first
    private int keys = -1; // column of the keys of the rule at hand
    private bool isKeyOpen; // its value is below, or there is none
    private bool isInList;

    private RelabelYaml() => json = new Utf8JsonWriter(output, Compact);

    /// <summary>It begins as YAML does, and not as JSON.</summary>
    public static bool IsYaml(string text) => text.TrimStart() is ['-' or '#', ..] || text.Split('\n')[0].TrimEnd().EndsWith(':');

    public static byte[]? ToJson(string text, out string? problem)
    {
        using var yaml = new RelabelYaml();
        problem = yaml.Read(text.Split('\n'));
        return problem is null ? yaml.output.WrittenSpan.ToArray() : null;
    }

    public void Dispose() => json.Dispose();

    private string? Read(string[] lines)
    {
        json.WriteStartArray();
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].TrimEnd();
            var content = line.TrimStart(' ');
            if (content.Length == 0 || content[0] == '#' || content == "---")
                continue;
            if (content[0] == '\t')
                return At(i, "is indented by a tab, which YAML does not allow");
            if (ReadLine(content, line.Length - content.Length) is { } problem)
                return At(i, $"{problem}: {(content.Length > 80 ? content[..80] + "…" : content)}");
        }
        EndRule();
        json.WriteEndArray();
        json.Flush();
        return null;
    }

    private static string At(int line, string problem) => $"line {line + 1} {problem}";

    private string? ReadLine(string content, int indent)
    {
        var isItem = content == "-" || content.StartsWith("- ", StringComparison.Ordinal);
        if (isItem && isKeyOpen && indent >= keys)
            return ReadItem(content[1..].TrimStart());
        if (isItem)
        {
            if (dash >= 0 && indent != dash)
                return "begins a rule at another column than the one before";
            EndRule();
            json.WriteStartObject();
            dash = indent;
            var rest = content[1..].TrimStart();
            if (rest.Length == 0 || rest[0] == '#')
            {
                keys = -1;
                return null;
            }
            keys = indent + content.Length - rest.Length;
            return ReadKey(rest);
        }
        if (dash < 0)
            return content.EndsWith("relabel_configs:", StringComparison.Ordinal) ? null : "is outside of a rule, which begins with a dash";
        if (keys < 0 && indent > dash)
            keys = indent;
        return indent == keys ? ReadKey(content) : "is indented otherwise than the keys of its rule";
    }

    private string? ReadKey(string content)
    {
        EndKey();
        var colon = content.IndexOf(':');
        if (colon <= 0 || (colon + 1 < content.Length && content[colon + 1] != ' ') || content[0] is '"' or '\'' or '{' or '[')
            return "is not of the form key: value";
        json.WritePropertyName(content[..colon].TrimEnd());
        var value = content[(colon + 1)..].TrimStart();
        if (value.Length == 0 || value[0] == '#')
        {
            isKeyOpen = true;
            return null;
        }
        return value[0] == '[' ? ReadFlow(value) : ReadScalar(value, isFlow: false, out var rest) ?? NothingBehind(rest);
    }

    private string? ReadItem(string value)
    {
        if (!isInList)
            json.WriteStartArray();
        isInList = true;
        return ReadScalar(value, isFlow: false, out var rest) ?? NothingBehind(rest);
    }

    /// <summary><c>[a, "b", 'c']</c></summary>
    private string? ReadFlow(string value)
    {
        json.WriteStartArray();
        var rest = value[1..].TrimStart();
        while (!rest.StartsWith(']'))
        {
            if (ReadScalar(rest, isFlow: true, out rest) is { } problem)
                return problem;
            rest = rest.TrimStart();
            if (rest.StartsWith(','))
                rest = rest[1..].TrimStart();
            else if (!rest.StartsWith(']'))
                return "has a list that does not end in its line";
        }
        json.WriteEndArray();
        return NothingBehind(rest[1..]);
    }

    private static string? NothingBehind(string rest) => rest.TrimStart() is "" or ['#', ..] ? null : "has more behind its value";

    private string? ReadScalar(string text, bool isFlow, out string rest)
    {
        rest = "";
        if (text is ['\'' or '"', ..])
            return ReadQuoted(text, out rest);
        if (text.Length > 0 && "&*!|>%@`{}[],?".Contains(text[0]))
            return $"has a value that begins with {text[0]}: put it in single quotes";
        var end = isFlow ? text.AsSpan().IndexOfAny(",]") : -1;
        if (end < 0)
            end = text.Length;
        var comment = text.IndexOf(" #", StringComparison.Ordinal);
        if (comment >= 0 && comment < end)
            end = comment;
        var plain = text[..end].TrimEnd();
        rest = text[end..];
        if (plain.Contains(": ", StringComparison.Ordinal) || plain.EndsWith(':') || (isFlow && plain.AsSpan().ContainsAny("{}[")))
            return "has a value that YAML takes for more than a text: put it in single quotes";
        if (plain is "" or "~" or "null")
            json.WriteNullValue();
        else
            json.WriteStringValue(plain);
        return null;
    }

    /// <summary>In single quotes, two of which stand for one; or in double quotes, with escapes.</summary>
    private string? ReadQuoted(string text, out string rest)
    {
        rest = "";
        var isDouble = text[0] == '"';
        var value = new StringBuilder();
        for (var i = 1; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\\' && isDouble)
            {
                var escape = ++i < text.Length ? text[i] : ' ';
                if ("\\\"/ntr0".IndexOf(escape) is not (>= 0 and var known))
                    return $"has \\{escape} in double quotes, which is no escape of YAML: put the value in single quotes";
                c = "\\\"/\n\t\r\0"[known];
            }
            else if (c == text[0])
            {
                if (isDouble || i + 1 == text.Length || text[i + 1] != c)
                {
                    rest = text[(i + 1)..];
                    json.WriteStringValue(value.ToString());
                    return null;
                }
                i++;
            }
            value.Append(c);
        }
        return "has a quote that does not end in its line";
    }

    private void EndKey()
    {
        if (isInList)
            json.WriteEndArray();
        else if (isKeyOpen)
            json.WriteNullValue();
        isKeyOpen = isInList = false;
    }

    private void EndRule()
    {
        EndKey();
        if (dash >= 0)
            json.WriteEndObject();
    }
}
