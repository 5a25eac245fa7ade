namespace Sidecar.Serving;

/// <summary>Figures with their units, as people read them: three digits, and the unit that suits.</summary>
internal static class Quantities
{
    private const double Kibi = 1024;

    /// <summary>0, 0.04, 3.42, 8, 18.4, 312, 7,504.</summary>
    public static HtmlWriter Digits(this HtmlWriter html, double value) => value switch
    {
        < 0.005 => html.Markup("0"u8),
        < 99.95 when Math.Abs(value - Math.Round(value)) < 1e-9 => html.Integer((long)Math.Round(value)),
        < 9.995 => html.Fixed(value, "F2"),
        < 99.95 => html.Fixed(value, "F1"),
        _ => html.Integer((long)Math.Round(value)),
    };

    /// <summary>640 B, 3.42 KiB, 18.4 MiB.</summary>
    public static HtmlWriter Bytes(this HtmlWriter html, double bytes) => bytes switch
    {
        < 999.5 => html.Integer((long)Math.Round(bytes)).Markup(" B"u8),
        < Kibi * 999.5 => html.Digits(bytes / Kibi).Markup(" KiB"u8),
        < Kibi * Kibi * 999.5 => html.Digits(bytes / Kibi / Kibi).Markup(" MiB"u8),
        _ => html.Digits(bytes / Kibi / Kibi / Kibi).Markup(" GiB"u8),
    };

    /// <summary>312 ms, 1.24 s, 45 s, 2 min 10 s, 3 h 5 min, 4 d 2 h.</summary>
    public static HtmlWriter Duration(this HtmlWriter html, TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        return seconds switch
        {
            < 0 => html.Markup("0 s"u8),
            < 1 => html.Integer((long)Math.Round(duration.TotalMilliseconds)).Markup(" ms"u8),
            < 10 when duration != TimeSpan.FromSeconds(seconds) => html.Digits(duration.TotalSeconds).Markup(" s"u8),
            < 60 => html.Integer(seconds).Markup(" s"u8),
            < 3600 => html.Two(seconds / 60, " min"u8, seconds % 60, " s"u8),
            < 86400 => html.Two(seconds / 3600, " h"u8, seconds / 60 % 60, " min"u8),
            _ => html.Two(seconds / 86400, " d"u8, seconds / 3600 % 24, " h"u8),
        };
    }

    /// <summary>A rough duration as <see cref="Duration"/> writes it, for a sentence.</summary>
    public static string Text(TimeSpan duration)
    {
        var buffer = new byte[48];
        var html = new HtmlWriter(buffer, buffer.Length);
        html.Duration(Rough(duration));
        return Encoding.UTF8.GetString(buffer, 0, html.Length);
    }

    /// <summary>No finer than people want it: whole seconds, from a minute on whole minutes, from a day on whole hours.</summary>
    public static TimeSpan Rough(TimeSpan duration) => duration.TotalSeconds switch
    {
        < 60 => TimeSpan.FromSeconds(Math.Max(1, (long)duration.TotalSeconds)),
        < 86400 => TimeSpan.FromMinutes((long)duration.TotalMinutes),
        _ => TimeSpan.FromHours((long)duration.TotalHours),
    };

    /// <summary>How long ago: just now, 4 s ago, 2 min 10 s ago.</summary>
    public static HtmlWriter Ago(this HtmlWriter html, TimeSpan age) =>
        age < TimeSpan.FromSeconds(1)
            ? html.Markup("just now"u8)
            : html.Duration(TimeSpan.FromSeconds((long)age.TotalSeconds)).Markup(" ago"u8);

    /// <summary>1 scrape, 2 scrapes.</summary>
    public static HtmlWriter Count(this HtmlWriter html, long count, ReadOnlySpan<byte> noun)
    {
        html.Integer(count).Markup(" "u8).Markup(noun);
        return count == 1 ? html : html.Markup("s"u8);
    }

    private static HtmlWriter Two(this HtmlWriter html, long large, ReadOnlySpan<byte> largeUnit, long small, ReadOnlySpan<byte> smallUnit)
    {
        html.Integer(large).Markup(largeUnit);
        return small == 0 ? html : html.Markup(" "u8).Integer(small).Markup(smallUnit);
    }
}
