using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Cluster;

/// <summary>The README's first command: the main job without a cluster.</summary>
internal static class Demo
{
    private const int SamplesPerServer = 15_000;

    public static async Task<int> RunAsync(TimeSpan? duration)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        Console.WriteLine("Publishing the sidecar as a native executable (a minute the first time) …");
        if (await SidecarBinary.PublishAsync() is not { } binary)
            return 1;
        Console.WriteLine($"  {binary}: {new FileInfo(binary).Length / 1e6:0.0} MB");

        await using var cluster = await StandInCluster.StartAsync(apiServers: 2);
        foreach (var server in cluster.ApiServers)
        {
            var payload = new ApiServerPayload(seed: server.Port, churn: 0.01);
            server.Metrics.Gzip = scrape => payload.Gzip(SamplesPerServer, scrape);
        }
        await using var receiver = new Receiver();
        await receiver.StartAsync();

        var environment = new Dictionary<string, string>
        {
            ["SIDECAR_REMOTE_WRITE_URL"] = receiver.WriteUrl.ToString(),
            ["SIDECAR_KUBERNETES_API_SERVER"] = cluster.ApiServers[0].Address.ToString(),
            ["SIDECAR_KUBERNETES_TOKEN_FILE"] = cluster.TokenFile,
            ["SIDECAR_KUBERNETES_CA_FILE"] = cluster.CaFile,
            ["SIDECAR_SCRAPE_INTERVAL"] = "2s",
            ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
        };
        Console.WriteLine("The sidecar runs with these variables; in a pod only the first must be set:");
        foreach (var (name, value) in environment)
            Console.WriteLine($"  {name}={value}");
        Console.WriteLine();

        var start = new ProcessStartInfo(binary) { RedirectStandardError = true };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var sidecar = Process.Start(start)!;
        var log = CopyLogAsync(sidecar);
        if (duration is not null)
            stop.CancelAfter(duration.Value);

        await WatchAsync(cluster, receiver, sidecar, stop.Token);

        Console.WriteLine("\nStopping the sidecar: it sends what is queued and ends …");
        if (!sidecar.HasExited)
            using (Process.Start("kill", ["-TERM", $"{sidecar.Id}"]))
                await sidecar.WaitForExitAsync();
        await log;
        Console.WriteLine($"It ended with exit code {sidecar.ExitCode}.");
        Console.WriteLine($"Served: {string.Join(" + ", cluster.ApiServers.Select(s => s.Metrics.Scrapes))} scrapes. "
            + $"Accepted: {receiver.Requests} requests, {receiver.Samples:N0} samples of {receiver.SeriesCount:N0} series, {receiver.Bytes:N0} bytes.");
        foreach (var violation in receiver.Violations.Take(5))
            Console.WriteLine($"Against the specification: {violation}");
        return sidecar.ExitCode == 0 && receiver.Violations.Count == 0 ? 0 : 1;
    }

    private static async Task WatchAsync(StandInCluster cluster, Receiver receiver, Process sidecar, CancellationToken stop)
    {
        try
        {
            while (!sidecar.HasExited)
            {
                await Task.Delay(TimeSpan.FromSeconds(2), stop);
                var up = receiver.SeriesNames.Count(s => s.StartsWith("up{", StringComparison.Ordinal) && receiver.SamplesOf(s)[^1].Value == 1);
                Console.WriteLine($"cluster | {up} targets up, scraped {string.Join(" + ", cluster.ApiServers.Select(s => s.Metrics.Scrapes))} times | "
                    + $"receiver | {receiver.Requests,4} requests, {receiver.Samples,9:N0} samples, {receiver.SeriesCount,7:N0} series, {receiver.Bytes / 1e6,5:0.0} MB | "
                    + $"sidecar | {Memory(sidecar)}");
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C, or the time is over.
        }
    }

    private static string Memory(Process sidecar)
    {
        sidecar.Refresh();
        return $"{sidecar.WorkingSet64 / 1024.0 / 1024:0.0} MiB, {sidecar.TotalProcessorTime.TotalSeconds:0.00} s CPU";
    }

    private static async Task CopyLogAsync(Process sidecar)
    {
        while (await sidecar.StandardError.ReadLineAsync() is { } line)
            Console.WriteLine($"sidecar | {line}");
    }
}
