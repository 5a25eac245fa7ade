using System.Buffers;
using System.Text.Json;
using Sidecar.Relabeling;

namespace Sidecar.Commands;

/// <summary>Writes block YAML, a line at a time: as much of it as a prometheus.yml needs.</summary>
internal sealed class YamlText(TextWriter output)
{
    private static readonly SearchValues<char> PlainCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-");

    private int indent;
    private bool isItem; // the next line begins an item of a list

    public void Comment(string text) => Write($"# {text}");

    /// <summary>A key whose value stands below, indented, until <see cref="End"/>.</summary>
    public YamlText Begin(string key)
    {
        Write($"{key}:");
        indent += 2;
        return this;
    }

    /// <summary>An item of a list, until <see cref="EndItem"/>; its first key stands beside the dash.</summary>
    public void BeginItem()
    {
        isItem = true;
        indent += 2;
    }

    public void EndItem() => indent -= 2;

    public void End() => indent -= 2;

    /// <summary>A value that is a number, a boolean or a duration, and so needs no quotes.</summary>
    public void Plain(string key, string value) => Write($"{key}: {value}");

    public void Text(string key, string? value)
    {
        if (value is not null)
            Write($"{key}: {Quote(value)}");
    }

    public void List(string key, IEnumerable<string> values) => Write($"{key}: [{string.Join(", ", values.Select(Quote))}]");

    public void Flag(string key, bool value, bool usual)
    {
        if (value != usual)
            Plain(key, value ? "true" : "false");
    }

    public void Rules(string rules)
    {
        var reader = new Utf8JsonReader(RelabelConfigs.Json(rules, out _));
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    BeginItem();
                    break;
                case JsonTokenType.EndObject:
                    EndItem();
                    break;
                case JsonTokenType.PropertyName:
                    var key = reader.GetString()!;
                    reader.Read();
                    WriteValue(ref reader, key);
                    break;
            }
        }
    }

    /// <summary>In double quotes and escaped, but for words that cannot be taken for anything else.</summary>
    public static string Quote(string text)
    {
        if (IsPlain(text))
            return text;
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when char.IsControl(c) || c is '\u2028' or '\u2029' or '\ufeff' => $"\\u{(int)c:x4}",
                _ => c.ToString(),
            });
        }
        return quoted.Append('"').ToString();
    }

    private void WriteValue(ref Utf8JsonReader reader, string key)
    {
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            var values = new List<string>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                values.Add(Scalar(ref reader));
            List(key, values);
        }
        else if (key == "modulus")
            Plain(key, Scalar(ref reader));
        else if (reader.TokenType != JsonTokenType.Null)
            Text(key, Scalar(ref reader));
    }

    private static string Scalar(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString()! : Encoding.UTF8.GetString(reader.ValueSpan);

    /// <summary>Letters, digits and a few signs, not read as a number, a boolean, null or a date.</summary>
    private static bool IsPlain(string text) =>
        text.Length > 0 && (char.IsAsciiLetter(text[0]) || text[0] is '_' or '/')
        && !text.AsSpan().ContainsAnyExcept(PlainCharacters)
        && text.ToLowerInvariant() is not ("true" or "false" or "null" or "yes" or "no" or "on" or "off" or "y" or "n");

    private void Write(string line)
    {
        output.Write(new string(' ', isItem ? indent - 2 : indent));
        output.WriteLine(isItem ? $"- {line}" : line);
        isItem = false;
    }
}
