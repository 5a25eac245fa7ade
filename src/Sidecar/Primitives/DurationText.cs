using System.Globalization;

namespace Sidecar.Primitives;

/// <summary>Durations as Prometheus logs them; the way they are configured is that of <c>Durations</c>.</summary>
internal static class DurationText
{
    /// <summary>In Go's notation, as Prometheus logs it: <c>250ms</c>, <c>1m30s</c>, <c>2h0m0s</c>; to the millisecond or better.</summary>
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
}
