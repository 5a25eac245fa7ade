using System.Net;
using System.Net.Sockets;

namespace Cluster.Campaigns;

/// <summary>
/// Everything goes wrong at random and at once, the process, the receiver, the disk, the targets, the API server; and beside it somebody
/// knows every sample that was served. A track does one kind of thing after another at times that follow from the seed; tracks overlap.
/// </summary>
public sealed class FaultCampaign : IAsyncDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan Timeout = Interval;

    /// <summary>Bound of the quiet time after all faults.</summary>
    private static readonly TimeSpan LongestQuiet = TimeSpan.FromSeconds(40);

    private readonly CampaignOptions options;
    private readonly CampaignLog log;
    private readonly Spells spells;
    private readonly Verdict verdict;
    private readonly Receiver receiver = new();
    private readonly ReceiverWeather weather;
    private readonly CampaignTarget[] targets;
    private readonly ServedSeries series;
    private readonly Oracle oracle;
    private StandInCluster cluster = null!;
    private QueueDisk disk = null!;
    private QueueLitter litter = null!;
    private SidecarLives lives = null!;
    private Uri healthUrl = null!;

    private FaultCampaign(CampaignOptions options)
    {
        this.options = options;
        log = new CampaignLog(options.LogFile);
        spells = new Spells(log);
        verdict = new Verdict(options);
        weather = new ReceiverWeather(receiver, spells, options.Seed);
        series = new ServedSeries(options.Seed);
        var refused = new RefusedTurn(TimeSpan.FromMinutes(1));
        targets = [.. Enumerable.Range(0, options.Targets)
            .Select(i => new CampaignTarget(i, options.Seed, series, refused) { IsTroubled = true })];
        oracle = new Oracle(targets, verdict);
    }

    /// <summary>Runs one from beginning to end, and leaves nothing behind.</summary>
    public static async Task<Verdict> RunAsync(CampaignOptions options, CancellationToken cancellation)
    {
        await using var campaign = new FaultCampaign(options);
        await campaign.PrepareAsync();
        await campaign.RunAsync(cancellation);
        campaign.Judge();
        return campaign.verdict;
    }

    public async ValueTask DisposeAsync()
    {
        if (disk is { IsOwn: true })
            await disk.ThawAsync();
        if (lives is not null)
            await lives.DisposeAsync();
        foreach (var target in targets)
            await target.DisposeAsync();
        await receiver.DisposeAsync();
        if (cluster is not null)
            await cluster.DisposeAsync();
        if (disk is not null)
            await disk.DisposeAsync();
        log.Dispose();
    }

    private async Task PrepareAsync()
    {
        disk = await QueueDisk.CreateAsync();
        cluster = await StandInCluster.StartAsync();
        receiver.IsForgetful = true;
        receiver.Kept = oracle.Keep;
        receiver.SecondVersion = (SecondVersion)(ServedSeries.Mix(options.Seed, 0, 0, 3) % 3);
        await receiver.StartAsync();
        foreach (var target in targets)
        {
            await target.StartAsync();
            Announce(target);
        }
        litter = new QueueLitter(disk, targets, log);
        var environment = new Dictionary<string, string>
        {
            ["SIDECAR_REMOTE_WRITE_URL"] = receiver.WriteUrl.ToString(),
            ["SIDECAR_REMOTE_WRITE_TIMEOUT"] = "2s",
            ["SIDECAR_REMOTE_WRITE_MAX_BACKOFF"] = "1s",
            ["SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND"] = "40", // several requests a scrape
            ["SIDECAR_KUBERNETES_API_SERVER"] = cluster.ApiServers[0].Address.ToString(),
            ["SIDECAR_KUBERNETES_TOKEN_FILE"] = cluster.TokenFile,
            ["SIDECAR_KUBERNETES_CA_FILE"] = cluster.CaFile,
            ["SIDECAR_KUBERNETES_SERVICE"] = "campaign",
            ["SIDECAR_KUBERNETES_PORT_NAME"] = "metrics",
            ["SIDECAR_KUBERNETES_REFRESH_INTERVAL"] = "2s",
            ["SIDECAR_SCHEME"] = "http",
            ["SIDECAR_JOB_NAME"] = ServedSeries.Job,
            ["SIDECAR_EXTERNAL_LABELS"] = "cluster=test",
            ["SIDECAR_METRIC_RELABEL_CONFIGS"] = ServedSeries.Rules,
            ["SIDECAR_SCRAPE_INTERVAL"] = $"{Interval.TotalSeconds}s",
            ["SIDECAR_SCRAPE_TIMEOUT"] = $"{Timeout.TotalSeconds}s",
            ["SIDECAR_QUEUE_DIRECTORY"] = disk.Folder,
            ["SIDECAR_SHUTDOWN_TIMEOUT"] = "2s",
            ["SIDECAR_LISTEN_ADDRESS"] = $"127.0.0.1:{FreePort()}",
        };
        lives = new SidecarLives(options, environment, spells, log, verdict);
        await lives.StartAsync();
        healthUrl = new Uri($"http://{environment["SIDECAR_LISTEN_ADDRESS"]}/-/healthy");
    }

    private async Task RunAsync(CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(options.Duration);
        var half = targets.Length / 2;
        var tracks = new List<Task>
        {
            TrackAsync(1, 800, 8000, ProcessAsync, Faults.Kill | Faults.Terminate | Faults.Stop, end.Token),
            TrackAsync(2, 800, 6000, weather.SpellAsync, Faults.Receiver, end.Token),
            TrackAsync(3, 2000, 9000, DiskAsync, Faults.DiskFull | Faults.DiskFrozen, end.Token),
            TrackAsync(4, 500, 4000, LitterAsync, Faults.Litter | Faults.Oddities | Faults.Damage, end.Token),
            // Two at once, each with targets of its own.
            TrackAsync(5, 800, 5000, (random, token) => TargetAsync(0, half, random, token), Faults.Targets, end.Token),
            TrackAsync(6, 800, 5000, (random, token) => TargetAsync(half, targets.Length, random, token), Faults.Targets, end.Token),
            TrackAsync(7, 4000, 15000, ApiServerAsync, Faults.ApiServer, end.Token),
        };
        using var watched = new CancellationTokenSource();
        var watching = WatchAsync(watched.Token);
        await Task.WhenAll(tracks);
        cancellation.ThrowIfCancellationRequested();
        await QuietAsync();
        await watched.CancelAsync();
        await watching;
        await lives.TerminateAsync();
    }

    /// <summary>One fault after another, with pauses of so many milliseconds.</summary>
    private async Task TrackAsync(
        int number, int from, int to, Func<Random, CancellationToken, Task> fault, Faults kinds, CancellationToken end)
    {
        if ((options.Faults & kinds) == 0)
            return;
        var random = new Random(options.Seed * 31 + number);
        try
        {
            while (true)
            {
                await Task.Delay(random.Next(from, to), end);
                // What follows from the seed must not depend on how long the one before took to draw.
                await fault(new Random(random.Next()), end);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
        }
    }

    private async Task ProcessAsync(Random random, CancellationToken end)
    {
        Faults[] kinds = [Faults.Kill, Faults.Kill, Faults.Kill, Faults.Terminate, Faults.Stop];
        kinds = [.. kinds.Where(k => options.Faults.HasFlag(k))];
        var kind = kinds[random.Next(kinds.Length)];
        if (random.Next(4) == 0)
            await Task.Delay(random.Next(5000, 15000), end); // a longer life: what a fault elsewhere holds up shows
        if (kind == Faults.Stop)
        {
            await lives.StopForAsync(TimeSpan.FromMilliseconds(random.Next(200, 4000)), end);
            return;
        }
        if (kind == Faults.Kill)
            await lives.KillAsync();
        else
            await lives.TerminateAsync();
        var lifetimes = random.Next(4) == 0 ? random.Next(1, 4) : 0;
        for (var i = 0; i < lifetimes; i++)
        {
            // Killed again while it starts.
            await lives.StartAsync();
            await Task.Delay(random.Next(0, 300), CancellationToken.None);
            await lives.KillAsync();
        }
        await Task.Delay(random.Next(0, 1500), CancellationToken.None);
        await lives.StartAsync();
    }

    private async Task DiskAsync(Random random, CancellationToken end)
    {
        if (!disk.IsOwn)
            return;
        Faults[] kinds = [.. new[] { Faults.DiskFull, Faults.DiskFrozen }.Where(k => options.Faults.HasFlag(k))];
        var length = TimeSpan.FromMilliseconds(random.Next(500, 9000));
        var isFull = kinds[random.Next(kinds.Length)] == Faults.DiskFull;
        using var spell = isFull ? spells.Begin(Faults.DiskFull, "disk full") : spells.Begin(Faults.DiskFrozen, "disk frozen");
        try
        {
            await (isFull ? disk.FillAsync() : disk.FreezeAsync());
            await Task.Delay(length, end);
        }
        finally
        {
            if (isFull)
                disk.Empty();
            else
                await disk.ThawAsync();
        }
    }

    private Task LitterAsync(Random random, CancellationToken end)
    {
        // Not while the disk is frozen: this process must not hang with it.
        if (!spells.Any(Spells.Now, Spells.Now, Faults.DiskFrozen))
            litter.Put(random, options.Faults);
        return Task.CompletedTask;
    }

    /// <summary>It leaves discovery and comes back, at once or after its end was told; or it is restarted; or both.</summary>
    private async Task TargetAsync(int from, int to, Random random, CancellationToken end)
    {
        var target = targets[random.Next(from, to)];
        var leaves = random.Next(3) > 0;
        var restarts = random.Next(3) == 0 || !leaves;
        var what = leaves && restarts ? "leaves and restarts" : leaves ? "leaves" : "restarts";
        using var spell = spells.Begin(Faults.Targets, $"target {target.Number} {what}", target.Number);
        try
        {
            if (restarts)
                await target.StopAsync();
            if (leaves)
                Withdraw(target);
            await Task.Delay(random.Next(100, 9000), end);
        }
        finally
        {
            if (restarts)
                await target.StartAsync();
            if (leaves)
                Announce(target);
        }
    }

    private async Task ApiServerAsync(Random random, CancellationToken end)
    {
        using var spell = spells.Begin(Faults.ApiServer, "API server away");
        var server = cluster.ApiServers[0];
        if (random.Next(2) == 0)
        {
            cluster.Store.Compact();
            return;
        }
        await server.StopAsync();
        try
        {
            await Task.Delay(random.Next(300, 5000), end);
        }
        finally
        {
            await server.StartAsync();
        }
    }

    /// <summary>All faults are off: what waits must arrive, then all targets leave, and their ends must arrive.</summary>
    private async Task QuietAsync()
    {
        log.Write("--- quiet");
        if (!lives.IsRunning)
            await lives.StartAsync();
        foreach (var target in targets)
            target.IsTroubled = false;
        var ups = targets.Select(t => ServedSeries.Name("up", t.Port)).ToArray();
        var from = Spells.Now;
        await UntilAsync(
            () => targets.All(t => oracle.NewestTimestamp(t.Number) > from + 3000 && oracle.Newest(t.Number, ups[t.Number]) == 1),
            "not every target is scraped and sent again");
        using (spells.Begin(Faults.Targets, "all targets leave"))
        {
            foreach (var target in targets)
                Withdraw(target);
            await UntilAsync(
                () => targets.All(t => oracle.Newest(t.Number, ups[t.Number]) is { } up && Receiver.IsMarker(up)),
                "not every target has its end");
        }
        await UntilAsync(() => disk.Waiting().All(f => f.Contains("-litter", StringComparison.Ordinal)), "files still wait");
    }

    private async Task UntilAsync(Func<bool> condition, string otherwise)
    {
        for (var until = DateTime.UtcNow + LongestQuiet; !condition(); await Task.Delay(100))
        {
            if (DateTime.UtcNow < until)
                continue;
            verdict.Find("quiet", $"{otherwise} after {LongestQuiet.TotalSeconds:0} s without faults; {disk.Waiting().Length} files wait; "
                + "the last lines:\n  " + string.Join("\n  ", log.Tail(20)));
            return;
        }
    }

    /// <summary>The listener answers, whatever receiver, disk and targets do.</summary>
    private async Task WatchAsync(CancellationToken end)
    {
        const Faults Own = Faults.Kill | Faults.Terminate | Faults.Stop;
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        while (!end.IsCancellationRequested)
        {
            var begun = Spells.Now;
            var answer = "";
            try
            {
                using var response = await client.GetAsync(healthUrl, end);
                answer = $"{(int)response.StatusCode}";
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                answer = e.Message;
            }
            var took = Spells.Now - begun;
            if (!end.IsCancellationRequested && !spells.Any(begun - 1000, Spells.Now, Own))
            {
                verdict.LongestAnswer = Math.Max(verdict.LongestAnswer, took);
                if (answer != "200" || took > 5000)
                {
                    verdict.Find("health", $"/-/healthy says {answer} after {took} ms; "
                        + string.Join("; ", spells.Within(begun, Spells.Now, Faults.All).Select(s => s.What)));
                }
            }
            await Task.Delay(500, end).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private void Judge()
    {
        foreach (var target in targets)
            new TargetTrial(target, series, oracle.Of(target.Number), spells, litter.Damaged, verdict).Judge();
        foreach (var violation in receiver.Violations)
            verdict.Find("order", violation);
        verdict.Spells = spells.Counts();
        verdict.Requests = weather.Requests;
        verdict.Litter = litter.Count;
        verdict.Starts = lives.Starts;
    }

    private void Announce(CampaignTarget target)
    {
        cluster.Store.SetSlice("default", $"campaign-{target.Number}", "campaign", ["127.0.0.1"], target.Port, "metrics");
    }

    private void Withdraw(CampaignTarget target)
    {
        cluster.Store.Remove("endpointslices", "default", $"campaign-{target.Number}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
