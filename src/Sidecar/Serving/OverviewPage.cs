using System.Buffers;
using System.Text;
using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>
/// The page for people, which says what the judgement says: one response without script, of at most
/// <see cref="MostBytes"/>, made anew for each request. What is wrong stands
/// first; what does not fit is counted.
/// </summary>
internal static partial class OverviewPage
{
    public const int MostBytes = 40_000;

    /// <summary>Kept free of targets, for the configuration behind them.</summary>
    private const int ConfigurationBytes = 12_000;

    /// <summary>Kept free for what closes a table and its section.</summary>
    private const int SectionEndBytes = 400;

    /// <summary>Kept free for what closes the page.</summary>
    private const int PageEndBytes = 300;

    /// <summary>Characters of one label set, error or value.</summary>
    private const int LongText = 400;

    /// <param name="overview">What it tells.</param>
    /// <param name="reloads">Whether it reloads itself; a page to read or copy from, or for a screen reader, had better not.</param>
    /// <param name="showsDefaults">Settings that nobody set are unfolded, and stay so while it reloads.</param>
    public static HttpAnswer Answer(Overview overview, bool reloads, bool showsDefaults = false)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(MostBytes);
        var html = new HtmlWriter(buffer, MostBytes);
        Head(html, overview, reloads, showsDefaults);
        Verdict(html, overview);
        Flow(html, overview);
        Plots(html, overview);
        html.Limit = MostBytes - ConfigurationBytes;
        Targets(html, overview);
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
            .Text(Metrics.Version).Markup(" · running for "u8).Duration(Whole(overview.Now - overview.Started));
        if (overview.Leader is { } leader)
            html.Markup(" · "u8).Text(leader, 200);
        html.Markup("</p><p>"u8)
            .Text(overview.Now.UtcDateTime.ToString("HH:mm:ss", null)).Markup(" UTC · "u8);
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
        html.Markup("<section class=\"verdict "u8).Markup(Class(judgement.Level)).Markup("\"><p role=\"status\">"u8)
            .Text(judgement.Sentence, LongText).Markup("</p>"u8);
        foreach (var finding in judgement.Findings)
        {
            if (finding.Condition == Condition.Starting)
                continue;
            var start = html.Length;
            html.Markup("<div class=\"why "u8).Markup(Class(finding.Level)).Markup("\">"u8);
            if (judgement.Findings.Length > 1)
                html.Markup("<h3>"u8).Text(finding.Sentence, LongText).Markup("</h3>"u8);
            When(html, overview.Now, finding);
            if (finding.Fact is { } fact)
                html.Markup("<p class=\"error\">"u8).Text(fact, LongText).Markup("</p>"u8);
            if (finding.Cause is { } cause)
                html.Markup("<p><i>cause</i> "u8).Text(cause, LongText).Markup("</p>"u8);
            html.Markup("<p><i>remedy</i> "u8).Text(finding.Remedy, LongText).Markup("</p></div>"u8);
            html.Keep(start);
        }
        html.Markup("</section>"u8);
    }

    private static void When(HtmlWriter html, DateTimeOffset now, Finding finding)
    {
        if ((finding.Since is null && finding.LostFrom is null && finding.NextTry is null) || finding.Condition == Condition.TargetsGone)
            return; // or it stands in the sentence
        html.Markup("<p>"u8);
        var separator = ""u8;
        if (finding.Since is { } since)
        {
            html.Markup("for "u8).Duration(Quantities.Rough(now - since));
            separator = " · "u8;
        }
        if (finding.LostFrom is { } lost)
        {
            html.Markup(separator);
            if (finding.Condition != Condition.ReceiverFails)
                html.Markup("in "u8).Duration(Quantities.Rough(lost - now)).Markup(" it does not work any more"u8);
            else if (lost - now < TimeSpan.FromSeconds(1))
                html.Markup("the queue is full: the oldest is lost next"u8);
            else
                html.Markup("full in about "u8).Duration(Quantities.Rough(lost - now)).Markup(" at this rate; then the oldest is lost"u8);
            separator = " · "u8;
        }
        if (finding.NextTry is { } next)
            html.Markup(separator).Markup("tried again in "u8).Duration(Quantities.Rough(next - now));
        html.Markup("</p>"u8);
    }

    /// <summary>From where it comes to where it goes: targets, queue, receiver.</summary>
    private static void Flow(HtmlWriter html, Overview overview)
    {
        html.Markup("<div class=\"flow\">"u8);
        OfTargets(html, overview);
        Queue(html, overview);
        Receiver(html, overview);
        html.Markup("</div>"u8);
    }

    private static void OfTargets(HtmlWriter html, Overview overview)
    {
        var facts = overview.Facts;
        var targets = facts.Targets;
        Card(html, "Targets"u8, overview.Judgement.LevelOf(Subject.Targets));
        if (!facts.AreTargetsKnown)
            html.Markup("<b>Unknown</b><p>The API server has given no list yet."u8);
        else if (targets.All == 0)
            html.Markup("<b>None</b><p>Discovery finds nothing to scrape."u8);
        else
        {
            html.Markup("<b>"u8).Integer(targets.Up).Markup(" of "u8).Integer(targets.All).Markup(" up</b><p>"u8);
            html.Markup("scraped every "u8).Duration(overview.ScrapeInterval);
            if (targets.Down > 0)
                html.Markup("</p><p class=\"error\">"u8).Integer(targets.Down).Markup(targets.Down == 1 ? " fails"u8 : " fail"u8);
        }
        if (facts.HighestTargets > targets.All)
            html.Markup("</p><p class=\"error\">up to "u8).Integer(facts.HighestTargets).Markup(" in the last hour"u8);
        if (!facts.DiscoveryFailure.IsNone)
            html.Markup("</p><p class=\"error\">Discovery: "u8).Text(facts.DiscoveryFailure.Message, 240);
        if (facts.DiscoveryAnswered is { } answered)
            html.Markup("</p><p>discovery answered "u8).Ago(overview.Now - answered);
        html.Markup("</p>"u8);
        Expiries(html, overview.Now, facts.TargetExpiry);
        html.Markup("</section>"u8);
    }

    private static void Queue(HtmlWriter html, Overview overview)
    {
        var (metrics, facts, judgement) = (overview.Metrics, overview.Facts, overview.Judgement);
        var scrapes = (long)metrics.QueueScrapes.Value;
        var (bytes, limit) = (facts.Queue.Bytes, facts.Queue.Limit);
        var share = limit > 0 ? Math.Clamp((double)bytes / limit, 0, 1) : 0;
        var level = judgement.LevelOf(Subject.Queue);
        if (judgement.Find(Condition.AllRefused) is { } refused)
            level = refused.Level; // it is empty because all of it is lost
        else if (level == Level.Good && share > 0.5)
            level = Level.Warning;
        Card(html, "Queue"u8, level);
        if (scrapes == 0)
            html.Markup("<b>Empty</b>"u8);
        else
            html.Markup("<b>"u8).Count(scrapes, "scrape"u8).Markup("</b>"u8);
        html.Markup("<div class=\"bar\"><i style=\"width:"u8).Fixed(share * 100, 1).Markup("%\"></i></div><p>"u8)
            .Bytes(bytes).Markup(" of "u8).Bytes(limit);
        if (facts.OldestWaiting is { } oldest)
            html.Markup(", oldest "u8).Ago(overview.Now - oldest);
        if (judgement.Has(Condition.AllRefused))
            html.Markup("</p><p class=\"error\">What is refused does not wait: it is lost"u8);
        else if (facts.OutageThatFits is { } fits)
        {
            html.Markup("</p><p>"u8);
            if (judgement.Has(Condition.QueueDropping))
                html.Markup("full"u8);
            else if (judgement.Has(Condition.ReceiverFails))
                html.Markup("full in about "u8).Duration(Quantities.Rough(fits));
            else
                html.Duration(Quantities.Rough(fits)).Markup(" of outage fit"u8);
        }
        var dropped = metrics.QueueDroppedScrapes[DropReason.QueueSize] + metrics.QueueDroppedScrapes[DropReason.QueueAge]
            + metrics.QueueDroppedScrapes[DropReason.Damaged];
        if (dropped > 0)
            html.Markup("</p><p class=\"error\">"u8).Count(dropped, "scrape"u8).Markup(" dropped since the start"u8);
        html.Markup("</p></section>"u8);
    }

    private static void Receiver(HtmlWriter html, Overview overview)
    {
        var (metrics, facts) = (overview.Metrics, overview.Facts);
        var (sending, isRefused) = (facts.Sending, facts.IsAllRefused);
        var isDroppedFor = overview.Judgement.Has(Condition.QueueDropping) && !sending.LastFailure.IsNone;
        Card(html, "Receiver"u8, isDroppedFor ? Level.Bad : overview.Judgement.LevelOf(Subject.Receiver));
        var newest = metrics.QueueHighestSentTimestampSeconds.Value;
        if (!sending.LastFailure.IsNone)
        {
            html.Markup(isRefused ? "<b>Refuses all</b><p class=\"error\">"u8 : "<b>Does not accept</b><p class=\"error\">"u8)
                .Text(sending.LastFailure.Message, 240).Markup("</p>"u8);
        }
        else if (newest <= 0)
            html.Markup("<b>Nothing sent yet</b>"u8);
        else
            html.Markup("<b>Accepts</b>"u8);
        if (facts.Refused > 0)
            html.Markup("<p class=\"error\">"u8).Count(facts.Refused, "sample"u8).Markup(" refused since the start: lost</p>"u8);
        html.Markup("<p>"u8);
        if (newest > 0)
        {
            html.Markup("It has all up to "u8).Ago(overview.Now - DateTimeOffset.FromUnixTimeMilliseconds((long)(newest * 1000)))
                .Markup(": "u8).Count(metrics.SamplesAccepted.Value, "sample"u8).Markup(".<br>"u8);
        }
        if (sending.LastAccepted is { } accepted && !sending.LastFailure.IsNone)
            html.Markup("last accepted "u8).Ago(overview.Now - accepted).Markup("<br>"u8);
        html.Markup("<code>"u8).Text(overview.ReceiverUrl, 120).Markup("</code><br>remote write "u8).Text(overview.Protocol)
            .Markup("</p>"u8);
        Expiries(html, overview.Now, facts.ReceiverExpiry);
        html.Markup("</section>"u8);
    }

    private static void Expiries(HtmlWriter html, DateTimeOffset now, PeerExpiry expiry)
    {
        if (expiry is { Token: null, Certificate: null, Ca: null })
            return;
        html.Markup("<p>"u8);
        var separator = ""u8;
        if (expiry.Token is { } token)
            One("token"u8, token, ref separator);
        if (expiry.Certificate is { } certificate)
            One("client certificate"u8, certificate, ref separator);
        if (expiry.Ca is { } ca)
            One("CA"u8, ca, ref separator);
        html.Markup("</p>"u8);

        void One(ReadOnlySpan<byte> what, DateTimeOffset at, ref ReadOnlySpan<byte> separator)
        {
            html.Markup(separator).Markup(what);
            if (at > now)
                html.Markup(" expires in "u8).Duration(Quantities.Rough(at - now));
            else
                html.Markup(" has expired"u8);
            separator = " · "u8;
        }
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
        var now = measured ?? history.Now(points);
        var highest = (float)now;
        foreach (var point in points)
            highest = Math.Max(highest, point);
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
            html.Markup("<p class=\"none\">"u8).Markup(overview.Facts.AreTargetsKnown ? "There is none."u8 : "None is known yet."u8)
                .Markup(" The log tells more.</p></section>"u8);
            return;
        }
        html.Markup("<table><thead><tr><th>State<th>Target<th>Last hour<th>Failures<th>Last scrape<th>Took<th>Samples<tbody>"u8);
        html.Limit -= SectionEndBytes;
        string? advised = null; // once for all that fail alike
        foreach (var health in (ReadOnlySpan<TargetHealth>)[TargetHealth.Down, TargetHealth.Unknown, TargetHealth.Up])
        {
            foreach (var target in overview.Targets)
            {
                if (target.Health != health)
                    continue;
                var start = html.Length;
                Target(html, overview, target, target.Advice?.Remedy == advised ? null : target.Advice);
                if (!html.Keep(start))
                    goto Full;
                advised = target.Advice?.Remedy;
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

    private static void Target(HtmlWriter html, Overview overview, TargetStatus target, AdviceText? advice)
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
            if ((name == "instance" && value == target.Target.Url.Authority)
                || (!overview.HasJobs && name == "job" && value == target.ScrapePool))
                continue;
            if (labels++ == 0)
                html.Markup("<small>"u8);
            html.Text(name, 100).Markup("="u8).Text(value, 100).Markup(" "u8);
            if (labels == 12)
                break;
        }
        if (labels > 0)
            html.Markup("</small>"u8);
        var last = target.Last;
        if (!last.Failure.IsNone)
        {
            html.Markup("<p class=\"error\">"u8).Text(last.Failure.Message, LongText).Markup("</p>"u8);
            if (advice is not null)
            {
                html.Markup("<p>"u8);
                if (advice.Cause is { } cause)
                    html.Markup("<i>cause</i> "u8).Text(cause, LongText).Markup("<br>"u8);
                html.Markup("<i>remedy</i> "u8).Text(advice.Remedy, LongText).Markup("</p>"u8);
            }
        }
        if (last.Started is { } started)
        {
            html.Markup("<td>"u8);
            Plot.Strip(html, last.Hour.At(overview.Now));
            html.Markup("<td>"u8).Integer(last.Failures);
            if (last.FailingSince is { } since)
                html.Markup("<small>for "u8).Duration(Quantities.Rough(overview.Now - since)).Markup("</small>"u8);
            html.Markup("<td>"u8).Ago(overview.Now - started).Markup("<td>"u8).Duration(last.Duration)
                .Markup("<td>"u8).Integer(last.Samples);
        }
        else
            html.Markup("<td><td>–<td>not yet<td>–<td>–"u8);
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
            html.Markup("<tr><th scope=\"row\">"u8).Text(setting.Name).Markup("<td>"u8).Text(setting.Value, LongText);
            if (!html.Keep(start))
                left++;
        }
        html.Limit += SectionEndBytes;
        html.Markup("</table>"u8);
    }

    private static TimeSpan Whole(TimeSpan duration) => TimeSpan.FromSeconds((long)duration.TotalSeconds);

    private static ReadOnlySpan<byte> Class(Level level) => level switch { Level.Good => "good"u8, Level.Warning => "odd"u8, _ => "bad"u8 };
}
