using System.Globalization;

namespace Sidecar.Serving;

/// <summary>Writes UTF-8 HTML into one array. Parts that exceed the limit are taken back whole, so the page stays well-formed.</summary>
internal sealed class HtmlWriter(byte[] buffer, int limit)
{
    private bool isOver;

    public int Length { get; private set; }

    /// <summary>Where writing stops; may be moved, up to the array's end.</summary>
    public int Limit { get; set; } = limit;

    /// <summary>Ends the part that began at <paramref name="start"/>: kept, or taken back where it did not fit.</summary>
    public bool Keep(int start)
    {
        if (!isOver)
            return true;
        Length = start;
        isOver = false;
        return false;
    }

    /// <summary>Markup of our own, as it stands.</summary>
    public HtmlWriter Markup(ReadOnlySpan<byte> html)
    {
        if (isOver || html.Length > Limit - Length)
        {
            isOver = true;
            return this;
        }
        html.CopyTo(buffer.AsSpan(Length));
        Length += html.Length;
        return this;
    }

    /// <summary>Untrusted text for content and attributes: escapes markup, shows control and bidirectional characters as U+FFFD.</summary>
    /// <param name="most">Characters after which it is cut, with an ellipsis.</param>
    public HtmlWriter Text(ReadOnlySpan<char> text, int most = int.MaxValue)
    {
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            if (most-- == 0)
                return Markup("…"u8);
            Markup(rune.Value switch
            {
                '<' => "&lt;"u8,
                '>' => "&gt;"u8,
                '&' => "&amp;"u8,
                '"' => "&quot;"u8,
                '\'' => "&#39;"u8,
                '\n' or '\t' => " "u8,
                _ => utf8[..(IsUnseen(rune.Value) ? Rune.ReplacementChar : rune).EncodeToUtf8(utf8)],
            });
            if (isOver)
                break;
        }
        return this;
    }

    /// <summary>1,234,567</summary>
    public HtmlWriter Integer(long value) => Number(value, "N0");

    /// <summary>Digits alone, for coordinates.</summary>
    public HtmlWriter Plain(long value) => Number(value, "D");

    /// <param name="format">F1 for one decimal.</param>
    public HtmlWriter Fixed(double value, string format) => Number(value, format);

    private HtmlWriter Number<T>(T value, string format) where T : IUtf8SpanFormattable
    {
        Span<byte> utf8 = stackalloc byte[48];
        return value.TryFormat(utf8, out var written, format, CultureInfo.InvariantCulture) ? Markup(utf8[..written]) : this;
    }

    /// <summary>C0 and C1 controls, zero-width and bidirectional characters (Unicode's Bidi_Control), separators, noncharacters.</summary>
    private static bool IsUnseen(int rune) => rune
        is < 0x20 or (>= 0x7f and <= 0x9f) or 0xad or 0x61c
        or (>= 0x200b and <= 0x200f) or (>= 0x2028 and <= 0x202e) or (>= 0x2060 and <= 0x206f)
        or 0xfeff or (>= 0xfff9 and <= 0xfffb) or (>= 0xe0000 and <= 0xe007f) || (rune & 0xfffe) == 0xfffe;
}
