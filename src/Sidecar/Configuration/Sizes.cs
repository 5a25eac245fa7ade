using System.Buffers;
using System.Globalization;

namespace Sidecar.Configuration;

/// <summary>
/// Prometheus's sizes (alecthomas/units, Base2Bytes): <c>16MB</c> and <c>16MiB</c> are both 16·1024² bytes; parts add up
/// (<c>1GiB512MiB</c>) and may have fractions (<c>1.5MB</c>). Kubernetes's own <c>16Mi</c> is taken too.
/// </summary>
internal static class Sizes
{
    private const string Prefixes = "KMGTPE";

    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    /// <summary>size = "0" | 1*( number unit ), where the units are all of the kind KiB, KB or Ki; B belongs to the first two.</summary>
    public static Parsed<long> Parse(string text)
    {
        if (text.StartsWith('-'))
            return new Wrong("a size below zero");
        var digits = text.StartsWith('+') ? text.AsSpan(1) : text;
        if (digits.SequenceEqual("0"))
            return 0;

        var bytes = Sum(digits, "iB") ?? Sum(digits, "B") ?? Sum(digits, "i");
        return bytes switch
        {
            null => new Wrong("not a size (a number with the unit B, KB, MB, GB, TB or KiB, MiB, GiB, TiB or Ki, Mi, Gi, Ti)",
                long.TryParse(digits, NumberStyles.None, null, out var plain) ? $"it wants a unit: did you mean {Format(plain)}?"
                    : Meant(digits) is { } meant ? $"did you mean {meant}?" : null),
            >= 9223372036854775808.0 => new Wrong("a size out of range"),
            _ => (long)bytes.Value,
        };
    }

    public static Func<string, Parsed<long>> AtLeast(long least) => text =>
    {
        var parsed = Parse(text);
        return parsed.Problem is null && parsed.Value < least ? new Wrong($"smaller than the least possible, {Format(least)}") : parsed;
    };

    /// <summary>In the largest unit that leaves no remainder: <c>8MiB</c>.</summary>
    public static string Format(long bytes)
    {
        var unit = -1;
        while (bytes != 0 && bytes % 1024 == 0 && unit < Prefixes.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }
        return unit < 0 ? $"{bytes}B" : $"{bytes}{Prefixes[unit]}iB";
    }

    /// <summary>What is a size but for capitals and a missing B: <c>8Mb</c>, <c>16M</c>.</summary>
    private static string? Meant(ReadOnlySpan<char> text)
    {
        var meant = text.ToString().ToUpperInvariant().Replace("IB", "iB", StringComparison.Ordinal);
        if (!meant.EndsWith('B'))
            meant += "B";
        return Sum(meant, "iB") is null && Sum(meant, "B") is null ? null : meant;
    }

    private static double? Sum(ReadOnlySpan<char> rest, string suffix)
    {
        if (rest.IsEmpty)
            return null;
        var sum = 0.0;
        while (!rest.IsEmpty)
        {
            var length = rest.IndexOfAnyExcept(NumberCharacters);
            if (length <= 0 || !TryNumber(rest[..length], out var number))
                return null;
            rest = rest[length..];
            var unitLength = rest.IndexOfAny(NumberCharacters);
            var unit = unitLength < 0 ? rest : rest[..unitLength];
            if (Scale(unit, suffix) is not { } scale)
                return null;
            sum += number * scale;
            rest = rest[unit.Length..];
        }
        return sum;
    }

    // Digits with at most one point among them; at least one digit.
    private static bool TryNumber(ReadOnlySpan<char> text, out double number)
    {
        number = 0;
        return text.Count('.') <= 1 && text.Length > text.Count('.')
            && double.TryParse(Encoding.UTF8.GetBytes(text.ToArray()), NumberStyles.AllowDecimalPoint, null, out number);
    }

    private static double? Scale(ReadOnlySpan<char> unit, string suffix)
    {
        if (unit is "B" && suffix != "i")
            return 1;
        if (unit.Length != suffix.Length + 1 || !unit[1..].SequenceEqual(suffix))
            return null;
        var power = Prefixes.IndexOf(unit[0]);
        return power < 0 ? null : Math.Pow(1024, power + 1);
    }
}
