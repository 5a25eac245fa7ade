using System.Buffers.Text;
using System.Numerics;

namespace Sidecar.Exposition;

/// <summary>Bounds as Go's strconv.ParseFloat reads them: underscores and hexadecimal too, unlike the values of samples.</summary>
internal static class FloatLiteral
{
    private const int Longest = 64;

    public static bool TryParse(ReadOnlySpan<byte> text, out double value)
    {
        if (FloatText.TryParse(text, out value))
            return true;
        if (text.Length is 0 or > Longest || !text.ContainsAny("_xX"u8))
            return false;
        var rest = text[0] is (byte)'+' or (byte)'-' ? text[1..] : text;
        var isHexadecimal = rest.Length > 2 && rest[0] == (byte)'0' && (rest[1] | 0x20) == 'x';
        rest = isHexadecimal ? rest[2..] : rest;
        Span<byte> plain = stackalloc byte[Longest];
        if (!TryRemoveUnderscores(rest, isHexadecimal, plain, out var length))
            return false;
        if (!(isHexadecimal ? TryParseHexadecimal(plain[..length], out value) : FloatText.TryParse(plain[..length], out value)))
            return false;
        value = text[0] == (byte)'-' ? -value : value;
        return true;
    }

    /// <summary>Each must stand between two digits, or between 0x and one.</summary>
    private static bool TryRemoveUnderscores(ReadOnlySpan<byte> text, bool isHexadecimal, Span<byte> to, out int length)
    {
        length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != (byte)'_')
                to[length++] = text[i];
            else if (!(i == 0 ? isHexadecimal : IsDigit(text[i - 1])) || i + 1 == text.Length || !IsDigit(text[i + 1]))
                return false;
        }
        return length > 0 && to[0] is not ((byte)'+' or (byte)'-');

        bool IsDigit(byte c) => isHexadecimal ? char.IsAsciiHexDigit((char)c) : LineCursor.IsDigit(c);
    }

    /// <summary>Behind 0x: digits, perhaps with a point, and <c>p</c> with an exponent, without which it is no number.</summary>
    private static bool TryParseHexadecimal(ReadOnlySpan<byte> text, out double value)
    {
        value = 0;
        var end = text.IndexOfAny((byte)'p', (byte)'P');
        if (end < 1 || !Utf8Parser.TryParse(text[(end + 1)..], out int exponent, out var length) || end + 1 + length != text.Length)
            return false;
        ulong digits = 0;
        var any = false;
        var isPast = false; // the point
        foreach (var c in text[..end])
        {
            if (c == (byte)'.' && !isPast)
            {
                isPast = true;
                continue;
            }
            if (!char.IsAsciiHexDigit((char)c))
                return false;
            any = true;
            exponent -= isPast ? 4 : 0;
            // What is beyond 60 bits only tells which way to round.
            if (digits >> 60 == 0)
                digits = digits * 16 + (ulong)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
            else
            {
                digits |= c != (byte)'0' ? 1UL : 0;
                exponent += 4;
            }
        }
        if (!any || Math.Abs(exponent) > 10_000)
            return false;
        // 54 bits and one that stands for all below: scaled up exactly, rounded once where it becomes a subnormal.
        var spare = Math.Max(0, 9 - BitOperations.LeadingZeroCount(digits));
        digits = digits >> spare | ((digits & ((1UL << spare) - 1)) != 0 ? 1UL : 0);
        value = Math.ScaleB(digits, exponent + spare);
        return double.IsFinite(value);
    }
}
