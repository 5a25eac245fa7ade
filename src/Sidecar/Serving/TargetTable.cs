using Sidecar.Configuration;
using Sidecar.Http;

namespace Sidecar.Serving;

/// <summary>The page's table of targets and their last scrapes: failing ones first; targets that do not fit are counted.</summary>
internal static class TargetTable
{
    public static void Write(HtmlWriter html, Overview overview)
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
        html.Limit -= OverviewPage.SectionEndBytes;
        string? advised = null; // once for all that fail alike
        foreach (var health in (ReadOnlySpan<TargetHealth>)[TargetHealth.Down, TargetHealth.Unknown, TargetHealth.Up])
        {
            foreach (var target in overview.Targets)
            {
                if (target.Health != health)
                    continue;
                var start = html.Length;
                Row(html, overview, target, target.Advice?.Remedy == advised ? null : target.Advice);
                if (!html.Keep(start))
                    goto Full;
                advised = target.Advice?.Remedy;
                left--;
            }
        }
    Full:
        html.Limit += OverviewPage.SectionEndBytes;
        html.Markup("</table>"u8);
        if (left > 0)
            html.Markup("<p class=\"none\">And "u8).Count(left, "target"u8)
                .Markup(" more; <a href=\"/api/v1/targets\">/api/v1/targets</a> has all.</p>"u8);
        html.Markup("</section>"u8);
    }

    private static void Row(HtmlWriter html, Overview overview, TargetStatus target, AdviceText? advice)
    {
        html.Markup(target.Health switch
        {
            TargetHealth.Up => "<tr class=\"good\"><td><b>Up</b><td>"u8,
            TargetHealth.Down => "<tr class=\"bad\"><td><b>Fails</b><td>"u8,
            _ => "<tr class=\"odd\"><td><b>Waits</b><td>"u8,
        });
        var isSelf = target.Target.Job == JobVariables.Self;
        if (isSelf)
            html.Markup("own metrics"u8);
        else
            html.Markup("<code>"u8).Text(Failures.Show(target.Target.Url), OverviewPage.LongText).Markup("</code>"u8);
        var labels = 0;
        foreach (var (name, value) in target.Target.Labels)
        {
            // What the address and the heading say already.
            if ((name == "instance" && value == target.Target.Url.Authority)
                || (!overview.HasJobs && !isSelf && name == "job" && value == target.ScrapePool))
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
            html.Markup("<p class=\"error\">"u8).Text(last.Failure.Message, OverviewPage.LongText).Markup("</p>"u8);
            if (advice is not null)
            {
                html.Markup("<p>"u8);
                if (advice.Cause is { } cause)
                    html.Markup("<i>cause</i> "u8).Text(cause, OverviewPage.LongText).Markup("<br>"u8);
                html.Markup("<i>remedy</i> "u8).Text(advice.Remedy, OverviewPage.LongText).Markup("</p>"u8);
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
}
