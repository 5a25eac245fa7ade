using Sidecar.Http;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>The page's cards in the order that samples flow in: targets, queue, receiver.</summary>
internal static class OverviewCards
{
    public static void Write(HtmlWriter html, Overview overview)
    {
        html.Markup("<div class=\"flow\">"u8);
        Targets(html, overview);
        Queue(html, overview);
        Receiver(html, overview);
        html.Markup("</div>"u8);
    }

    private static void Targets(HtmlWriter html, Overview overview)
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
        html.Markup("<div class=\"bar\"><i style=\"width:"u8).Fixed(share * 100, "F1").Markup("%\"></i></div><p>"u8)
            .Bytes(bytes).Markup(" of "u8).Bytes(limit);
        if (facts.OldestWaiting is { } oldest)
            html.Markup(", oldest "u8).Ago(overview.Now - oldest);
        if (judgement.Has(Condition.AllRefused))
            html.Markup("</p><p class=\"error\">Refused scrapes do not wait: they are lost"u8);
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
            html.Markup("It has all up to "u8).Ago(overview.Now - DateTimeOffset.FromUnixTimeMilliseconds((long)(newest * 1000)))
                .Markup(": "u8).Count(metrics.SamplesAccepted.Value, "sample"u8).Markup(".<br>"u8);
        if (sending.LastAccepted is { } accepted && !sending.LastFailure.IsNone)
            html.Markup("last accepted "u8).Ago(overview.Now - accepted).Markup("<br>"u8);
        html.Markup("<code>"u8).Text(overview.ReceiverUrl, 120).Markup("</code><br>remote write "u8).Text(facts.Protocol)
            .Markup("</p>"u8);
        Expiries(html, overview.Now, facts.ReceiverExpiry);
        html.Markup("</section>"u8);
    }

    private static void Expiries(HtmlWriter html, DateTimeOffset now, PeerExpiry expiry)
    {
        if (expiry is { Token: null, Certificate: null, Ca: null })
            return;
        var parts = new List<string>(3);
        One("token", expiry.Token);
        One("client certificate", expiry.Certificate);
        One("CA", expiry.Ca);
        html.Markup("<p>"u8).Text(string.Join(" · ", parts)).Markup("</p>"u8);

        void One(string what, DateTimeOffset? expires)
        {
            if (expires is { } at)
                parts.Add(at > now ? $"{what} expires in {Quantities.Text(at - now)}" : $"{what} has expired");
        }
    }

    private static void Card(HtmlWriter html, ReadOnlySpan<byte> title, Level level) =>
        html.Markup("<section class=\"card "u8).Markup(Class(level)).Markup("\"><h2>"u8).Markup(title).Markup("</h2>"u8);

    public static ReadOnlySpan<byte> Class(Level level) => level switch { Level.Good => "good"u8, Level.Warning => "odd"u8, _ => "bad"u8 };
}
