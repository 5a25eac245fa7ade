using System.Diagnostics;
using System.Globalization;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// The published binary with its queue on a disk that hangs: scrapes come on time, the listener answers, one log line and one metric
/// tell, and in the end everything has arrived once.
/// </summary>
[Trait("Speed", "Slow")]
public sealed class HangingDiskTests(PublishedBinary binary) : IAsyncLifetime
{
    private const int FrozenSeconds = 20;

    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private FrozenDisk? disk;
    private string reason = "";
    private StandInFixture run = null!;
    private volatile bool isAway;

    public async ValueTask InitializeAsync()
    {
        (disk, reason) = await FrozenDisk.TryCreateAsync();
        if (disk is null)
            return;
        run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Gzip = scrape => TargetBehaviour.Compress(System.Text.Encoding.UTF8.GetBytes($"serial {scrape}\n"));
        foreach (var name in run.Environment.Keys.Where(k => k.StartsWith("SIDECAR_KUBERNETES_", StringComparison.Ordinal)).ToArray())
            run.Environment.Remove(name);
        run.Environment["SIDECAR_TARGETS"] = $"127.0.0.1:{run.ApiServer.Port}";
        run.Environment["SIDECAR_TLS_CA_FILE"] = run.Cluster.CaFile;
        run.Environment["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = run.Cluster.TokenFile;
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "1s";
        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "3s";
        run.Environment["SIDECAR_QUEUE_DIRECTORY"] = Path.Combine(disk.Folder, "queue");
        run.Receiver.Answer = _ => isAway ? new ReceiverAnswer(503) : new ReceiverAnswer();
    }

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        if (disk is null)
            return;
        if (run.Sidecar is { HasExited: false })
        {
            using var thaw = Process.Start("fsfreeze", ["-u", disk.Folder]); // a process that hangs in it cannot end
            await thaw.WaitForExitAsync();
        }
        await run.DisposeAsync();
        await disk.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Frozen_for_a_while_scrapes_come_on_time_and_nothing_is_lost_or_sent_twice(bool isReceiverAway)
    {
        await StartAsync();
        await ScrapesAsync(3);
        isAway = isReceiverAway;
        await disk!.FreezeAsync();
        var (scrapes, sent) = (run.ApiServer.Metrics.Scrapes, run.Samples("serial").Count);
        var ticks = await WatchAsync(FrozenSeconds);
        Assert.InRange(run.ApiServer.Metrics.Scrapes - scrapes, FrozenSeconds / 2, ticks + 2);
        if (!isReceiverAway)
            Assert.InRange(run.Samples("serial").Count - sent, FrozenSeconds / 2, ticks + 2);
        Assert.Equal(1, await MetricAsync("sidecar_queue_directory_hanging"));
        Assert.Single(run.Sidecar.Log, l => l.Contains("The queue directory does not answer", StringComparison.Ordinal));
        await disk.ThawAsync();
        await run.Sidecar.WaitForLogAsync("The queue directory answers again");
        isAway = false;
        if (isReceiverAway)
            await run.Sidecar.WaitForLogAsync("The receiver accepts again"); // a try may be five seconds away, and the end waits for three
        await EndAsync();
    }

    [Fact]
    public async Task Frozen_with_an_age_limit_the_listener_answers_and_scrapes_come_on_time()
    {
        run?.Environment.Add("SIDECAR_QUEUE_AGE_LIMIT", "4s");
        await StartAsync();
        isAway = true;
        await ScrapesAsync(3);
        await disk!.FreezeAsync();
        var scrapes = run!.ApiServer.Metrics.Scrapes;
        var ticks = await WatchAsync(FrozenSeconds);
        Assert.InRange(run.ApiServer.Metrics.Scrapes - scrapes, FrozenSeconds / 2, ticks + 2);
        Assert.InRange(await MetricAsync("sidecar_queue_dropped_scrapes_total{reason=\"queue_age\"}"), 5, run.ApiServer.Metrics.Scrapes);
        Assert.InRange(await MetricAsync("sidecar_queue_scrapes"), 1, 8);
        await disk.ThawAsync();
        await run.Sidecar.WaitForLogAsync("The queue directory answers again");
        isAway = false;
        await run.Sidecar.WaitForLogAsync("The receiver accepts again");
        await run.StopAsync();
        Assert.Empty(Directory.GetFiles(run.Environment["SIDECAR_QUEUE_DIRECTORY"], "*.scrape"));
        Assert.Empty(Twice());
    }

    [Fact]
    public async Task Frozen_before_the_start_scrapes_wait_in_memory_and_what_waits_on_disk_is_sent_first()
    {
        isAway = true;
        await StartAsync();
        await ScrapesAsync(5);
        Assert.Equal(0, await run.Sidecar.StopAsync());
        var waiting = Directory.GetFiles(run.Environment["SIDECAR_QUEUE_DIRECTORY"], "*.scrape").Length;
        Assert.InRange(waiting, 4, run.ApiServer.Metrics.Scrapes);
        await run.Sidecar.DisposeAsync();

        isAway = false;
        await disk!.FreezeAsync();
        var scrapes = run.ApiServer.Metrics.Scrapes;
        var started = Stopwatch.GetTimestamp();
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("The queue directory does not answer");
        await WatchAsync(10);
        Assert.InRange(run.ApiServer.Metrics.Scrapes - scrapes, 5, Stopwatch.GetElapsedTime(started).TotalSeconds + 2);
        await disk.ThawAsync();
        await Eventually.TrueAsync(() => run.Samples("serial").Count >= waiting + 5, () => string.Join('\n', run.Sidecar.Log));
        await EndAsync();
    }

    /// <summary>
    /// Nobody can end a thread that hangs in the file system, and only then is its process reaped; all else has ended in time.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SIGTERM_ends_a_process_whose_disk_hangs(bool isReceiverAway)
    {
        await StartAsync();
        await ScrapesAsync(3);
        await disk!.FreezeAsync();
        await WatchAsync(4);
        isAway = isReceiverAway;
        var listener = await run.Sidecar.ListenAddressAsync();
        var began = Stopwatch.GetTimestamp();
        using (var kill = Process.Start("kill", ["-TERM", run.Sidecar.Id.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync(Cancellation);
        await run.Sidecar.WaitForLogAsync("Stopped");
        await Eventually.TrueAsync(IsOver, () => string.Join('\n', run.Sidecar.Log));
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 25);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => http.GetAsync(new Uri(listener, "/-/healthy"), Cancellation));
        await disk.ThawAsync();
        Assert.Equal(0, await run.Sidecar.WaitForExitAsync());
        Assert.Empty(Twice());

        bool IsOver()
        {
            try
            {
                var status = File.ReadAllText($"/proc/{run.Sidecar.Id}/stat");
                return status[(status.LastIndexOf(')') + 2)..].StartsWith('Z');
            }
            catch (IOException)
            {
                return true;
            }
        }
    }

    private async Task StartAsync()
    {
        Assert.SkipWhen(disk is null, reason);
        run.Start(binary);
        await run.Sidecar.ListenAddressAsync();
    }

    private Task ScrapesAsync(int count) =>
        Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= count, () => string.Join('\n', run.Sidecar.Log));

    /// <summary>All the time the listener answers within five seconds, and well.</summary>
    /// <returns>Seconds that it has really taken.</returns>
    private async Task<double> WatchAsync(int seconds)
    {
        var listener = await run.Sidecar.ListenAddressAsync();
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
        {
            await http.GetStringAsync(new Uri(listener, "/-/healthy"), Cancellation);
            await http.GetStringAsync(new Uri(listener, "/metrics"), Cancellation);
            await Task.Delay(500, Cancellation);
        }
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private async Task<double> MetricAsync(string name)
    {
        var text = await http.GetStringAsync(new Uri(await run.Sidecar.ListenAddressAsync(), "/metrics"), Cancellation);
        var line = text.Split('\n').Single(l => l.StartsWith(name + " ", StringComparison.Ordinal));
        return double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Every scrape that was made has arrived, once and in order.</summary>
    private async Task EndAsync()
    {
        await run.StopAsync();
        Assert.Empty(Twice());
        var serials = run.Samples("serial").Select(s => s.Value).ToArray();
        Assert.Equal(serials.Order(), serials);
        // The last may be cut by the end.
        var missing = Enumerable.Range(1, run.ApiServer.Metrics.Scrapes - 1).Except(serials.Select(s => (int)s)).ToArray();
        Assert.True(missing.Length == 0, $"missing: {string.Join(' ', missing)}\n{string.Join('\n', run.Sidecar.Log)}");
        Assert.Empty(Directory.GetFiles(run.Environment["SIDECAR_QUEUE_DIRECTORY"], "*.scrape"));
        Assert.Single(Directory.GetFiles(run.Environment["SIDECAR_QUEUE_DIRECTORY"], "*.last"));
    }

    private long[] Twice() => [.. run.Samples("serial").GroupBy(s => s.Timestamp).Where(g => g.Count() > 1).Select(g => g.Key)];
}
