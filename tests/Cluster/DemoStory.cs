using System.Diagnostics;

namespace Cluster;

/// <summary>
/// What happens in the demo: an API server goes away and comes back, the receiver goes away and comes back. By the clock, until somebody
/// presses a key and takes over.
/// </summary>
internal sealed class DemoStory(
    StandInCluster cluster, Receiver receiver, ReceiverPage page, Timeline timeline, DemoTerminal terminal, TimeSpan length,
    TimeSpan interval)
{
    /// <summary>Kubernetes takes an API server out of the Service some time after it has gone.</summary>
    private TimeSpan UntilWithdrawn => length * 0.05;

    private long awaySince;
    private long backSince;
    private bool isServerAway;

    private ApiServer Server => cluster.ApiServers[1];

    private string Name => $"127.0.0.1:{Server.Port}";

    /// <summary>The steps, as shares of the length; ends early when cancelled.</summary>
    public async Task TellAsync(CancellationToken cancellation)
    {
        var begun = Stopwatch.GetTimestamp();
        foreach (var (share, step) in new (double, Func<CancellationToken, Task>)[]
        {
            (0.12, ServerGoesAsync), (0.38, ServerComesAsync), (0.50, _ => ReceiverGoesAsync()), (0.72, ReceiverComesAsync),
        })
        {
            // On a slow machine a step may take longer than its share; the next one still leaves a moment to look.
            var wait = length * share - Stopwatch.GetElapsedTime(begun);
            await Task.Delay(wait > length * 0.05 ? wait : length * 0.05, cancellation);
            await step(cancellation);
        }
        terminal.Tell("That was all. It goes on like this: a takes an API server away or brings it back, r does so with the receiver.");
    }

    /// <summary>What a key does; false for one without meaning.</summary>
    public async Task<bool> PressAsync(char key, CancellationToken cancellation)
    {
        switch (char.ToLowerInvariant(key))
        {
            case 'a':
                await (isServerAway ? ServerComesAsync(cancellation) : ServerGoesAsync(cancellation));
                return true;
            case 'r':
                await (page.IsAway ? ReceiverComesAsync(cancellation) : ReceiverGoesAsync());
                return true;
            default:
                return false;
        }
    }

    private async Task ServerGoesAsync(CancellationToken cancellation)
    {
        isServerAway = true;
        terminal.Tell($"API server {Name} goes away. Its scrapes fail: up turns 0, and its series end with staleness markers.");
        var since = Now();
        await Server.StopAsync();
        await EventuallyAsync(() => Scrapes(Name).Any(s => s.At > since && s.Up == 0), cancellation);
        var markers = Scrapes(Name).Where(s => s.At > since).Sum(s => s.Markers);
        terminal.Tell($"The receiver has up=0 of it, and {markers:N0} staleness markers.");
        await Task.Delay(UntilWithdrawn, cancellation);
        terminal.Tell("Kubernetes takes it out of the Service; discovery sees that, and for two intervals it may come back.");
        cluster.Withdraw(Server);
        await EventuallyAsync(() => Scrapes(Name).Any(s => s.At > since && s.IsEnd), cancellation);
        terminal.Tell("It did not: up itself has ended, and the target is forgotten.");
    }

    private async Task ServerComesAsync(CancellationToken cancellation)
    {
        isServerAway = false;
        terminal.Tell($"API server {Name} is back, and in the Service.");
        await Server.StartAsync();
        cluster.Announce(Server);
        var since = Now();
        await EventuallyAsync(() => Scrapes(Name).Any(s => s.At > since && s.Up == 1), cancellation);
        terminal.Tell("Discovered and scraped again.");
    }

    private Task ReceiverGoesAsync()
    {
        page.IsAway = true;
        awaySince = Now();
        receiver.Answer = _ => new ReceiverAnswer(503, "closed for the demo");
        terminal.Tell("The receiver answers 503 to everything. The sidecar tries again and again; what it scrapes waits, compressed.");
        return Task.CompletedTask;
    }

    private async Task ReceiverComesAsync(CancellationToken cancellation)
    {
        receiver.Answer = _ => new ReceiverAnswer();
        page.IsAway = false;
        backSince = Now();
        terminal.Tell("The receiver accepts again.");
        var names = (isServerAway ? cluster.ApiServers.Take(1) : cluster.ApiServers).Select(a => $"127.0.0.1:{a.Port}").ToList();
        // Each target's scrapes come in order, so that all of them are there once the newest is.
        await EventuallyAsync(
            () => names.All(n => Newest(n) is var at && at > backSince && at > Now() - 2 * interval.TotalMilliseconds), cancellation);
        var late = names.Sum(n => Scrapes(n).Count(s => s.At >= awaySince && ReceiverPage.IsLate(s)));
        var missing = names.Sum(Missing);
        terminal.Tell($"Caught up: {late} scrapes came late, each at its own timestamp; "
            + $"{(missing == 0 ? "none is" : $"{missing} are")} missing.");
    }

    private long Newest(string name) => Scrapes(name).LastOrDefault(s => s.Up is not null)?.At ?? 0;

    /// <summary>Scrapes of a target that were due since the outage began and are not there.</summary>
    private int Missing(string name)
    {
        var times = Scrapes(name).Where(s => s.At >= awaySince - 2 * interval.TotalMilliseconds).Select(s => s.At).ToList();
        return times.Zip(times.Skip(1), (a, b) => (int)Math.Round((b - a) / interval.TotalMilliseconds) - 1).Sum();
    }

    private List<ArrivedScrape> Scrapes(string name) =>
        [.. timeline.Scrapes(0).Where(t => t.Instance == name).SelectMany(t => t.Scrapes)];

    private static long Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private static async Task EventuallyAsync(Func<bool> condition, CancellationToken cancellation)
    {
        while (!condition())
            await Task.Delay(100, cancellation);
    }
}
