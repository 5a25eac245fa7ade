using System.Globalization;

namespace Sidecar.Primitives;

/// <summary>Text from outside made fit for one line of output.</summary>
internal static class OneLine
{
    /// <summary>Control characters become escapes.</summary>
    public static string Of(string text, int longest = int.MaxValue)
    {
        if (text.Length <= longest && !text.Any(char.IsControl))
            return text;
        var line = new StringBuilder();
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, longest)))
            line.Append(char.IsControl(c) ? Escape(c) : c.ToString());
        return text.Length > longest ? line.Append('…').ToString() : line.ToString();
    }

    /// <summary>In double quotes, with escapes that logfmt, JSON and YAML all have; half a surrogate pair becomes U+FFFD.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var rune in text.EnumerateRunes())
        {
            if (!rune.IsBmp || (rune != Rune.ReplacementChar && rune.Value is not ('"' or '\\') && IsVisible((char)rune.Value)))
                quoted.Append(rune.ToString());
            else
                quoted.Append(Escape((char)rune.Value));
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>False for what moves the cursor, breaks the line or turns the direction of reading.</summary>
    public static bool IsVisible(char c) => char.GetUnicodeCategory(c)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);

    private static string Escape(char c) => c switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => $"\\u{(int)c:x4}",
    };
}
