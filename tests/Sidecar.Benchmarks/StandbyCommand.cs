using System.Diagnostics;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>What a replica costs that stands by: another one holds the lease, and scrapes two API servers.</summary>
internal static class StandbyCommand
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        var seconds = arguments.Number("seconds", 60);
        if ((arguments.Text("binary") ?? await SidecarBinary.PublishAsync("artifacts/benchmarks")) is not { } binary)
            return 1;
        await using var cluster = await StandInCluster.StartAsync(2);
        await using var receiver = new Receiver();
        await receiver.StartAsync();
        foreach (var server in cluster.ApiServers)
            server.Metrics.ServeGzip(new ApiServerPayload(1).Gzip(20_000, 0));
        cluster.RotateToken([.. StandInCluster.ManifestRules(), .. RbacRule.Lease("sidecar", "sidecar")]);

        using var leader = Start(binary, []);
        while (cluster.ApiServers.Any(s => s.Metrics.Scrapes == 0))
            await Task.Delay(100);
        using var set = new WorkingSet("standby");
        var (program, wrapped) = set.Wrap(binary, []);
        using var standby = Start(program, wrapped);
        var now = double.NaN;
        for (var i = 0; i < seconds; i++)
        {
            await Task.Delay(1000);
            now = set.Look();
        }
        var (own, other) = (ProcessCost.Read(standby.Id), ProcessCost.Read(leader.Id));
        foreach (var process in (Process[])[standby, leader])
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
        Console.WriteLine($"""

            | after {seconds} s, 2 × 20,000 series, {DateTime.UtcNow:yyyy-MM-dd} | stands by | leads |
            |---|---|---|
            | memory (VmRSS) | {own.FinalMiB:0.0} MiB | {other.FinalMiB:0.0} MiB |
            | peak memory (VmHWM), of the start | {own.PeakMiB:0.0} MiB | {other.PeakMiB:0.0} MiB |
            | working set | {now:0.0} MiB, at most {set.PeakMiB:0.0} | |
            | CPU seconds | {own.CpuSeconds:0.00} | {other.CpuSeconds:0.00} |
            """);
        return 0;

        Process Start(string file, string[] words)
        {
            var start = new ProcessStartInfo(file, words) { RedirectStandardError = true };
            start.Environment.Clear();
            start.Environment["SIDECAR_KUBERNETES_LEASE"] = "sidecar/sidecar";
            start.Environment["SIDECAR_KUBERNETES_API_SERVER"] = cluster.ApiServers[0].Address.ToString();
            start.Environment["SIDECAR_KUBERNETES_TOKEN_FILE"] = cluster.TokenFile;
            start.Environment["SIDECAR_KUBERNETES_CA_FILE"] = cluster.CaFile;
            start.Environment["SIDECAR_REMOTE_WRITE_URL"] = receiver.WriteUrl.ToString();
            start.Environment["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0";
            var process = Process.Start(start)!;
            _ = process.StandardError.ReadToEndAsync();
            return process;
        }
    }
}
