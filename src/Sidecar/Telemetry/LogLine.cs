using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>
/// Log lines in logfmt and JSON. A peer's text stays within its value: control characters and broken surrogates are escaped (in logfmt
/// invisible ones too), and long values are cut.
/// </summary>
internal static class LogLine
{
    /// <summary>Characters of one value; container runtimes split lines at 16 KiB.</summary>
    private const int MaxValueLength = 2048;

    private static readonly JsonWriterOptions JsonOptions = new()
    {
        // "Unsafe" is about HTML. Control characters and line breaks are still escaped, and text with < or ' stays readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary><c>ts=2026-11-23T07:00:00.000Z level=info msg="two words" key=value</c> and a line feed.</summary>
    public static void WriteLogfmt(
        IBufferWriter<byte> output, DateTimeOffset now, LogLevel level, string message, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        var line = new StringBuilder(256);
        line.Append("ts=").Append(Text(now)).Append(" level=").Append(Text(level)).Append(" msg=");
        AppendValue(line, message);
        foreach (var (key, value) in fields)
        {
            if (value is null)
                continue;
            line.Append(' ');
            AppendKey(line, key);
            line.Append('=');
            AppendValue(line, Text(value));
        }
        line.Append('\n');
        foreach (var chunk in line.GetChunks())
            Encoding.UTF8.GetBytes(chunk.Span, output);
    }

    /// <summary>One JSON object and a line feed; numbers and booleans keep their kind, all else is a string.</summary>
    public static void WriteJson(
        IBufferWriter<byte> output, DateTimeOffset now, LogLevel level, string message, ReadOnlySpan<(string Key, object? Value)> fields)
    {
        using (var json = new Utf8JsonWriter(output, JsonOptions))
        {
            json.WriteStartObject();
            json.WriteString("ts"u8, Text(now));
            json.WriteString("level"u8, Text(level));
            json.WriteString("msg"u8, Cut(message));
            foreach (var (key, value) in fields)
            {
                if (value is null)
                    continue;
                json.WritePropertyName(key);
                WriteJsonValue(json, value);
            }
            json.WriteEndObject();
        }
        output.Write("\n"u8);
    }

    private static void WriteJsonValue(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int or long or uint or ulong:
                json.WriteRawValue(Text(value), skipInputValidation: true);
                break;
            case double number when double.IsFinite(number): // JSON has no word for the others
                json.WriteNumberValue(number);
                break;
            default:
                json.WriteStringValue(Cut(Text(value)));
                break;
        }
    }

    private static string Text(object value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        TimeSpan duration => DurationText.Format(duration),
        DateTimeOffset moment => moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
        FailureReason reason => Word.Of(reason),
        Enum word => word.ToString().ToLowerInvariant(),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string Cut(string text)
    {
        if (text.Length <= MaxValueLength)
            return text;
        var length = char.IsHighSurrogate(text[MaxValueLength - 1]) ? MaxValueLength - 1 : MaxValueLength;
        return string.Concat(text.AsSpan(0, length), "…");
    }

    private static void AppendKey(StringBuilder line, string key)
    {
        foreach (var c in key)
            line.Append(char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or '/' ? c : '_');
    }

    private static void AppendValue(StringBuilder line, string text)
    {
        text = Cut(text);
        line.Append(NeedsQuotes(text) ? OneLine.Quote(text) : text);
    }

    private static bool NeedsQuotes(string text)
    {
        foreach (var c in text)
        {
            if (c is ' ' or '=' or '"' || char.IsSurrogate(c) || !OneLine.IsVisible(c))
                return true;
        }
        return text.Length == 0;
    }
}
