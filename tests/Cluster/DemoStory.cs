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
    private Task moving = Task.CompletedTask;
    private int serverPressed;
    private int receiverPressed;

    private ApiServer Server => cluster.ApiServers[1];

    private string Name => $"127.0.0.1:{Server.Port}";

    /// <summary>The steps, as shares of the length.</summary>
    /// <param name="byClock">No further step is begun.</param>
    /// <param name="cancellation">Ends the one that is going on too.</param>
    public async Task TellAsync(CancellationToken byClock, CancellationToken cancellation)
    {
        var begun = Stopwatch.GetTimestamp();
        foreach (var (share, key) in new (double, char)[] { (0.12, 'a'), (0.38, 'a'), (0.50, 'r'), (0.72, 'r') })
        {
            // On a slow machine a step may take longer than its share; the next one still leaves a moment to look.
            var wait = length * share - Stopwatch.GetElapsedTime(begun);
            await Task.Delay(wait > length * 0.05 ? wait : length * 0.05, byClock);
            await PressAsync(key, cancellation);
        }
        terminal.Tell("That was all. It goes on like this: a takes an API server away or brings it back, r does so with the receiver.");
        terminal.IsToldOut = true;
    }

    /// <summary>
    /// What a key does: <c>a</c> or <c>r</c>. Returns when all that it leads to was seen, or when the same key was pressed again.
    /// </summary>
    public async Task PressAsync(char key, CancellationToken cancellation)
    {
        var pressed = key == 'a' ? ++serverPressed : ++receiverPressed;
        bool IsCurrent() => pressed == (key == 'a' ? serverPressed : receiverPressed);
        await ((key, key == 'a' ? isServerAway : page.IsAway) switch
        {
            ('a', false) => ServerGoesAsync(IsCurrent, cancellation),
            ('a', true) => ServerComesAsync(IsCurrent, cancellation),
            (_, false) => ReceiverGoesAsync(),
            _ => ReceiverComesAsync(IsCurrent, cancellation),
        });
    }

    /// <param name="isCurrent">The key was not pressed again since.</param>
    private async Task ServerGoesAsync(Func<bool> isCurrent, CancellationToken cancellation)
    {
        isServerAway = true;
        terminal.Tell($"API server {Name} goes away. Its scrapes fail: up turns 0, and its series end with staleness markers.");
        var since = Now();
        await MoveAsync(Server.StopAsync);
        if (page.IsAway)
            terminal.Tell("The receiver is away and hears of it later: press r to bring it back.");
        else if (await SeenAsync(() => page.IsAway || Scrapes(Name).Any(s => s.At > since && s.Up == 0), isCurrent, cancellation)
            && Scrapes(Name).Where(s => s.At > since).Sum(s => s.Markers) is > 0 and var markers)
            terminal.Tell($"The receiver has up=0 of it, and {markers:N0} staleness markers.");
        await Task.Delay(UntilWithdrawn, cancellation);
        if (!isCurrent())
            return;
        terminal.Tell("Kubernetes takes it out of the Service; discovery sees that, and for two intervals it may come back.");
        cluster.Withdraw(Server);
        if (await SeenAsync(() => Scrapes(Name).Any(s => s.At > since && s.IsEnd), isCurrent, cancellation))
            terminal.Tell("It did not: up itself has ended, and the target is forgotten.");
    }

    private async Task ServerComesAsync(Func<bool> isCurrent, CancellationToken cancellation)
    {
        isServerAway = false;
        terminal.Tell($"API server {Name} is back, and in the Service.");
        await MoveAsync(Server.StartAsync);
        cluster.Announce(Server);
        var since = Now();
        if (await SeenAsync(() => Scrapes(Name).Any(s => s.At > since && s.Up == 1), isCurrent, cancellation))
            terminal.Tell("Discovered and scraped again.");
    }

    /// <summary>The server stops or starts, one after the other however fast the keys are.</summary>
    private Task MoveAsync(Func<Task> move)
    {
        return moving = AfterAsync(moving);

        async Task AfterAsync(Task before)
        {
            await before;
            await move();
        }
    }

    private Task ReceiverGoesAsync()
    {
        page.IsAway = true;
        awaySince = Now();
        receiver.Answer = _ => new ReceiverAnswer(503, "closed for the demo");
        terminal.Tell("The receiver answers 503 to everything. The sidecar tries again and again; what it scrapes waits, compressed.");
        return Task.CompletedTask;
    }

    private async Task ReceiverComesAsync(Func<bool> isCurrent, CancellationToken cancellation)
    {
        receiver.Answer = _ => new ReceiverAnswer();
        page.IsAway = false;
        backSince = Now();
        terminal.Tell("The receiver accepts again.");
        // Each target's scrapes come in order, so that all of them are there once the newest is.
        if (!await SeenAsync(() => Names().All(n => Newest(n) is var at && at > backSince && at > Now() - 2 * interval.TotalMilliseconds),
            isCurrent, cancellation))
            return;
        var late = Names().Sum(n => Scrapes(n).Count(s => s.At >= awaySince && ReceiverPage.IsLate(s)));
        var missing = Names().Sum(Missing);
        terminal.Tell($"Caught up: {late} scrapes came late, each at its own timestamp; "
            + $"{(missing == 0 ? "none is" : $"{missing} are")} missing.");
    }

    /// <summary>Of the API servers that are there.</summary>
    private List<string> Names() =>
        (isServerAway ? cluster.ApiServers.Take(1) : cluster.ApiServers).Select(a => $"127.0.0.1:{a.Port}").ToList();

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

    /// <summary>False where the key was pressed again before it was seen.</summary>
    private static async Task<bool> SeenAsync(Func<bool> condition, Func<bool> isCurrent, CancellationToken cancellation)
    {
        while (!condition())
        {
            if (!isCurrent())
                return false;
            await Task.Delay(100, cancellation);
        }
        return isCurrent();
    }
}
