using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// The published binary killed with SIGKILL at random moments, with a receiver that fails at random: what was accepted into the queue
/// directory is at the receiver in the end, every sample of it. The number of kills is 200, or what SIDECAR_TEST_CRASHES says.
/// </summary>
public sealed class CrashTests(PublishedBinary binary) : IDisposable
{
    private const int SeriesCount = 300;

    private readonly string folder = Directory.CreateTempSubdirectory("crash").FullName;

    /// <summary>Timestamps of scrapes that were seen in the queue directory.</summary>
    private readonly SortedSet<long> accepted = [];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task Killed_at_random_it_loses_nothing_that_it_accepted()
    {
        var kills = int.Parse(Environment.GetEnvironmentVariable("SIDECAR_TEST_CRASHES") ?? "200", CultureInfo.InvariantCulture);
        var seed = Environment.TickCount;
        var random = new Random(seed);
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using var run = await CreateAsync();
        run.Receiver.Answer = _ =>
        {
            lock (random)
            {
                return random.Next(10) switch
                {
                    0 => new ReceiverAnswer(503),
                    1 => new ReceiverAnswer { IsReset = true },
                    2 => new ReceiverAnswer { IsReset = true, IsStored = true }, // stored, but the answer is lost
                    3 => new ReceiverAnswer(429, RetryAfter: "0"),
                    4 => new ReceiverAnswer { Delay = TimeSpan.FromMilliseconds(random.Next(200)) },
                    _ => new ReceiverAnswer(),
                };
            }
        };
        for (var kill = 0; kill < kills; kill++)
        {
            int life;
            lock (random)
                life = random.Next(30, 500);
            await LiveAsync(run, life);
        }
        await DrainAsync(run);
        Assert.InRange(accepted.Count, kills / 10, int.MaxValue); // or the test has shown nothing
        Assert.Empty(Missing(run));
        Assert.Empty(Halves(run));
        Assert.Empty(run.Receiver.Violations);
        Assert.False(Directory.Exists(Path.Combine(folder, "damaged")));
    }

    /// <summary>The test of the test: a file that is taken away by hand is missed.</summary>
    [Fact]
    public async Task A_file_that_somebody_deletes_is_missed()
    {
        await using var run = await CreateAsync();
        run.Receiver.Answer = _ => new ReceiverAnswer(503);
        for (var kill = 0; accepted.Count < 5; kill++)
        {
            Assert.True(kill < 60, "nothing is accepted into the queue");
            await LiveAsync(run, 1000);
        }
        var victim = Directory.GetFiles(folder, "*.scrape").Order(StringComparer.Ordinal).ElementAt(2);
        File.Delete(victim); // good or not: its up is missed
        run.Receiver.Answer = _ => new ReceiverAnswer();
        await DrainAsync(run);
        Assert.Equal([TimestampOf(victim)], Missing(run));
    }

    [Fact]
    public async Task A_second_process_on_the_folder_ends_with_2_and_says_why()
    {
        await using var run = await CreateAsync();
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Receiver.Samples > 0, () => string.Join('\n', run.Sidecar.Log));
        await using var second = SidecarProcess.Start(binary, run.Environment);
        Assert.Equal(2, await second.WaitForExitAsync());
        Assert.Contains(second.Log, l => l.Contains("another process has this folder", StringComparison.Ordinal));
        await run.StopAsync();
    }

    [Fact]
    public async Task What_is_unsent_at_SIGTERM_is_sent_after_the_next_start_and_what_vanished_meanwhile_is_marked()
    {
        await using var run = await CreateAsync();
        run.ApiServer.Metrics.Serve("stays 1\ngoes 1\n");
        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "200ms";
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("goes").Count > 0, () => string.Join('\n', run.Sidecar.Log));
        run.Receiver.Answer = _ => new ReceiverAnswer { Delay = TimeSpan.FromMinutes(5) }; // hangs
        await Eventually.TrueAsync(() => Directory.GetFiles(folder, "*.scrape").Length >= 3, () => string.Join('\n', run.Sidecar.Log));
        Assert.Equal(0, await run.Sidecar.StopAsync());
        Assert.Contains(run.Sidecar.Log, l => l.Contains("unsent scrapes wait in the queue directory", StringComparison.Ordinal));
        accepted.UnionWith(Directory.GetFiles(folder, "*.scrape").Select(TimestampOf));
        await run.Sidecar.DisposeAsync();

        run.ApiServer.Metrics.Serve("stays 2\n");
        run.Receiver.Answer = _ => new ReceiverAnswer();
        run.Start(binary);
        await run.ValueAsync("stays", 2);
        await Eventually.TrueAsync(() => run.Samples("goes") is [.., var last] && Receiver.IsMarker(last.Value), () =>
            string.Join('\n', run.Sidecar.Log));
        Assert.Empty(accepted.Except(run.Samples("stays").Select(s => s.Timestamp)));
        await run.StopAsync();
    }

    [Fact]
    public async Task A_final_scrape_is_taken_and_sent_at_SIGTERM()
    {
        await using var run = await CreateAsync();
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "1h";
        run.Environment["SIDECAR_FINAL_SCRAPE"] = "true";
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        run.ApiServer.Metrics.Serve("a 2\n");
        await run.StopAsync();
        Assert.Equal([1, 2], run.Samples("a").Select(s => s.Value));
    }

    /// <summary>A file system of its own that holds some thirty scrapes, full for as long as the receiver is away.</summary>
    [Fact]
    public async Task A_full_disk_is_said_and_what_does_not_fit_waits_in_memory()
    {
        Assert.SkipUnless(await CanMountAsync(), "this machine lets no tmpfs be mounted");
        await using var run = await CreateAsync();
        var accepts = false;
        run.Receiver.Answer = _ => Volatile.Read(ref accepts) ? new ReceiverAnswer() : new ReceiverAnswer(503);
        run.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH")!;
        await using var sidecar = SidecarProcess.Start(
            "unshare", run.Environment, [.. Unshare, $"mount -t tmpfs -o size=128k none '{folder}' && exec '{binary.Path}'"]);
        await sidecar.WaitForLogAsync("The queue directory cannot be written", "no space left on the device");
        var full = run.ApiServer.Metrics.Scrapes;
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= full + 10, () => string.Join('\n', sidecar.Log));
        Volatile.Write(ref accepts, true);
        await sidecar.WaitForLogAsync("The queue directory can be used again");
        Assert.Equal(0, await sidecar.StopAsync());
        Assert.Empty(run.Receiver.Violations);
        Assert.Empty(Halves(run));
        // one may be cut by the end
        Assert.InRange(run.Samples("up").DistinctBy(s => s.Timestamp).Count(), run.ApiServer.Metrics.Scrapes - 1, int.MaxValue);
        // one line for the spell
        Assert.Single(sidecar.Log, l => l.Contains("The queue directory cannot be written", StringComparison.Ordinal));
    }

    private static readonly string[] Unshare =
        [.. Environment.UserName == "root"
        ? Array.Empty<string>() : ["--map-root-user"], "--mount", "--propagation", "private", "/bin/sh", "-c"];

    private static async Task<bool> CanMountAsync()
    {
        try
        {
            using var attempt = Process.Start("unshare", [.. Unshare, "mount -t tmpfs -o size=4k none /tmp"]);
            await attempt.WaitForExitAsync();
            return attempt.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    /// <summary>A file is in the way until somebody takes it away.</summary>
    [Fact]
    public async Task A_disk_that_takes_nothing_costs_a_log_line_and_no_scrape()
    {
        await using var run = await CreateAsync();
        File.Delete(Path.Combine(folder, "lock"));
        var blocked = Path.Combine(folder, "file");
        await File.WriteAllTextAsync(blocked, "", TestContext.Current.CancellationToken);
        run.Environment["SIDECAR_QUEUE_DIRECTORY"] = Path.Combine(blocked, "queue"); // a file is in the way: no folder can be made
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("serial", "i=\"0\"").Count >= 3, () => string.Join('\n', run.Sidecar.Log));
        await run.Sidecar.WaitForLogAsync("The queue directory cannot be");
        File.Delete(blocked);
        await Eventually.TrueAsync(() => Directory.Exists(run.Environment["SIDECAR_QUEUE_DIRECTORY"]), () =>
            string.Join('\n', run.Sidecar.Log));
        await run.Sidecar.WaitForLogAsync("can be used again");
        await run.StopAsync();
    }

    private static long TimestampOf(string file) => long.Parse(Path.GetFileName(file).Split('-')[0], CultureInfo.InvariantCulture);

    private async Task<StandInFixture> CreateAsync()
    {
        var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Gzip = scrape => TargetBehaviour.Compress(Encoding.UTF8.GetBytes(
            string.Concat(Enumerable.Range(0, SeriesCount).Select(i => $"serial{{i=\"{i}\"}} {scrape}\n"))));
        foreach (var name in run.Environment.Keys.Where(k => k.StartsWith("SIDECAR_KUBERNETES_", StringComparison.Ordinal)).ToArray())
            run.Environment.Remove(name);
        run.Environment["SIDECAR_TARGETS"] = $"127.0.0.1:{run.ApiServer.Port}";
        run.Environment["SIDECAR_TLS_CA_FILE"] = run.Cluster.CaFile;
        run.Environment["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = run.Cluster.TokenFile;
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "150ms";
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND"] = "100"; // several requests a scrape
        run.Environment["SIDECAR_QUEUE_DIRECTORY"] = folder;
        return run;
    }

    /// <summary>One life of the process; then what it had accepted and not sent is noted.</summary>
    private async Task LiveAsync(StandInFixture run, int milliseconds)
    {
        await using var sidecar = run.Start(binary);
        await Task.Delay(milliseconds, TestContext.Current.CancellationToken);
        Assert.False(sidecar.HasExited, string.Join('\n', sidecar.Log));
        await sidecar.KillAsync();
        accepted.UnionWith(Directory.GetFiles(folder, "*.scrape").Select(TimestampOf));
    }

    /// <summary>A last life, with a receiver that accepts everything, until nothing of before waits.</summary>
    private async Task DrainAsync(StandInFixture run)
    {
        run.Receiver.Answer = _ => new ReceiverAnswer();
        var newest = accepted.Max;
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("Sidecar starts"); // from then on it knows what to do with SIGTERM
        await Eventually.TrueAsync(() => Directory.GetFiles(folder, "*.scrape").All(f => TimestampOf(f) > newest), () =>
            string.Join('\n', run.Sidecar.Log));
        Assert.Equal(0, await run.Sidecar.StopAsync());
    }

    /// <summary>Accepted scrapes of which some series is not at the receiver. Of one that failed, up is all there need be.</summary>
    private long[] Missing(StandInFixture run)
    {
        var up = run.Samples("up").DistinctBy(s => s.Timestamp).ToDictionary(s => s.Timestamp, s => s.Value);
        var missing = new SortedSet<long>(accepted.Except(up.Keys));
        var good = accepted.Where(t => up.GetValueOrDefault(t) == 1).ToArray();
        Assert.InRange(good.Length, accepted.Count / 4, accepted.Count); // or the machine is too slow for this
        for (var i = 0; i < SeriesCount; i++)
            missing.UnionWith(good.Except(run.Samples("serial", $"i=\"{i}\"").Select(s => s.Timestamp)));
        return [.. missing];
    }

    /// <summary>Timestamps at which the receiver has another value of one series than of the first; markers are values too.</summary>
    private static long[] Halves(StandInFixture run)
    {
        var first = Of(0);
        var halves = new SortedSet<long>();
        for (var i = 1; i < SeriesCount; i++)
        {
            var other = Of(i);
            halves.UnionWith(first.Keys.Except(other.Keys));
            halves.UnionWith(other.Where(s => first.GetValueOrDefault(s.Key) != s.Value).Select(s => s.Key));
        }
        return [.. halves];

        Dictionary<long, ulong> Of(int i) => run.Samples("serial", $"i=\"{i}\"").DistinctBy(s => s.Timestamp)
            .ToDictionary(s => s.Timestamp, s => BitConverter.DoubleToUInt64Bits(s.Value));
    }
}
