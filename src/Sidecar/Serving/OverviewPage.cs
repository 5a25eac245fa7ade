using System.Buffers;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>The page for people: the judgement first, without script, at most <see cref="MostBytes"/>, made for each request.</summary>
internal static partial class OverviewPage
{
    public const int MostBytes = 40_000;

    /// <summary>Kept free of targets, for the configuration behind them.</summary>
    private const int ConfigurationBytes = 12_000;

    /// <summary>Kept free for what closes a table and its section.</summary>
    public const int SectionEndBytes = 400;

    /// <summary>Kept free for what closes the page.</summary>
    private const int PageEndBytes = 300;

    /// <summary>Characters of one label set, error or value.</summary>
    public const int LongText = 400;

    /// <param name="reloads">Whether it reloads itself; a page to read or copy from, or for a screen reader, had better not.</param>
    /// <param name="showsDefaults">Settings that nobody set are unfolded, and stay so while it reloads.</param>
    public static HttpAnswer Answer(Overview overview, bool reloads, bool showsDefaults = false)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(MostBytes);
        var html = new HtmlWriter(buffer, MostBytes);
        Head(html, overview, reloads, showsDefaults);
        Verdict(html, overview);
        OverviewCards.Write(html, overview);
        Plot.WriteAll(html, overview.History);
        html.Limit = MostBytes - ConfigurationBytes;
        TargetTable.Write(html, overview);
        Changes(html, overview);
        html.Limit = MostBytes - PageEndBytes;
        Configuration(html, overview, isLink: reloads && !showsDefaults, showsDefaults);
        html.Limit = MostBytes;
        html.Markup("""
            <footer><a href="/metrics">Own metrics</a><a href="/api/v1/targets">Targets as JSON</a><a href="/-/ready">Ready?</a><a
             href="/-/healthy">Healthy?</a></footer></main></body></html>

            """u8);
        return new HttpAnswer(200, "text/html; charset=utf-8", buffer.AsMemory(0, html.Length), Rented: buffer);
    }

    private static void Head(HtmlWriter html, Overview overview, bool reloads, bool showsDefaults)
    {
        var seconds = Math.Clamp((long)overview.ScrapeInterval.TotalSeconds, 5, 60);
        html.Markup("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>"u8).Text(overview.Judgement.Sentence, 80)
            .Markup(" – Sidecar</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"u8)
            .Markup("<meta name=\"color-scheme\" content=\"light dark\">"u8);
        if (reloads)
            html.Markup("<meta http-equiv=\"refresh\" content=\""u8).Plain(seconds).Markup("\">"u8);
        html.Markup("<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"u8)
            .Markup("%3Ccircle cx='4' cy='4' r='3' fill='%23"u8)
            .Markup(overview.Judgement.Level switch { Level.Good => "1a7f46"u8, Level.Warning => "c98500"u8, _ => "d1323a"u8 })
            .Markup("'/%3E%3C/svg%3E\"><style>"u8).Markup(Style).Markup("</style></head><body><main><header><h1>Sidecar</h1><p>"u8)
            .Text(Metrics.Version).Markup(" · running for "u8).Duration(Whole(overview.Now - overview.Facts.Started));
        if (overview.Leader is { } leader)
            html.Markup(" · "u8).Text(leader, 200);
        html.Markup("</p><p>"u8).Text(overview.Now.UtcDateTime.ToString("HH:mm:ss", null)).Markup(" UTC · "u8);
        if (reloads)
            html.Markup("reloads every "u8).Plain(seconds).Markup(" s · <a href=\"/targets\">hold</a>"u8);
        else
            html.Markup("held · <a href=\"/targets\">reload</a> · <a href=\"/\">live</a>"u8);
        html.Markup("</p></header>"u8);
    }

    /// <summary>The judgement: all in a sentence, and of each condition since when, until when, why, and what to do.</summary>
    private static void Verdict(HtmlWriter html, Overview overview)
    {
        var judgement = overview.Judgement;
        html.Markup("<section class=\"verdict "u8).Markup(OverviewCards.Class(judgement.Level)).Markup("\"><p role=\"status\">"u8)
            .Text(judgement.Sentence, LongText).Markup("</p>"u8);
        foreach (var finding in judgement.Findings)
        {
            if (finding.Condition == Condition.Starting)
                continue;
            var start = html.Length;
            html.Markup("<div class=\"why "u8).Markup(OverviewCards.Class(finding.Level)).Markup("\">"u8);
            if (judgement.Findings.Length > 1)
                html.Markup("<h3>"u8).Text(finding.Sentence, LongText).Markup("</h3>"u8);
            if (finding.When(overview.Now) is { } when)
                html.Markup("<p>"u8).Text(when).Markup("</p>"u8);
            if (finding.Fact is { } fact)
                html.Markup("<p class=\"error\">"u8).Text(fact, LongText).Markup("</p>"u8);
            if (finding.Cause is { } cause)
                html.Markup("<p><i>cause</i> "u8).Text(cause, LongText).Markup("</p>"u8);
            html.Markup("<p><i>remedy</i> "u8).Text(finding.Remedy, LongText).Markup("</p></div>"u8);
            html.Keep(start);
        }
        html.Markup("</section>"u8);
    }

    private static void Changes(HtmlWriter html, Overview overview)
    {
        if (overview.Facts.Changes.IsEmpty)
            return;
        var start = html.Length;
        html.Markup("<section class=\"card\" id=\"changes\"><h2>Last changes of targets</h2><table>"u8);
        foreach (var change in overview.Facts.Changes)
        {
            html.Markup("<tr><th scope=\"row\">"u8).Ago(Quantities.Rough(overview.Now - change.At)).Markup("<td>"u8);
            if (change.Gone > 0)
                html.Integer(change.Gone).Markup(" gone "u8);
            if (change.Added > 0)
                html.Integer(change.Added).Markup(" new "u8);
            html.Markup("<code>"u8).Text(change.Names, 200).Markup("</code><td>"u8).Count(change.Count, "target"u8);
        }
        html.Markup("</table></section>"u8);
        html.Keep(start);
    }

    /// <param name="isLink">Defaults are behind a link: what is unfolded in a page that reloads would fold itself.</param>
    private static void Configuration(HtmlWriter html, Overview overview, bool isLink, bool showsDefaults)
    {
        html.Markup("<section class=\"card\" id=\"configuration\"><h2>Configuration</h2>"u8);
        var left = 0;
        Settings(html, overview, isFromEnvironment: true, ref left);
        if (isLink)
            html.Markup("<p><a href=\"/defaults\">Defaults in effect</a></p>"u8);
        else
        {
            html.Markup(showsDefaults ? "<details open>"u8 : "<details>"u8).Markup("<summary>Defaults in effect</summary>"u8);
            Settings(html, overview, isFromEnvironment: false, ref left);
            html.Markup("</details>"u8);
        }
        if (left > 0)
            html.Markup("<p class=\"none\">"u8).Count(left, "variable"u8)
                .Markup(" not shown; <code>sidecar config</code> prints all.</p>"u8);
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
            html.Markup("<tr><th scope=\"row\">"u8).Text(setting.Name).Markup("<td>"u8).Text(setting.Value, LongText);
            if (!html.Keep(start))
                left++;
        }
        html.Limit += SectionEndBytes;
        html.Markup("</table>"u8);
    }

    private static TimeSpan Whole(TimeSpan duration) => TimeSpan.FromSeconds((long)duration.TotalSeconds);
}
