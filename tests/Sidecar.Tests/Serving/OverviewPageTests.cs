using System.Buffers;
using System.Globalization;
using System.Text.RegularExpressions;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Hosting;
using Sidecar.Serving;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>The page's bytes: its bound, its words, and that nothing on it is markup but ours.</summary>
public sealed partial class OverviewPageTests
{
    private const string Hostile = "</p></td><script>alert(1)</script><img src=x onerror='alert(1)' \"> & \u202E\u0000\u009b31m\ud800";

    private static string Html(Overview overview, bool reloads = false, bool showsDefaults = false)
    {
        var answer = OverviewPage.Answer(overview, reloads, showsDefaults);
        Assert.Equal(200, answer.Status);
        Assert.InRange(answer.Body.Length, 1, OverviewPage.MostBytes);
        var html = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(answer.Body.Span);
        ArrayPool<byte>.Shared.Return(answer.Rented!);
        Assert.EndsWith("</main></body></html>\n", html, StringComparison.Ordinal);
        AssertBalanced(html);
        return html;
    }

    /// <summary>Every element that is opened is closed in order, but for those whose end tags HTML lets one leave out.</summary>
    private static void AssertBalanced(string html)
    {
        string[] loose = ["meta", "link", "br", "tr", "td", "th", "thead", "tbody", "path", "!DOCTYPE"];
        var open = new Stack<string>();
        foreach (Match tag in TagPattern().Matches(html))
        {
            var name = tag.Groups[2].Value;
            if (loose.Contains(name))
                continue;
            if (tag.Groups[1].Length == 0)
                open.Push(name);
            else
                Assert.Equal(name, open.Pop());
        }
        Assert.Empty(open);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(50)]
    [InlineData(1000)]
    [InlineData(20_000)]
    public void It_stays_within_its_bound_whatever_the_number_of_targets(int count)
    {
        var targets = Enumerable.Range(0, count)
            .Select(i => SomeOverview.Target($"host-{i}.example.com", i % 10 == 9 ? "no answer within 10s" : null));
        var html = Html(SomeOverview.With([.. targets]));
        var shown = RowPattern().Count(html);
        if (count > 50)
        {
            Assert.InRange(shown, 50, count - 1);
            Assert.Contains($">And {count - shown:N0} targets more;", html);
        }
        else
            Assert.Equal(count, shown);
    }

    [Fact]
    public void Failing_targets_stand_first_and_then_those_that_wait()
    {
        TargetStatus[] targets =
        [
            SomeOverview.Target("a"), SomeOverview.Target("b", isScraped: false), SomeOverview.Target("c", "no answer within 10s"),
            SomeOverview.Target("d"),
        ];
        Assert.Equal(["c", "b", "a", "d"], HostPattern().Matches(Html(SomeOverview.With(targets))).Select(m => m.Groups[1].Value));
    }

    [Fact]
    public void One_failure_among_thousands_is_seen()
    {
        var targets = Enumerable.Range(0, 5000)
            .Select(i => SomeOverview.Target($"host-{i}", i == 4999 ? "the certificate has expired" : null)).ToList();
        var html = Html(SomeOverview.With(targets));
        Assert.Contains("the certificate has expired", html);
        Assert.Contains("1 of 5,000 targets fails.", html);
    }

    [Fact]
    public void Nothing_that_comes_from_outside_is_markup()
    {
        var targets = new[] { SomeOverview.Target(error: Hostile, labels: new KeyValuePair<string, string>(Hostile, Hostile)) };
        var settings = SomeOverview.Settings.Select(s => s with { Value = Hostile });
        var html = Html(SomeOverview.With(targets, receiverError: Hostile, receiverUrl: Hostile, discoveryError: Hostile,
            settings: [.. settings]));
        Assert.DoesNotContain("<script", html);
        Assert.DoesNotContain("<img", html);
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;alert(1)&#39; &quot;&gt; &amp; ", html);
        Assert.Contains(" \ufffd\ufffd\ufffd31m\ufffd", html);
        Assert.DoesNotContain(html, c => c is '\u202e' or '\0' or '\u009b');
    }

    [Fact]
    public void Long_texts_are_cut_and_what_has_no_room_is_counted()
    {
        var settings = SomeOverview.Settings.Select(s => s with { Value = new string('<', 100_000), IsFromEnvironment = true });
        var html = Html(SomeOverview.With([SomeOverview.Target(error: new string('e', 100_000))], settings: [.. settings]));
        Assert.Contains(new string('e', 400) + "…</p>", html);
        var shown = VariablePattern().Count(html);
        Assert.InRange(shown, 3, SomeOverview.Settings.Length - 1);
        Assert.Contains($">{SomeOverview.Settings.Length - shown} variables not shown; <code>sidecar config</code> prints all.", html);
    }

    [Fact]
    public void The_whole_configuration_is_there_in_the_usual_case_and_no_secret()
    {
        var html = Html(SomeOverview.With([.. Enumerable.Range(0, 5).Select(i => SomeOverview.Target($"host-{i}"))]));
        Assert.All(
            SomeOverview.Settings.Where(s => s.Value.Length > 0),
            s => Assert.Contains($"<th scope=\"row\">{s.Variable.Name}<td>", html));
        Assert.DoesNotContain("hush-hush", html);
        Assert.DoesNotContain("not shown", html);
    }

    [Fact]
    public void It_reloads_itself_at_one_address_and_holds_still_at_the_other()
    {
        Assert.Contains("<meta http-equiv=\"refresh\" content=\"15\">", Html(SomeOverview.With(), reloads: true));
        Assert.DoesNotContain("refresh", Html(SomeOverview.With(), reloads: false));
    }

    /// <summary>What is unfolded in a page that reloads would fold itself: there it is an address of its own.</summary>
    [Fact]
    public void Defaults_are_a_link_where_the_page_reloads_and_stay_unfolded_behind_it()
    {
        var live = Html(SomeOverview.With(), reloads: true);
        Assert.DoesNotContain("<details", live);
        Assert.Contains("<a href=\"/defaults\">Defaults in effect</a>", live);
        var unfolded = Html(SomeOverview.With(), reloads: true, showsDefaults: true);
        Assert.Contains("<details open>", unfolded);
        Assert.Contains("refresh", unfolded);
        Assert.Contains("<details><summary>", Html(SomeOverview.With(), reloads: false));
    }

    [Fact]
    public void Highest_is_never_below_now()
    {
        var time = new FakeTimeProvider();
        var metrics = SomeOverview.Metrics();
        using var history = new History(metrics, TimeSpan.FromMinutes(1), SomeOverview.Errors(metrics), time);
        time.Advance(history.Step); // one point of the memory of then
        var pressure = new byte[64 << 20];
        pressure.AsSpan().Fill(1);
        var html = Html(SomeOverview.With(metrics: metrics, history: history));
        var memory = MemoryPattern().Match(html);
        // Nearly always the same: but a collection may have given back more meanwhile than was just taken.
        Assert.InRange(Bytes(memory.Groups[2].Value), Bytes(memory.Groups[1].Value), double.MaxValue);
        GC.KeepAlive(pressure);

        static double Bytes(string shown)
        {
            var parts = shown.Split(' ');
            return double.Parse(parts[0], CultureInfo.InvariantCulture)
                * Math.Pow(1024, Array.IndexOf(["B", "KiB", "MiB", "GiB"], parts[1]));
        }
    }

    [Fact]
    public void Total_loss_is_red_on_every_card_that_it_concerns()
    {
        var html = Html(SomeOverview.With([SomeOverview.Target()], but: f => f with
        {
            Sending = SomeOverview.Failing("https://h/ answers 400: bad tenant", 400), IsAllRefused = true, Refused = 299_286,
        }));
        Assert.Contains("<section class=\"verdict bad\"><p role=\"status\">The receiver refuses all that it is sent, and all of it is lost.", html);
        Assert.Contains("<section class=\"card bad\"><h2>Queue</h2>", html);
        Assert.Contains("<section class=\"card bad\"><h2>Receiver</h2><b>Refuses all</b>", html);
        Assert.Contains("299,286 samples refused since the start: lost", html);
        Assert.DoesNotContain("wait in the queue", html);
    }

    /// <summary>They are no target of Kubernetes, and are counted with none.</summary>
    [Fact]
    public void Own_metrics_are_a_row_with_a_name_and_no_address()
    {
        var self = SomeOverview.Target(error: "it does not come back") with
        {
            Target = SelfScrape.Target("sidecar-7"), ScrapePool = SelfScrape.JobName, Advice = null,
        };
        var html = Html(SomeOverview.With([SomeOverview.Target(), self], but: f => f with
        {
            Targets = f.Targets with { All = 1, Up = 1, Down = 0 }, HighestTargets = 1, Self = self.Last,
        }));
        Assert.Contains("<tr class=\"bad\"><td><b>Fails</b><td>own metrics<small>instance=sidecar-7 job=sidecar </small>", html);
        Assert.DoesNotContain("localhost", html);
        Assert.Contains("<b>1 of 1 up</b>", html);
        Assert.Contains("The own metrics cannot be scraped: alerts on the sidecar see nothing.", html);
    }

    [Fact]
    public void It_says_until_when_nothing_is_lost_and_what_came_and_went()
    {
        var html = Html(SomeOverview.With([SomeOverview.Target()], receiverError: "away", but: f => f with
        {
            Queue = f.Queue with { Bytes = (8 << 20) - 24_100 },
            HighestTargets = 2,
            Changes = [new Sidecar.Discovery.TargetChange(f.Now - TimeSpan.FromSeconds(75), 1, 0, 1, "-10.0.0.2:6443")],
            TargetExpiry = new Sidecar.Http.PeerExpiry(f.Now + TimeSpan.FromMinutes(54), null, f.Now + TimeSpan.FromDays(3649)),
        }));
        Assert.Contains("for 3 min · full in about 3 s at this rate; then the oldest is lost · tried again in 4 s", html);
        Assert.Contains("1 target gone 1 min ago.", html);
        Assert.Contains("1 min ago<td>1 gone <code>-10.0.0.2:6443</code><td>1 target", html);
        Assert.Contains("token expires in 54 min · CA expires in 3,649 d", html);
        TargetStatus[] three = [SomeOverview.Target(), SomeOverview.Target("b"), SomeOverview.Target("c")];
        Assert.Contains("5 min of outage fit", Html(SomeOverview.With(three)));
    }

    [Fact]
    public void Without_an_hour_of_data_the_plots_say_so()
    {
        var time = new FakeTimeProvider();
        var metrics = SomeOverview.Metrics();
        using var history = new History(metrics, TimeSpan.FromMinutes(1), SomeOverview.Errors(metrics), time);
        var html = Html(SomeOverview.With(metrics: metrics, history: history));
        Assert.DoesNotContain("<svg", html);
        Assert.Contains("The first point comes 30 s after the start.", html);

        metrics.SamplesAccepted.Add(30_000);
        metrics.BytesAccepted.Add(30 * 4096);
        time.Advance(history.Step);
        html = Html(SomeOverview.With(metrics: metrics, history: history));
        Assert.Contains("aria-label=\"Samples sent over the last 30 s: now 1,000/s, highest 1,000/s\"", html);
        Assert.Contains("<h2>Bytes sent</h2><b>4 KiB/s</b>", html);
    }

    [Fact]
    public void The_history_is_one_hour_in_a_ring()
    {
        var time = new FakeTimeProvider();
        var metrics = SomeOverview.Metrics();
        using var history = new History(metrics, TimeSpan.FromMinutes(1), SomeOverview.Errors(metrics), time);
        for (var i = 1; i <= History.Points + 5; i++)
        {
            metrics.SamplesAccepted.Add(i * 30);
            time.Advance(history.Step);
        }
        var points = new float[History.Points];
        Assert.Equal(History.Points, history.Read(HistorySeries.Samples, points));
        Assert.Equal(Enumerable.Range(6, History.Points).Select(i => (float)i), points);
        Assert.Equal(TimeSpan.FromHours(1), history.Step * History.Points);
        Assert.Equal(History.Points + 5, history.Now(points));
    }

    [Theory]
    [InlineData(1, 1.875)]
    [InlineData(2, 3.75)]
    [InlineData(15, 15)]
    [InlineData(20, 30)]
    [InlineData(300, 30)]
    public void The_history_begins_with_short_steps_and_halves_until_it_spans_the_hour(double interval, double firstStep)
    {
        var time = new FakeTimeProvider();
        var metrics = SomeOverview.Metrics();
        using var history = new History(metrics, TimeSpan.FromSeconds(interval), SomeOverview.Errors(metrics), time);
        Assert.Equal(TimeSpan.FromSeconds(firstStep), history.Step);
        var points = new float[History.Points];
        for (var seconds = 0.0; seconds < 3600; seconds += firstStep)
        {
            metrics.SamplesAccepted.Add((long)(firstStep * 1000)); // 1,000 a second, always
            time.Advance(TimeSpan.FromSeconds(firstStep));
            var count = history.Read(HistorySeries.Samples, points);
            // However often it was halved: all of the time so far but for an unfinished step, and the same rate everywhere.
            Assert.InRange(seconds + firstStep - (history.Step * count).TotalSeconds, 0, history.Step.TotalSeconds);
            Assert.All(points[..count], point => Assert.Equal(1000, point, 1f));
        }
        Assert.Equal(TimeSpan.FromSeconds(30), history.Step);
        Assert.Equal(1000, history.Now(points), 1f);
    }

    [Theory]
    [InlineData(0, "0 ms")]
    [InlineData(0.312, "312 ms")]
    [InlineData(1.243, "1.24 s")]
    [InlineData(5, "5 s")]
    [InlineData(45.6, "45 s")]
    [InlineData(120, "2 min")]
    [InlineData(130, "2 min 10 s")]
    [InlineData(11_100, "3 h 5 min")]
    [InlineData(356_400, "4 d 3 h")]
    [InlineData(-3, "0 s")]
    public void Durations_read_well(double seconds, string text) =>
        Assert.Equal(text, Written(html => html.Duration(TimeSpan.FromSeconds(seconds))));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1024, "1 KiB")]
    [InlineData(3_500, "3.42 KiB")]
    [InlineData(8 << 20, "8 MiB")]
    [InlineData(19_300_000, "18.4 MiB")]
    [InlineData(2e9, "1.86 GiB")]
    public void Bytes_read_well(double bytes, string text) => Assert.Equal(text, Written(html => html.Bytes(bytes)));

    private static string Written(Action<HtmlWriter> write)
    {
        var buffer = new byte[100];
        var html = new HtmlWriter(buffer, buffer.Length);
        write(html);
        return Encoding.UTF8.GetString(buffer, 0, html.Length);
    }

    [Fact]
    public void A_part_that_does_not_fit_is_taken_back_whole()
    {
        var buffer = new byte[20];
        var html = new HtmlWriter(buffer, 12);
        html.Markup("<p>"u8).Text("a&b");
        var start = html.Length;
        html.Markup("<i>"u8).Text("long");
        Assert.False(html.Keep(start));
        html.Markup("</p"u8);
        Assert.False(html.Keep(start));
        html.Limit = 20;
        html.Markup("</p>"u8);
        Assert.True(html.Keep(start));
        Assert.Equal("<p>a&amp;b</p>", Encoding.UTF8.GetString(buffer, 0, html.Length));
    }

    [GeneratedRegex("<(/?)([A-Za-z0-9!]+)[^>]*>")]
    private static partial Regex TagPattern();

    [GeneratedRegex("<h2>Memory</h2><b>([^<]*)</b><small>highest ([^<]*)<")]
    private static partial Regex MemoryPattern();

    [GeneratedRegex("<tr class=")]
    private static partial Regex RowPattern();

    [GeneratedRegex("<code>https://([a-z])[:/]")]
    private static partial Regex HostPattern();

    [GeneratedRegex("<th scope=\"row\">SIDECAR_")]
    private static partial Regex VariablePattern();
}
