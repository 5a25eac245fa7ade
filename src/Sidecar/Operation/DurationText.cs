using System.Globalization;

namespace Sidecar.Operation;

/// <summary>Durations in Prometheus's two notations.</summary>
internal static class DurationText
{
    /// <summary>
    /// As its logs and the labels of its own metrics show them (Go's notation): <c>250ms</c>, <c>1.5s</c>, <c>1m30s</c>, <c>2h0m0s</c>.
    /// Exact to the millisecond, to the microsecond below one second.
    /// </summary>
    public static string Format(TimeSpan duration)
    {
        if (duration < TimeSpan.Zero)
            return duration == TimeSpan.MinValue ? "-" + Format(TimeSpan.MaxValue) : "-" + Format(-duration);
        if (duration == TimeSpan.Zero)
            return "0s";
        if (duration < TimeSpan.FromSeconds(1))
            return string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:0.###}ms");

        var milliseconds = (long)Math.Round(duration.TotalMilliseconds);
        var hours = milliseconds / 3_600_000;
        var minutes = milliseconds / 60_000 % 60;
        var seconds = milliseconds % 60_000 / 1000m;
        if (hours > 0)
            return string.Create(CultureInfo.InvariantCulture, $"{hours}h{minutes}m{seconds:0.###}s");
        return minutes > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{minutes}m{seconds:0.###}s")
            : string.Create(CultureInfo.InvariantCulture, $"{seconds:0.###}s");
    }

    /// <summary>As its configuration and API write them, whole units only: <c>15s</c>, <c>1m</c>, <c>1s500ms</c>.</summary>
    public static string FormatConfigured(TimeSpan duration)
    {
        var rest = (long)duration.TotalMilliseconds;
        if (rest <= 0)
            return "0s";
        var text = "";
        foreach (var (unit, length) in ((string, long)[])[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)])
        {
            if (rest >= length)
                text += string.Create(CultureInfo.InvariantCulture, $"{rest / length}{unit}");
            rest %= length;
        }
        return text;
    }
}
