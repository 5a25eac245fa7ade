namespace Cluster;

/// <summary>
/// What happens in the demo: an API server goes away and comes back, the receiver goes away and comes back. By the clock, until somebody
/// presses a key and takes over.
/// </summary>
internal sealed class DemoStory(
    StandInCluster cluster, Receiver receiver, ReceiverPage page, Timeline timeline, DemoTerminal terminal, TimeSpan length, TimeSpan interval)
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
        var told = TimeSpan.Zero;
        foreach (var (share, step) in new (double, Func<CancellationToken, Task>)[]
        {
            (0.12, ServerGoesAsync), (0.38, ServerComesAsync), (0.50, _ => ReceiverGoesAsync()), (0.72, ReceiverComesAsync),
        })
        {
            await Task.Delay(length * share - told, cancellation);
            told = length * share;
            var begun = DateTime.UtcNow;
            await step(cancellation);
            told += DateTime.UtcNow - begun;
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
        terminal.Tell("Kubernetes takes it out of the Service; discovery sees that, and after two intervals it is forgotten.");
        cluster.Withdraw(Server);
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
        var first = cluster.ApiServers[0];
        var name = $"127.0.0.1:{first.Port}";
        // Caught up when a scrape made after the outage has arrived, whole.
        await EventuallyAsync(() => Scrapes(name).Any(s => s.At > backSince && s.Up is not null), cancellation);
        var late = cluster.ApiServers.Sum(s => Scrapes($"127.0.0.1:{s.Port}").Count(x => x.At >= awaySince && ReceiverPage.IsLate(x)));
        terminal.Tell($"Caught up: {late} scrapes came late, each at its own timestamp; {Missing(name)} of {name} are missing.");
    }

    /// <summary>Scrapes of a target that were due since the outage began and are not there.</summary>
    public int Missing(string name)
    {
        var times = Scrapes(name).Where(s => s.At >= awaySince - 2 * interval.TotalMilliseconds).Select(s => s.At).ToList();
        return times.Zip(times.Skip(1), (a, b) => (int)Math.Round((b - a) / interval.TotalMilliseconds) - 1).Sum();
    }

    private List<ArrivedScrape> Scrapes(string name) => timeline.Scrapes(0).Where(t => t.Instance == name).SelectMany(t => t.Scrapes).ToList();

    private static long Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private static async Task EventuallyAsync(Func<bool> condition, CancellationToken cancellation)
    {
        while (!condition())
            await Task.Delay(100, cancellation);
    }
}
