namespace Sidecar.Configuration;

/// <summary>Prometheus's durations: <c>15s</c>, <c>1m30s</c>, <c>0</c> (prometheus/common model/time.go).</summary>
internal static class Durations
{
    /// <summary>Timers of the runtime take at most 49 days, and two intervals plus a tenth must fit.</summary>
    public static readonly TimeSpan MostForTimers = TimeSpan.FromDays(21);

    // Prometheus counts in signed 64-bit nanoseconds; past this many milliseconds it says "out of range".
    private const ulong MostMilliseconds = long.MaxValue / 1_000_000;

    private static readonly (string Unit, ulong Milliseconds)[] Units =
    [
        ("y", 365UL * 24 * 60 * 60 * 1000),
        ("w", 7UL * 24 * 60 * 60 * 1000),
        ("d", 24UL * 60 * 60 * 1000),
        ("h", 60UL * 60 * 1000),
        ("m", 60UL * 1000),
        ("s", 1000),
        ("ms", 1),
    ];

    /// <summary>duration = "0" | 1*( 1*DIGIT unit ), units from the largest to the smallest and each at most once.</summary>
    public static Parsed<TimeSpan> Parse(string text)
    {
        if (text == "0")
            return TimeSpan.Zero;

        var rest = text.AsSpan();
        var total = 0UL;
        var nextUnit = 0;
        if (rest.IsEmpty)
            return NotADuration(text);
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits <= 0)
                return NotADuration(text);
            var unitLength = rest[digits..].IndexOfAnyInRange('0', '9');
            var unit = unitLength < 0 ? rest[digits..] : rest.Slice(digits, unitLength);
            var index = IndexOfUnit(unit);
            if (index < 0)
                return NotADuration(text);
            if (index < nextUnit)
                return new Wrong("units of a duration go from the largest to the smallest, each once");
            nextUnit = index + 1;

            if (!ulong.TryParse(rest[..digits], out var count) || count > MostMilliseconds / Units[index].Milliseconds)
                return TooLong;
            total += count * Units[index].Milliseconds;
            if (total > MostMilliseconds)
                return TooLong;
            rest = rest[(digits + unit.Length)..];
        }
        return TimeSpan.FromMilliseconds((long)total);
    }

    private static Wrong NotADuration(string text) => new(
        "not a duration (numbers with the units y, w, d, h, m, s, ms; no spaces, no fractions)",
        text.Length is > 0 and < 7 && text.All(char.IsAsciiDigit) ? $"it wants a unit: did you mean {text}s?" : null);

    /// <summary>A parser that also holds the value within bounds, both included.</summary>
    public static Func<string, Parsed<TimeSpan>> Within(TimeSpan least, TimeSpan most) => text =>
    {
        var parsed = Parse(text);
        if (parsed.Problem is not null)
            return parsed;
        if (parsed.Value < least)
            return new Wrong($"shorter than the least possible, {Format(least)}");
        return parsed.Value > most ? new Wrong($"longer than the most possible, {Format(most)}") : parsed;
    };

    /// <summary>As Prometheus prints it: years and weeks only where nothing remains, so 90d and not 12w6d.</summary>
    public static string Format(TimeSpan duration)
    {
        var milliseconds = (ulong)(duration.Ticks / TimeSpan.TicksPerMillisecond);
        if (milliseconds == 0)
            return "0s";
        var text = new StringBuilder();
        foreach (var (unit, length) in Units)
        {
            var count = milliseconds / length;
            if (count == 0 || (unit is "y" or "w" && milliseconds % length != 0))
                continue;
            text.Append(count).Append(unit);
            milliseconds -= count * length;
        }
        return text.ToString();
    }

    private static Wrong TooLong => new("a duration out of range");

    private static int IndexOfUnit(ReadOnlySpan<char> unit)
    {
        for (var i = 0; i < Units.Length; i++)
            if (unit.SequenceEqual(Units[i].Unit))
                return i;
        return -1;
    }
}
