using System.Buffers;
using System.Text;
using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>
/// The page for people: one response without script, of at most <see cref="MostBytes"/>, made anew for each request. What is wrong stands
/// first; what does not fit is counted.
/// </summary>
internal static partial class OverviewPage
{
    public const int MostBytes = 30_000;

    /// <summary>Kept free of targets, for the configuration behind them.</summary>
    private const int ConfigurationBytes = 11_000;

    /// <summary>Kept free for what closes a table and its section.</summary>
    private const int SectionEndBytes = 400;

    /// <summary>Kept free for what closes the page.</summary>
    private const int PageEndBytes = 300;

    /// <summary>Characters of one label set, error or value.</summary>
    private const int LongText = 400;

    /// <param name="overview">What it tells.</param>
    /// <param name="reloads">Whether it reloads itself; a page to read or copy from, or for a screen reader, had better not.</param>
    public static HttpAnswer Answer(Overview overview, bool reloads)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(MostBytes);
        var html = new HtmlWriter(buffer, MostBytes);
        var verdict = Verdict.Of(overview);
        Head(html, overview, verdict, reloads);
        Flow(html, overview);
        Plots(html, overview);
        html.Limit = MostBytes - ConfigurationBytes;
        Targets(html, overview);
        html.Limit = MostBytes - PageEndBytes;
        Configuration(html, overview);
        html.Limit = MostBytes;
        html.Markup("""
            <footer><a href="/metrics">Own metrics</a><a href="/api/v1/targets">Targets as JSON</a><a href="/-/ready">Ready?</a><a
             href="/-/healthy">Healthy?</a></footer></main></body></html>

            """u8);
        return new HttpAnswer(200, "text/html; charset=utf-8", buffer.AsMemory(0, html.Length), Rented: buffer);
    }

    private static void Head(HtmlWriter html, Overview overview, Verdict verdict, bool reloads)
    {
        var seconds = Math.Clamp((long)overview.ScrapeInterval.TotalSeconds, 5, 60);
        html.Markup("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>"u8).Text(verdict.Sentence, 80)
            .Markup(" – Sidecar</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"u8)
            .Markup("<meta name=\"color-scheme\" content=\"light dark\">"u8);
        if (reloads)
            html.Markup("<meta http-equiv=\"refresh\" content=\""u8).Plain(seconds).Markup("\">"u8);
        html.Markup("<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"u8)
            .Markup("%3Ccircle cx='4' cy='4' r='3' fill='%23"u8)
            .Markup(verdict.Level switch { Level.Good => "1a7f46"u8, Level.Warning => "c98500"u8, _ => "d1323a"u8 })
            .Markup("'/%3E%3C/svg%3E\"><style>"u8).Markup(Style).Markup("</style></head><body><main><header><h1>Sidecar</h1><p>"u8)
            .Text(Metrics.Version).Markup(" · running for "u8).Duration(Whole(overview.Now - overview.Started)).Markup("</p><p>"u8)
            .Text(overview.Now.UtcDateTime.ToString("HH:mm:ss", null)).Markup(" UTC · "u8);
        if (reloads)
            html.Markup("reloads every "u8).Plain(seconds).Markup(" s · <a href=\"/targets\">hold</a>"u8);
        else
            html.Markup("held · <a href=\"/targets\">reload</a> · <a href=\"/\">live</a>"u8);
        html.Markup("</p></header><p role=\"status\" class=\"verdict "u8).Markup(Class(verdict.Level)).Markup("\">"u8)
            .Text(verdict.Sentence, LongText).Markup("</p>"u8);
    }

    /// <summary>From where it comes to where it goes: targets, queue, receiver.</summary>
    private static void Flow(HtmlWriter html, Overview overview)
    {
        html.Markup("<div class=\"flow\">"u8);
        var (up, down) = Verdict.Count(overview.Targets);
        Card(html, "Targets"u8, Verdict.OfTargets(overview).Level);
        if (!overview.AreTargetsKnown)
            html.Markup("<b>Unknown</b><p>The API server has given no list yet."u8);
        else if (overview.Targets.Count == 0)
            html.Markup("<b>None</b><p>Discovery finds nothing to scrape."u8);
        else
        {
            html.Markup("<b>"u8).Integer(up).Markup(" of "u8).Integer(overview.Targets.Count).Markup(" up</b><p>"u8);
            html.Markup("scraped every "u8).Duration(overview.ScrapeInterval);
            if (down > 0)
                html.Markup("</p><p class=\"error\">"u8).Integer(down).Markup(down == 1 ? " fails"u8 : " fail"u8);
        }
        if (overview.DiscoveryError is { } reason)
            html.Markup("</p><p class=\"error\">Discovery: "u8).Text(reason, 240);
        html.Markup("</p></section>"u8);

        Queue(html, overview);

        Card(html, "Receiver"u8, Verdict.OfReceiver(overview).Level);
        var metrics = overview.Metrics;
        var newest = metrics.QueueHighestSentTimestampSeconds.Value;
        if (overview.ReceiverError is { } error)
            html.Markup("<b>Does not accept</b><p class=\"error\">"u8).Text(error, 240).Markup("</p>"u8);
        else if (newest <= 0)
            html.Markup("<b>Nothing sent yet</b>"u8);
        else
            html.Markup("<b>Accepts</b>"u8);
        html.Markup("<p>"u8);
        if (newest > 0)
        {
            html.Markup("It has all up to "u8).Ago(overview.Now - DateTimeOffset.FromUnixTimeMilliseconds((long)(newest * 1000)))
                .Markup(": "u8).Count(metrics.SamplesAccepted.Value, "sample"u8).Markup(".<br>"u8);
        }
        html.Markup("<code>"u8).Text(overview.ReceiverUrl, 120).Markup("</code></p></section></div>"u8);
    }

    private static void Queue(HtmlWriter html, Overview overview)
    {
        var metrics = overview.Metrics;
        var (scrapes, bytes) = ((long)metrics.QueueScrapes.Value, metrics.QueueBytes.Value);
        var oldest = metrics.QueueOldestTimestampSeconds.Value;
        var share = overview.QueueLimit > 0 ? Math.Clamp(bytes / overview.QueueLimit, 0, 1) : 0;
        Card(html, "Queue"u8, overview.IsDropping ? Level.Bad : share > 0.5 ? Level.Warning : Level.Good);
        if (scrapes == 0)
            html.Markup("<b>Empty</b>"u8);
        else
            html.Markup("<b>"u8).Count(scrapes, "scrape"u8).Markup("</b>"u8);
        html.Markup("<div class=\"bar\"><i style=\"width:"u8).Fixed(share * 100, 1).Markup("%\"></i></div><p>"u8)
            .Bytes(bytes).Markup(" of "u8).Bytes(overview.QueueLimit);
        if (oldest > 0)
            html.Markup(", oldest "u8).Ago(overview.Now - DateTimeOffset.FromUnixTimeMilliseconds((long)(oldest * 1000)));
        var dropped = metrics.QueueDroppedScrapes[DropReason.QueueSize] + metrics.QueueDroppedScrapes[DropReason.QueueAge]
            + metrics.QueueDroppedScrapes[DropReason.Damaged];
        if (dropped > 0)
            html.Markup("</p><p class=\"error\">"u8).Count(dropped, "scrape"u8).Markup(" dropped since the start"u8);
        if (metrics.SamplesDroppedTotal[DropReason.Rejected] is > 0 and var rejected)
            html.Markup("</p><p class=\"error\">"u8).Count(rejected, "sample"u8).Markup(" refused by the receiver since the start"u8);
        html.Markup("</p></section>"u8);
    }

    private static void Card(HtmlWriter html, ReadOnlySpan<byte> title, Level level) =>
        html.Markup("<section class=\"card "u8).Markup(Class(level)).Markup("\"><h2>"u8).Markup(title).Markup("</h2>"u8);

    private static void Plots(HtmlWriter html, Overview overview)
    {
        html.Markup("<div class=\"plots\">"u8);
        var history = overview.History;
        OneSeries(html, history, HistorySeries.Samples, "Samples sent"u8, (h, v) => h.Digits(v).Markup("/s"u8));
        OneSeries(html, history, HistorySeries.Bytes, "Bytes sent"u8, (h, v) => h.Bytes(v).Markup("/s"u8));
        OneSeries(html, history, HistorySeries.Memory, "Memory"u8, (h, v) => h.Bytes(v), ProcessMetrics.ResidentBytes);
        OneSeries(html, history, HistorySeries.Cores, "Processor"u8, (h, v) => h.Digits(v * 100).Markup(" %"u8));
        html.Markup("</div>"u8);
    }

    /// <param name="measured">The figure of this moment, where there is a better one than the last points.</param>
    private static void OneSeries(
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
        var highest = 0f;
        foreach (var point in points)
            highest = Math.Max(highest, point);
        var now = measured ?? history.Now(points);
        figure(html, now);
        html.Markup("</b><small>highest "u8);
        figure(html, highest);
        html.Markup("</small>"u8);
        var width = Plot.Write(html, points, name, figure, highest, now, history.Step * points.Length);
        html.Markup("<p class=\"axis\"><span>"u8).Ago(history.Step * width).Markup("</span><span>now</span></p></section>"u8);
    }

    private static void Targets(HtmlWriter html, Overview overview)
    {
        html.Markup("<section class=\"card\" id=\"targets\"><h2>Last scrapes</h2>"u8);
        var left = overview.Targets.Count;
        if (left == 0)
        {
            html.Markup("<p class=\"none\">"u8).Text(Verdict.OfTargets(overview).Sentence).Markup(" The log tells more.</p></section>"u8);
            return;
        }
        html.Markup("<table><thead><tr><th>State<th>Target<th>Last scrape<th>Took<th>Samples<tbody>"u8);
        html.Limit -= SectionEndBytes;
        foreach (var health in (ReadOnlySpan<TargetHealth>)[TargetHealth.Down, TargetHealth.Unknown, TargetHealth.Up])
        {
            foreach (var target in overview.Targets)
            {
                if (target.Health != health)
                    continue;
                var start = html.Length;
                Target(html, overview, target);
                if (!html.Keep(start))
                    goto Full;
                left--;
            }
        }
    Full:
        html.Limit += SectionEndBytes;
        html.Markup("</table>"u8);
        if (left > 0)
        {
            html.Markup("<p class=\"none\">And "u8).Count(left, "target"u8)
                .Markup(" more; <a href=\"/api/v1/targets\">/api/v1/targets</a> has all.</p>"u8);
        }
        html.Markup("</section>"u8);
    }

    private static void Target(HtmlWriter html, Overview overview, TargetStatus target)
    {
        html.Markup(target.Health switch
        {
            TargetHealth.Up => "<tr class=\"good\"><td><b>Up</b><td>"u8,
            TargetHealth.Down => "<tr class=\"bad\"><td><b>Fails</b><td>"u8,
            _ => "<tr class=\"odd\"><td><b>Waits</b><td>"u8,
        });
        html.Markup("<code>"u8).Text(Failures.Show(target.Target.Url), LongText).Markup("</code>"u8);
        var labels = 0;
        foreach (var (name, value) in target.Target.Labels)
        {
            // What the address and the heading say already.
            if ((name == "instance" && value == target.Target.Url.Authority) || (name == "job" && value == target.ScrapePool))
                continue;
            if (labels++ == 0)
                html.Markup("<small>"u8);
            html.Text(name, 100).Markup("="u8).Text(value, 100).Markup(" "u8);
            if (labels == 12)
                break;
        }
        if (labels > 0)
            html.Markup("</small>"u8);
        if (target.LastError.Length > 0)
            html.Markup("<p class=\"error\">"u8).Text(target.LastError, LongText).Markup("</p>"u8);
        if (target.LastScrape is { } last)
        {
            html.Markup("<td>"u8).Ago(overview.Now - last).Markup("<td>"u8).Duration(target.LastScrapeDuration)
                .Markup("<td>"u8).Integer(target.Samples);
        }
        else
            html.Markup("<td>not yet<td>–<td>–"u8);
    }

    private static void Configuration(HtmlWriter html, Overview overview)
    {
        html.Markup("<section class=\"card\" id=\"configuration\"><h2>Configuration</h2>"u8);
        var left = 0;
        Settings(html, overview, isFromEnvironment: true, ref left);
        html.Markup("<details><summary>Defaults in effect</summary>"u8);
        Settings(html, overview, isFromEnvironment: false, ref left);
        html.Markup("</details>"u8);
        if (left > 0)
        {
            html.Markup("<p class=\"none\">"u8).Count(left, "variable"u8)
                .Markup(" not shown; <code>sidecar config</code> prints all.</p>"u8);
        }
        html.Markup("</section>"u8);
    }

    private static void Settings(HtmlWriter html, Overview overview, bool isFromEnvironment, ref int left)
    {
        html.Markup("<table>"u8);
        html.Limit -= SectionEndBytes;
        foreach (var setting in overview.Settings)
        {
            if (setting.IsFromEnvironment != isFromEnvironment || (!isFromEnvironment && setting.Value.Length == 0))
                continue;
            var start = html.Length;
            html.Markup("<tr><th scope=\"row\">"u8).Text(setting.Variable.Name).Markup("<td>"u8).Text(setting.Value, LongText);
            if (!html.Keep(start))
                left++;
        }
        html.Limit += SectionEndBytes;
        html.Markup("</table>"u8);
    }

    private static TimeSpan Whole(TimeSpan duration) => TimeSpan.FromSeconds((long)duration.TotalSeconds);

    private static ReadOnlySpan<byte> Class(Level level) => level switch { Level.Good => "good"u8, Level.Warning => "odd"u8, _ => "bad"u8 };
}
