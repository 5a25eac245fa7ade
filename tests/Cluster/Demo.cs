using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Cluster;

/// <summary>How the demo is run.</summary>
/// <param name="Duration">After which it ends; null for never.</param>
/// <param name="Story">How long the story takes, at most as long as it runs.</param>
/// <param name="Binary">A sidecar that is there already; null publishes it.</param>
/// <param name="HasControlPlane">With stand-ins of what is beside an API server, a job each.</param>
internal sealed record DemoOptions(TimeSpan? Duration, TimeSpan Story, string? Binary, bool HasControlPlane = false);

/// <summary>The README's first command: the main job without a cluster, in two minutes, and then for as long as one likes.</summary>
internal static class Demo
{
    private const int SamplesPerServer = 15_000;

    private const string Keys = "Keys: a an API server goes or comes, r the receiver goes or comes, q ends.";

    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };

    public static async Task<int> RunAsync(DemoOptions options)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        if (await BinaryAsync(options) is not { } binary)
            return 1;

        await using var cluster = await StandInCluster.StartAsync(apiServers: 2);
        foreach (var server in cluster.ApiServers)
        {
            var payload = new ApiServerPayload(seed: server.Port, churn: 0.002);
            server.Metrics.Gzip = scrape => payload.Gzip(SamplesPerServer, scrape);
        }
        await using var plane = options.HasControlPlane ? await ControlPlane.StartAsync(cluster) : null;
        var timeline = new Timeline(TimeProvider.System);
        await using var receiver = new Receiver { IsForgetful = true, Kept = timeline.Add };
        await receiver.StartAsync();
        await using var page = new ReceiverPage(receiver, timeline, TimeProvider.System);
        await page.StartAsync();

        var length = options.Duration < options.Story ? options.Duration.Value : options.Story;
        var interval = TimeSpan.FromSeconds(length < TimeSpan.FromSeconds(30) ? 1 : 2);
        var environment = new Dictionary<string, string>
        {
            ["SIDECAR_REMOTE_WRITE_URL"] = receiver.WriteUrl.ToString(),
            ["SIDECAR_KUBERNETES_API_SERVER"] = cluster.ApiServers[0].Address.ToString(),
            ["SIDECAR_KUBERNETES_TOKEN_FILE"] = cluster.TokenFile,
            ["SIDECAR_KUBERNETES_CA_FILE"] = cluster.CaFile,
            ["SIDECAR_KUBERNETES_REFRESH_INTERVAL"] = $"{interval.TotalSeconds}s",
            ["SIDECAR_SCRAPE_INTERVAL"] = $"{interval.TotalSeconds}s",
            ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
            ["SIDECAR_LOG_FORMAT"] = "json",
        };
        foreach (var (name, value) in plane?.Variables(cluster.TokenFile) ?? [])
            environment[name] = value;
        Console.WriteLine("\nThe sidecar runs with these variables; in a pod only the first must be set:");
        foreach (var (name, value) in environment)
            Console.WriteLine($"  {name}={value}");

        var start = new ProcessStartInfo(binary) { RedirectStandardError = true };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var sidecar = Process.Start(start)!;
        var lines = new DemoLog(sidecar);
        if (await lines.ListenAddressAsync() is not { } address)
        {
            await Console.Error.WriteLineAsync("The sidecar did not start:\n" + string.Join('\n', lines.Early));
            return 1;
        }
        var terminal = new DemoTerminal();
        Console.WriteLine($"\nIn a browser:\n  the sidecar   {address}\n  the receiver  {page.Address}");
        Console.WriteLine(terminal.CanAsk ? $"\n{Keys}\n" : "\nCtrl-C ends it.\n");

        terminal.Tell($"Two API servers stand on {string.Join(" and ", cluster.ApiServers.Select(s => $"127.0.0.1:{s.Port}"))}, "
            + $"{SamplesPerServer:N0} series each, scraped every {interval.TotalSeconds} s.");
        if (plane is not null)
            terminal.Tell("Beside them stand a controller manager and a scheduler with their own certificates, and an etcd over plain HTTP.");
        lines.Follow(terminal.TellLog);
        if (options.Duration is not null)
            stop.CancelAfter(options.Duration.Value);

        var story = new DemoStory(cluster, receiver, page, timeline, terminal, length, interval);
        await Task.WhenAll(
            UntilStopAsync(() => PlayAsync(story, terminal, stop), stop),
            UntilStopAsync(() => WatchAsync(receiver, sidecar, address, terminal, stop), stop));

        terminal.EndFigures();
        terminal.WriteLine("\nStopping the sidecar: it sends what is queued and ends …");
        receiver.Answer = _ => new ReceiverAnswer();
        if (!sidecar.HasExited)
            using (Process.Start("kill", ["-TERM", $"{sidecar.Id}"]))
                await sidecar.WaitForExitAsync();
        await lines.EndAsync();
        terminal.WriteLine($"It ended with exit code {sidecar.ExitCode}.");
        terminal.WriteLine($"Served: {string.Join(" + ", cluster.ApiServers.Select(s => s.Metrics.Scrapes))} scrapes. Accepted: "
            + $"{receiver.Requests:N0} requests, {receiver.Samples:N0} samples, {receiver.Bytes / 1e6:0.0} MB.");
        if (plane is not null)
        {
            terminal.WriteLine($"Beside them: {plane.Scrapes} scrapes; etcd, over plain HTTP, was sent "
                + (plane.EtcdAuthorization.Length == 0 ? "no token." : "A TOKEN."));
        }
        foreach (var violation in receiver.Violations.Take(5))
            terminal.WriteLine($"Against the specification: {violation}");
        return sidecar.ExitCode == 0 && receiver.Violations.Count == 0 ? 0 : 1;
    }

    private static async Task<string?> BinaryAsync(DemoOptions options)
    {
        var binary = options.Binary;
        if (binary is null)
        {
            Console.WriteLine("Publishing the sidecar as a native executable (a minute the first time) …");
            binary = await SidecarBinary.PublishAsync();
        }
        if (binary is null)
            return null;
        Console.WriteLine($"  {Path.GetRelativePath(Environment.CurrentDirectory, binary)}: {new FileInfo(binary).Length / 1e6:0.0} MB");
        return binary;
    }

    /// <summary>One part of the demo; where it breaks, the others end too.</summary>
    private static async Task UntilStopAsync(Func<Task> part, CancellationTokenSource stop)
    {
        try
        {
            await part();
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C, the key q, or the time is over.
        }
        catch (Exception)
        {
            await stop.CancelAsync();
            throw;
        }
    }

    /// <summary>The story by the clock; the first key hands it over to whoever pressed it.</summary>
    private static async Task PlayAsync(DemoStory story, DemoTerminal terminal, CancellationTokenSource stop)
    {
        using var byClock = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        var told = UntilStopAsync(() => story.TellAsync(byClock.Token, stop.Token), stop);
        while (terminal.CanAsk)
        {
            await Task.Delay(100, stop.Token);
            if (terminal.TryRead() is not { } key)
                continue;
            if (key == 'q')
                await stop.CancelAsync();
            else if (key is not ('a' or 'r'))
                terminal.WriteLine(Keys);
            if (key is not ('a' or 'r'))
                continue;
            if (!byClock.IsCancellationRequested && !told.IsCompleted)
            {
                await byClock.CancelAsync();
                terminal.Tell("You have taken over.");
            }
            // What it leads to may wait for the other one to come back; the next key is read meanwhile.
            _ = UntilStopAsync(() => story.PressAsync(key, stop.Token), stop);
        }
        await told;
    }

    private static async Task WatchAsync(
        Receiver receiver, Process sidecar, Uri address, DemoTerminal terminal, CancellationTokenSource stop)
    {
        var samples = new Queue<long>();
        while (true)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), stop.Token);
            if (sidecar.HasExited)
            {
                await stop.CancelAsync();
                return;
            }
            var targets = await TargetsAsync(address);
            var queue = await QueueAsync(address);
            samples.Enqueue(receiver.Samples);
            if (samples.Count > 5)
                samples.Dequeue(); // over four seconds, so that the figure does not jump with each scrape
            var rate = (receiver.Samples - samples.Peek()) / Math.Max(1, samples.Count - 1);
            sidecar.Refresh();
            terminal.Figures($"{targets} up | {receiver.SeriesCount,6:N0} series, {rate,6:N0} samples/s accepted | {queue} | "
                + $"sidecar {sidecar.WorkingSet64 / 1048576.0:0.0} MiB, {sidecar.TotalProcessorTime.TotalSeconds:0.00} s CPU");
        }
    }

    private static async Task<string> TargetsAsync(Uri address)
    {
        try
        {
            using var json = JsonDocument.Parse(await Http.GetStringAsync(new Uri(address, "api/v1/targets")));
            var all = json.RootElement.GetProperty("data").GetProperty("activeTargets").EnumerateArray().ToList();
            return $"{all.Count(t => t.GetProperty("health").GetString() == "up")} of {all.Count}";
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return "?";
        }
    }

    private static async Task<string> QueueAsync(Uri address)
    {
        try
        {
            var metrics = await Http.GetStringAsync(new Uri(address, "metrics"));
            double Value(string name)
            {
                var line = metrics.Split('\n').First(l => l.StartsWith(name + " ", StringComparison.Ordinal));
                return double.Parse(line[name.Length..], CultureInfo.InvariantCulture);
            }
            var scrapes = Value("sidecar_queue_scrapes");
            return scrapes == 0
                ? "queue empty"
                : $"queue {scrapes} {(scrapes == 1 ? "scrape" : "scrapes")}, {Value("sidecar_queue_bytes") / 1048576:0.0} MiB";
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return "queue ?";
        }
    }
}
