using System.Numerics;
using Sidecar.Scraping;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>
/// A series of up to an hour as SVG, one path from zero to the highest point, in relative steps: half a kilobyte. It begins and ends
/// outside the view, so that its outline shows as a line over an area.
/// </summary>
internal static class Plot
{
    private const ulong Mask = (1ul << UpDown.Minutes) - 1;

    private const int Height = 100;

    /// <summary>Points that the width has room for at least, so that the first few do not look like many.</summary>
    private const int FewestPoints = 30;

    /// <summary>Room for half the line's width above the highest point.</summary>
    private const int Top = 4;

    /// <summary>A card for each series of the history.</summary>
    public static void WriteAll(HtmlWriter html, History history)
    {
        html.Markup("<div class=\"plots\">"u8);
        Card(html, history, HistorySeries.Samples, "Samples sent"u8, (h, v) => h.Digits(v).Markup("/s"u8));
        Card(html, history, HistorySeries.Bytes, "Bytes sent"u8, (h, v) => h.Bytes(v).Markup("/s"u8));
        Card(html, history, HistorySeries.Memory, "Memory"u8, (h, v) => h.Bytes(v), ProcessMetrics.ResidentBytes);
        Card(html, history, HistorySeries.Cores, "Processor"u8, (h, v) => h.Digits(v * 100).Markup(" %"u8));
        html.Markup("</div>"u8);
    }

    /// <param name="measured">The figure of this moment, where there is a better one than the last points.</param>
    private static void Card(
        HtmlWriter html, History history, HistorySeries series, ReadOnlySpan<byte> name, Action<HtmlWriter, double> figure,
        double? measured = null)
    {
        Span<float> points = stackalloc float[History.Points];
        points = points[..history.Read(series, points)];
        html.Markup("<section class=\"card\"><h2>"u8).Markup(name).Markup("</h2><b>"u8);
        if (points.IsEmpty)
        {
            if (measured is { } value)
                figure(html, value);
            else
                html.Markup("–"u8);
            html.Markup("</b><p class=\"none\">The first point comes "u8).Duration(history.Step)
                .Markup(" after the start.</p></section>"u8);
            return;
        }
        var now = measured ?? history.Now(points);
        var highest = (float)now;
        foreach (var point in points)
            highest = Math.Max(highest, point);
        figure(html, now);
        html.Markup("</b><small>highest "u8);
        figure(html, highest);
        html.Markup("</small>"u8);
        var width = Write(html, points, name, figure, highest, now, history.Step * points.Length);
        html.Markup("<p class=\"axis\"><span>"u8).Ago(history.Step * width).Markup("</span><span>now</span></p></section>"u8);
    }

    /// <param name="points">Oldest first; the last one stands at the right edge.</param>
    /// <param name="figure">Writes one value with its unit.</param>
    /// <param name="span">The time that the points cover.</param>
    /// <returns>The width, in points.</returns>
    private static int Write(
        HtmlWriter html, ReadOnlySpan<float> points, ReadOnlySpan<byte> name, Action<HtmlWriter, double> figure, float highest, double now,
        TimeSpan span)
    {
        var width = Math.Max(points.Length, FewestPoints);
        html.Markup("<svg viewBox=\"0 0 "u8).Plain(width - 1).Markup(" 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\""u8)
            .Markup(name)
            .Markup(" over the last "u8).Duration(span).Markup(": now "u8);
        figure(html, now);
        html.Markup(", highest "u8);
        figure(html, highest);
        html.Markup("\"><path d=\"M"u8);
        // What fills the view begins left of it; what does not rises from the ground where it begins.
        var isFull = points.Length == width;
        var x = width - points.Length - (isFull ? 2 : 0);
        html.Plain(x).Markup(","u8).Plain(Height + Top).Markup("V"u8).Plain(Y(points[0], highest)).Markup("l"u8);
        var y = Y(points[0], highest);
        if (isFull)
            html.Markup("2,0 "u8);
        for (var i = 1; i < points.Length; i++)
        {
            var next = Y(points[i], highest);
            html.Markup(next < y ? "1"u8 : "1,"u8).Plain(next - y).Markup(" "u8);
            y = next;
        }
        html.Markup("3,0V"u8).Plain(Height + Top).Markup("\"/></svg>"u8);
        return width;
    }

    /// <summary>Up and down over the last hour: a bar of its minutes, the newest at the right.</summary>
    public static void Strip(HtmlWriter html, UpDown hour)
    {
        html.Markup("<svg class=\"strip\" viewBox=\"0 0 60 1\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"failed in "u8)
            .Plain(BitOperations.PopCount(hour.Down & Mask)).Markup(" of "u8)
            .Plain(BitOperations.PopCount(hour.Scraped & Mask)).Markup(" minutes\">"u8);
        Runs(html, "<path class=\"up\" d=\""u8, hour.Scraped & ~hour.Down & Mask);
        Runs(html, "<path class=\"down\" d=\""u8, hour.Down & Mask);
        html.Markup("</svg>"u8);
    }

    private static void Runs(HtmlWriter html, ReadOnlySpan<byte> path, ulong minutes)
    {
        if (minutes == 0)
            return;
        html.Markup(path);
        while (minutes != 0)
        {
            // From the oldest, which is the highest bit, to the newest.
            var high = BitOperations.Log2(minutes);
            var length = BitOperations.LeadingZeroCount(~(minutes << (63 - high)));
            html.Markup("M"u8).Plain(UpDown.Minutes - 1 - high).Markup(",.5h"u8).Plain(length);
            minutes &= (1ul << (high - length + 1)) - 1;
        }
        html.Markup("\"/>"u8);
    }

    private static int Y(float value, float highest) =>
        highest <= 0 ? Height - 1 : Height - (int)Math.Round((Height - Top) * Math.Max(0, value) / highest);
}
