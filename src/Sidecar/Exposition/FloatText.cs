using System.Globalization;
using System.Runtime.CompilerServices;

namespace Sidecar.Exposition;

/// <summary>Numbers as Go's strconv reads and writes them, which is what the text formats are defined by.</summary>
internal static class FloatText
{
    /// <summary>A NaN that was scraped, as Prometheus stores it; .NET's own NaN has other bits.</summary>
    public static readonly double NormalNaN = BitConverter.UInt64BitsToDouble(0x7ff8000000000001);

    /// <summary>One bit pattern for all NaNs that are scraped: another one is the staleness marker.</summary>
    public static double Canonical(double value) => double.IsNaN(value) ? NormalNaN : value;

    public static readonly double StaleNaN = BitConverter.UInt64BitsToDouble(0x7ff0000000000002);

    /// <summary>Decimals, <c>inf</c>, <c>infinity</c>, <c>nan</c> in any case; no hexadecimal, underscores or overflow.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out double value)
    {
        value = 0;
        if (text.IsEmpty)
            return false;
        var first = (byte)(text[0] is (byte)'+' or (byte)'-' && text.Length > 1 ? text[1] : text[0]);
        if (first is not (>= (byte)'0' and <= (byte)'9') && first != (byte)'.')
            return TryParseName(text, out value);
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        // .NET passes over zero bytes behind a number.
        return text[^1] != 0 && double.TryParse(text, Style, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }

    /// <summary>Normalises an <c>le</c> or <c>quantile</c> value: <c>1</c> to <c>1.0</c>. False if canonical or no number.</summary>
    public static bool TryNormalize(ReadOnlySpan<byte> text, Span<byte> destination, out int written)
    {
        written = 0;
        if (IsCanonical(text))
            return false;
        if (IsShortInteger(text))
        {
            text.CopyTo(destination);
            ".0"u8.CopyTo(destination[text.Length..]);
            written = text.Length + 2;
            return true;
        }
        if (!FloatLiteral.TryParse(text, out var value))
            return false;
        written = Format(value, destination);
        return !text.SequenceEqual(destination[..written]);
    }

    /// <summary>Writes a double as OpenMetrics: Go's shortest <c>%g</c>, and <c>.0</c> where neither point nor exponent shows.</summary>
    /// <param name="destination">At least 32 bytes.</param>
    /// <returns>Bytes written.</returns>
    public static int Format(double value, Span<byte> destination)
    {
        if (double.IsNaN(value))
            return Copy("NaN"u8, destination);
        if (value == 0)
            return Copy("0.0"u8, destination); // of either sign
        if (double.IsInfinity(value))
            return Copy(value > 0 ? "+Inf"u8 : "-Inf"u8, destination);
        // .NET writes the same digits, the fewest that round-trip; Go has an exponent from a million on already, .NET from 10^15.
        value.TryFormat(destination, out var length, default, CultureInfo.InvariantCulture);
        if (destination[..length].IndexOf((byte)'E') is >= 0 and var exponent)
        {
            destination[exponent] = (byte)'e';
            return length;
        }
        var point = destination[..length].IndexOf((byte)'.');
        if (Math.Abs(value) < 1e6)
            return point >= 0 ? length : length + Copy(".0"u8, destination[length..]);
        if (point >= 0)
            destination[(point + 1)..length--].CopyTo(destination[point..]);
        else
            point = length;
        // All digits without a point: it goes behind the first one.
        var first = value < 0 ? 1 : 0;
        length = destination[..length].TrimEnd((byte)'0').Length;
        if (length > first + 1)
        {
            destination[(first + 1)..length++].CopyTo(destination[(first + 2)..]);
            destination[first + 1] = (byte)'.';
        }
        var power = point - first - 1; // 6 to 14
        length += Copy("e+"u8, destination[length..]);
        destination[length++] = (byte)('0' + power / 10);
        destination[length++] = (byte)('0' + power % 10);
        return length;
    }

    /// <summary>Writes a double as the Prometheus text format has it: Go's shortest <c>%g</c>, so <c>1</c> and not <c>1.0</c>.</summary>
    /// <inheritdoc cref="Format"/>
    public static int FormatAsText(double value, Span<byte> destination)
    {
        var written = Format(value, destination);
        return destination[..written].EndsWith(".0"u8) ? written - 2 : written;
    }

    /// <summary>One to six digits that <c>.0</c> makes canonical.</summary>
    private static bool IsShortInteger(ReadOnlySpan<byte> text) =>
        text.Length is >= 1 and <= 6 && (text[0] != (byte)'0' || text.Length == 1) && IsDigits(text);

    /// <summary>Recognises common canonical forms without parsing: <c>0.005</c>, <c>12.5</c>, <c>1e-05</c>, <c>+Inf</c>.</summary>
    private static bool IsCanonical(ReadOnlySpan<byte> text)
    {
        if (text.Length is < 3 or > 15)
            return false;
        if (text[^1] == (byte)'f')
            return text.SequenceEqual("+Inf"u8);
        if (text.Length > 4 && text[^4] == (byte)'e')
            return IsCanonicalExponent(text[^3..]) && IsCanonicalMantissa(text[..^4]);
        var point = text.IndexOf((byte)'.');
        if (point is < 1 or > 6 || point == text.Length - 1 || !IsDigits(text[..point]) || !IsDigits(text[(point + 1)..]))
            return false;
        if (text[0] == (byte)'0' && (point > 1 || text[(point + 1)..].StartsWith("0000"u8)))
            return false;
        return text[^1] != (byte)'0' || point == text.Length - 2;
    }

    /// <summary><c>-05</c> and less, <c>+06</c> and more.</summary>
    private static bool IsCanonicalExponent(ReadOnlySpan<byte> exponent) =>
        IsDigits(exponent[1..]) &&
        (exponent[0] == (byte)'-' ? exponent[1..].SequenceCompareTo("05"u8) >= 0
            : exponent[0] == (byte)'+' && exponent[1..].SequenceCompareTo("06"u8) >= 0);

    /// <summary><c>4</c>, <c>1.048576</c>: one digit that is not zero, and a fraction that does not end in one.</summary>
    private static bool IsCanonicalMantissa(ReadOnlySpan<byte> mantissa) =>
        mantissa[0] is >= (byte)'1' and <= (byte)'9' &&
        (mantissa.Length == 1 || (mantissa.Length > 2 && mantissa[1] == (byte)'.' && mantissa[^1] != (byte)'0' && IsDigits(mantissa[2..])));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsDigits(ReadOnlySpan<byte> text) => !text.ContainsAnyExceptInRange((byte)'0', (byte)'9');

    private static bool TryParseName(ReadOnlySpan<byte> text, out double value)
    {
        var negative = text[0] == (byte)'-';
        var name = text[0] is (byte)'+' or (byte)'-' ? text[1..] : text;
        if (Is(name, "inf"u8) || Is(name, "infinity"u8))
        {
            value = negative ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }
        value = NormalNaN;
        return name.Length == text.Length && Is(name, "nan"u8);
    }

    private static bool Is(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lowerCase)
    {
        if (text.Length != lowerCase.Length)
            return false;
        for (var i = 0; i < text.Length; i++)
        {
            if ((text[i] | 0x20) != lowerCase[i])
                return false;
        }
        return true;
    }

    private static int Copy(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        source.CopyTo(destination);
        return source.Length;
    }
}
