using Cluster;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Serving;
using Sidecar.Telemetry;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>
/// The page in a real Chromium, in every state, on desktop and phone, by day and by night; screenshots in the output folder.
/// </summary>
[Trait("Speed", "Slow")]
public sealed class PageInBrowserTests : IAsyncLifetime
{
    private const string Hostile =
        "</p><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> & 'quoted' \u202Etxt.exe";

    /// <summary>Elements that reach over the edge of the card in which they stand.</summary>
    private const string Overhanging = """
        const right = e => e.getBoundingClientRect().right;
        [...document.querySelectorAll('.card *')]
            .filter(e => e.getClientRects().length && !e.closest('thead, path') && right(e) > right(e.closest('.card')) - 8)
            .map(e => e.outerHTML.slice(0, 90)).join('\n')
        """;

    private static readonly (string Name, int Width, int Height, bool IsDark)[] Windows =
        
        [
            ("desktop", 1280, 800, false), ("desktop-dark", 1280, 800, true), ("tablet", 800, 1000, false), ("phone", 360, 740, false),
            ("phone-dark", 360, 740, true),
        ];

    private static readonly string Pictures = Path.Combine(AppContext.BaseDirectory, "screenshots");

    private readonly FakeTimeProvider time = new();
    private readonly Metrics metrics = SomeOverview.Metrics();
    private readonly History history;
    private readonly LogText logged = new();
    private Func<Overview> overview = () => SomeOverview.With();
    private Listener listener = null!;
    private Browser? browser;

    public PageInBrowserTests() => history = new History(metrics, TimeSpan.FromMinutes(1), SomeOverview.Errors(metrics), time);

    public async ValueTask InitializeAsync()
    {
        var log = new Log(logged, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);
        var sources = new PageSources
        {
            WriteMetrics = metrics.Write, Judge = () => overview().Judgement, Targets = () => [], Overview = () => overview(),
        };
        listener = Listener.Start("127.0.0.1:0", sources, SomeOverview.Errors(metrics), log, TimeProvider.System, out _)!;
        if (Browser.Executable is not null)
            browser = await Browser.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
            await browser.DisposeAsync();
        listener.Dispose();
        history.Dispose();
        await logged.DisposeAsync();
    }

    /// <summary>An hour in which the receiver was away for ten minutes.</summary>
    private void AnHour(int points = History.Points)
    {
        for (var i = 0; i < points; i++)
        {
            var away = i is >= 60 and < 80;
            var samples = away ? 0 : i == 80 ? 2_600_000 : 299_632 + i * 997 % 5000;
            metrics.SamplesAccepted.Add(samples);
            metrics.BytesAccepted.Add(samples * 16);
            time.Advance(history.Step);
        }
        metrics.QueueHighestSentTimestampSeconds.Set((SomeOverview.Now.ToUnixTimeMilliseconds() - 4200) / 1000.0);
    }

    private Overview In(string state)
    {
        TargetStatus[] targets =
        [
            SomeOverview.Target(), SomeOverview.Target("10.0.0.2"),
            SomeOverview.Target("[fd00:0:0:1::3]", labels: new KeyValuePair<string, string>("zone", "eu-1b")),
        ];
        switch (state)
        {
            case "well":
                AnHour();
                return SomeOverview.With(targets, metrics, history);
            case "failing-target":
                AnHour(40);
                targets[1] = SomeOverview.Target("10.0.0.2", "connection refused by 10.0.0.2:6443: nothing listens there");
                return SomeOverview.With(targets, metrics, history);
            case "failing-receiver":
                AnHour(75);
                metrics.QueueScrapes.Set(45);
                metrics.QueueBytes.Set(5_400_000);
                metrics.QueueOldestTimestampSeconds.Set((SomeOverview.Now.ToUnixTimeMilliseconds() - 225_000) / 1000.0);
                return SomeOverview.With(
                    targets, metrics, history, receiverError: "connection refused by metrics.example.com:443: nothing listens there");
            case "dropping":
                AnHour(75);
                metrics.QueueScrapes.Set(66);
                metrics.QueueBytes.Set(8_300_000);
                metrics.QueueOldestTimestampSeconds.Set((SomeOverview.Now.ToUnixTimeMilliseconds() - 825_000) / 1000.0);
                metrics.QueueDroppedScrapes.Add(DropReason.QueueSize, 12);
                return SomeOverview.With(targets, metrics, history, isDropping: true,
                    receiverError: "https://metrics.example.com/api/v1/push answers 503: no healthy upstream");
            case "start":
                return SomeOverview.With(areTargetsKnown: false);
            case "denied":
                return SomeOverview.With(areTargetsKnown: false, discoveryError:
                    "https://10.96.0.1/apis/discovery.k8s.io/v1/namespaces/default/endpointslices answers 403: endpointslices.discovery.k8s.io is "
                    + "forbidden: User \"system:serviceaccount:sidecar:sidecar\" cannot list resource \"endpointslices\"");
            case "stale-discovery":
                AnHour(30);
                return SomeOverview.With(targets, metrics, history,
                    discoveryError: "10.96.0.1:443 refuses connections: nothing listens there");
            case "first-scrape":
                return SomeOverview.With([SomeOverview.Target(isScraped: false)]);
            case "thousand":
                AnHour();
                targets = [.. Enumerable.Range(0, 1000).Select(
                    i => SomeOverview.Target($"10.1.{i / 250}.{i % 250}", i % 100 == 7 ? "no answer within 10s" : null))];
                return SomeOverview.With(targets, metrics, history);
            case "refuses-all":
                AnHour(75);
                return SomeOverview.With(targets, metrics, history, but: f => f with
                {
                    Sending = SomeOverview.Failing("https://metrics.example.com/api/v1/push answers 400: no org id", 400),
                    IsAllRefused = true,
                    Refused = 299_286,
                });
            case "gone":
                AnHour();
                targets = targets[..2];
                return SomeOverview.With(targets, metrics, history, but: f => f with
                {
                    HighestTargets = 3,
                    Changes =
                    [
                        new(f.Now - TimeSpan.FromSeconds(70), 2, 0, 1, "-10.0.0.3:6443"),
                        new(f.Now - TimeSpan.FromHours(30), 3, 1, 1, "-10.0.0.4:6443 +10.0.0.3:6443"),
                    ],
                    DiscoveryAnswered = f.Now - TimeSpan.FromSeconds(9),
                    TargetExpiry = new(f.Now + TimeSpan.FromMinutes(3), null, f.Now + TimeSpan.FromDays(3649)),
                    ReceiverExpiry = new(null, f.Now + TimeSpan.FromDays(40), null),
                });
            case "hundred":
                AnHour();
                targets = [.. Enumerable.Range(0, 100).Select(
                    i => SomeOverview.Target($"10.1.0.{i}", i == 7 ? "no answer within 10s" : null))];
                return SomeOverview.With(targets, metrics, history);
            case "hostile":
                return SomeOverview.With(
                    [SomeOverview.Target(error: Hostile, labels: [new("zone", Hostile), new("very_long", new string('w', 5000))])],
                    metrics, history, receiverError: Hostile + new string('m', 5000),
                    receiverUrl: "http://example.com/" + new string('u', 5000),
                    settings: [.. SomeOverview.Settings.Select(s => s with { Value = Hostile + new string('x', 5000) })]);
            default:
                throw new ArgumentOutOfRangeException(nameof(state));
        }
    }

    [Theory]
    [InlineData("well", "All 3 targets are up. The receiver accepts.")]
    [InlineData("failing-target", "1 of 3 targets fails.")]
    [InlineData("failing-receiver", "The receiver does not accept; scrapes wait in the queue.")]
    [InlineData("dropping", "The receiver does not accept, and the oldest scrapes are being dropped.")]
    [InlineData("start", "No targets are known yet: the API server has not answered. Nothing was sent yet.")]
    [InlineData("denied", "No targets are known: discovery fails. Nothing was sent yet.")]
    [InlineData("stale-discovery", "Discovery fails; the last known targets stay.")]
    [InlineData("first-scrape", "The first scrape is under way. Nothing was sent yet.")]
    [InlineData("thousand", "10 of 1,000 targets fail.")]
    [InlineData("refuses-all", "The receiver refuses all that it is sent, and all of it is lost.")]
    [InlineData("gone", "1 target gone 1 min ago. The token for the targets expires in 3 min.")]
    [InlineData("hundred", "1 of 100 targets fails.")]
    [InlineData("hostile", "The target fails. The receiver does not accept; scrapes wait in the queue.")]
    public async Task It_shows_each_state_without_complaint_or_overflow(string state, string verdict)
    {
        Assert.SkipWhen(browser is null, "chromium is not installed (Debian's package chromium)");
        var shown = In(state);
        overview = () => shown;
        var address = new Uri($"http://{listener.Address}/targets");
        foreach (var (name, width, height, isDark) in Windows)
        {
            await browser!.ShowAsync(width, height, isDark);
            await browser.GoAsync(address);
            await browser.ScreenshotAsync(Path.Combine(Pictures, $"{state}-{name}.png"));
            Assert.Equal(width, (int)(await browser.EvaluateAsync("document.documentElement.scrollWidth"))!);
            Assert.Equal("", (string?)await browser.EvaluateAsync(Overhanging));
            Assert.Equal(verdict, await browser.TextAsync("[role=status]"));
        }
        Assert.Empty(browser!.Complaints);
        Assert.Equal(0, (int)(await browser.EvaluateAsync("document.querySelectorAll('script,img,p p,p section').length"))!);
        Assert.EndsWith(" – Sidecar", (string?)await browser.EvaluateAsync("document.title"));
    }
}
