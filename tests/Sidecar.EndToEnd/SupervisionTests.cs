using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Sidecar.EndToEnd;

/// <summary>The published binary under what must not stop it, and at its end, which nothing may hold up.</summary>
public sealed class SupervisionTests(PublishedBinary binary)
{
    private static readonly HttpClient Http = new();

    [Fact]
    public async Task Sighup_without_a_terminal_is_answered_and_scraping_goes_on()
    {
        // What nohup starts ignores the signal, and so does all that it starts in turn.
        var ignored = File.ReadLines("/proc/self/status").First(l => l.StartsWith("SigIgn:", StringComparison.Ordinal));
        Assert.SkipWhen((ignored[^1] & 1) != 0, "SIGHUP is ignored by whoever runs the tests");
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await run.Sidecar.SignalAsync("HUP");
        await run.Sidecar.WaitForLogAsync("SIGHUP", "the environment is read at the start");
        run.ApiServer.Metrics.Serve("a 2\n");
        await run.ValueAsync("a", 2);
        await run.StopAsync();
    }

    [Fact]
    public async Task Sigquit_drains_as_sigterm_does()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await run.Sidecar.SignalAsync("QUIT");
        Assert.Equal(0, await run.Sidecar.WaitForExitAsync());
        Assert.Contains(run.Sidecar.Log, l => l.Contains("Stopped: everything was sent"));
    }

    [Fact]
    public async Task The_first_sigterm_drains_within_its_bound_and_the_second_ends_at_once()
    {
        using var silent = new Socket(SocketType.Stream, ProtocolType.Tcp); // accepts and never answers
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Environment["SIDECAR_REMOTE_WRITE_URL"] = $"http://{silent.LocalEndPoint}/api/v1/write";
        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "2s";
        run.Start(binary);
        var address = await run.Sidecar.ListenAddressAsync();
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes > 3, () => "no scrapes");
        Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync(new Uri(address, "-/healthy"))).StatusCode);
        var began = Stopwatch.StartNew();
        Assert.Equal(0, await run.Sidecar.StopAsync());
        Assert.InRange(began.Elapsed.TotalSeconds, 1.5, 15); // less than the default of 20 s
        Assert.Contains(run.Sidecar.Log, l => l.Contains("Stopped with scrapes unsent"));

        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "10m";
        run.Start(binary);
        await run.Sidecar.ListenAddressAsync();
        var served = run.ApiServer.Metrics.Scrapes;
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes > served + 3, () => "no scrapes");
        await run.Sidecar.SignalAsync("TERM");
        await run.Sidecar.WaitForLogAsync("Stopping: sending the queue");
        began.Restart();
        Assert.Equal(1, await run.Sidecar.StopAsync());
        Assert.InRange(began.Elapsed.TotalSeconds, 0, 30);
        Assert.Contains(run.Sidecar.Log, l => l.Contains("A second signal"));
    }

    [Fact]
    public async Task A_process_that_was_stopped_and_goes_on_is_healthy()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        var address = await run.Sidecar.ListenAddressAsync();
        await run.Sidecar.SignalAsync("STOP");
        await Task.Delay(TimeSpan.FromSeconds(50), TestContext.Current.CancellationToken); // longer than a scrape loop may be silent
        var asked = Http.GetAsync(new Uri(address, "-/healthy")); // answered first thing
        await run.Sidecar.SignalAsync("CONT");
        Assert.Equal(HttpStatusCode.OK, (await asked).StatusCode);
        run.ApiServer.Metrics.Serve("a 2\n");
        await run.ValueAsync("a", 2);
        await run.StopAsync();
    }

    /// <summary>
    /// Opening a pipe that nobody writes hangs as a dead mount does. There are four threads in the pool, and more requests than that.
    /// </summary>
    [Fact]
    public async Task Credentials_on_a_mount_that_hangs_hold_no_thread_of_the_pool()
    {
        var pipe = Path.Combine(Path.GetTempPath(), $"sidecar-pipe-{Guid.NewGuid():N}");
        using (var made = Process.Start("mkfifo", [pipe]))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        try
        {
            await using var run = await StandInFixture.CreateAsync();
            run.Environment["SIDECAR_TARGETS"] =
                string.Join(',', Enumerable.Range(1, 8).Select(i => $"http://127.0.0.{i}:{run.ApiServer.Port}"));
            foreach (var name in run.Environment.Keys.Where(k => k.StartsWith("SIDECAR_KUBERNETES", StringComparison.Ordinal)).ToArray())
                run.Environment.Remove(name);
            run.Environment["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = pipe;
            run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "3s"; // and so the timeout: longer than the bound of a read
            run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "2s";
            run.Start(binary);
            var address = await run.Sidecar.ListenAddressAsync();
            await run.Sidecar.WaitForLogAsync("Scrape failed", "takes more than 2 s to read");
            var began = Stopwatch.StartNew();
            await Eventually.TrueAsync(async () => // at once, now and then on a busy machine: with the threads of the pool it never does
            {
                began.Restart();
                Assert.Equal(HttpStatusCode.OK, (await Http.GetAsync(new Uri(address, "-/healthy"))).StatusCode);
                return began.Elapsed.TotalSeconds < 1;
            }, () => "the listener takes long");
            await Eventually.TrueAsync(() => run.Receiver.SeriesNames.Count(n => n.StartsWith("up{", StringComparison.Ordinal)) == 8,
                () => "up is not sent for all");
            began.Restart();
            Assert.Equal(0, await run.Sidecar.StopAsync());
            Assert.InRange(began.Elapsed.TotalSeconds, 0, 15); // less than the default of 20 s
        }
        finally
        {
            File.Delete(pipe);
        }
    }

    /// <summary>As when a container runtime hangs, whose pipe is full: each line is logged by somebody with better things to do.</summary>
    [Fact]
    public async Task A_log_that_nobody_reads_holds_nothing_up()
    {
        var path = Path.Combine(Path.GetTempPath(), $"sidecar-log-{Guid.NewGuid():N}");
        using (var made = Process.Start("mkfifo", [path]))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        try
        {
            await using var run = await StandInFixture.CreateAsync(apiServers: 2);
            await using var pipe = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            pipe.Write(new byte[64 * 1024]); // what a pipe takes
            foreach (var server in run.Cluster.ApiServers)
                server.Metrics.Serve("a 1\n");
            run.Environment["SIDECAR_LOG_LEVEL"] = "debug";
            run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "2s";
            run.Start("/bin/sh", "-c", "exec \"$0\" 2> \"$1\"", binary.Path, path);
            foreach (var server in run.Cluster.ApiServers)
                await run.ValueAsync("a", 1, server: server);
            // A fault during the fault: each failed scrape is a line for the log.
            run.Cluster.ApiServers[1].Metrics.Serve("this is no metric at all\n");
            run.ApiServer.Metrics.Serve("a 2\n");
            await run.ValueAsync("a", 2);
            await run.ValueAsync("up", 0, server: run.Cluster.ApiServers[1]);

            var lines = new List<string>();
            var reading = Task.Run(() =>
            {
                var reader = new StreamReader(pipe);
                while (reader.ReadLine() is { } line && !line.Contains("Log lines were dropped", StringComparison.Ordinal))
                    lines.Add(line);
            }, TestContext.Current.CancellationToken);
            run.Cluster.ApiServers[1].Metrics.Serve("a 3\n"); // its recovery is the next line
            await Eventually.TrueAsync(() => reading.IsCompleted, () => "the dropped lines are not told");
            Assert.DoesNotContain(lines, l => l.Contains("Sidecar starts", StringComparison.Ordinal));
            var began = Stopwatch.StartNew();
            pipe.Write(new byte[32 * 1024]); // and the end in the same state
            Assert.Equal(0, await run.Sidecar.StopAsync());
            Assert.InRange(began.Elapsed.TotalSeconds, 0, 15);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
