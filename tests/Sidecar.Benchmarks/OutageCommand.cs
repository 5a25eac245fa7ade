using System.Globalization;
using System.Text;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>
/// Ten bad seconds: the receiver goes away, and in the middle of that the process is killed and started again. Who loses what?
/// </summary>
internal static class OutageCommand
{
    private static readonly TimeSpan Good = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Half = TimeSpan.FromSeconds(5);

    public static async Task<int> RunAsync()
    {
        if (await SidecarBinary.PublishAsync("artifacts/benchmarks") is not { } binary)
            return 1;
        Peer[] peers =
        [
            Peer.Sidecar("sidecar, SIDECAR_QUEUE_DIRECTORY set", binary, job => Path.Combine(job.Folder, "queue")),
            .. Peer.All(binary),
        ];
        var table = new StringBuilder();
        table.Append(CultureInfo.InvariantCulture,
            $"A scrape a second, receiver away for {2 * Half.TotalSeconds:0} s, SIGKILL and restart in the middle, {DateTime.UtcNow:yyyy-MM-dd}:\n\n");
        table.Append("| | version | scrapes served by the target | at the receiver | lost |\n|---|---|---|---|---|\n");
        foreach (var peer in peers.Where(p => p.Binary is not null))
        {
            Console.WriteLine($"{peer.Name} …");
            var (served, stored) = await MeasureAsync(peer);
            table.Append(CultureInfo.InvariantCulture,
                $"| {peer.Name} | {peer.Version()} | {served} | {stored} | {served - stored} |\n");
        }
        Console.WriteLine("\n" + table);
        await File.WriteAllTextAsync("outage.md", table.ToString());
        return 0;
    }

    private static async Task<(int Served, int Stored)> MeasureAsync(Peer peer)
    {
        var folder = Directory.CreateTempSubdirectory("outage");
        await using var cluster = await StandInCluster.StartAsync(1);
        await using var receiver = new Receiver();
        await receiver.StartAsync();
        var target = cluster.ApiServers[0];
        target.Metrics.Gzip = scrape => TargetBehaviour.Compress(Encoding.UTF8.GetBytes($"serial {scrape}\n"));
        var job = new PeerJob([target.Port], cluster.TokenFile, cluster.CaFile, 1, receiver.WriteUrl.ToString(), folder.FullName);
        try
        {
            using (var first = peer.Start(job))
            {
                await Task.Delay(Good);
                await receiver.StopAsync();
                await Task.Delay(Half);
                first.Kill();
                await first.WaitForExitAsync();
            }
            using var second = peer.Start(job);
            await Task.Delay(Half);
            await receiver.StartAsync();
            // The peers' longest pauses between tries are a minute; a minute and a half without anything new is the end.
            await Task.Delay(Good);
            target.Metrics.Status = System.Net.HttpStatusCode.ServiceUnavailable; // no more scrapes that count
            var served = target.Metrics.Scrapes;
            for (var (known, waits) = (0, 0); waits < 90 && Stored() < served; waits++)
            {
                waits = Stored() > known ? 0 : waits;
                known = Stored();
                await Task.Delay(1000);
            }
            second.Kill();
            await second.WaitForExitAsync();
            return (served, Stored());
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        int Stored() => receiver.SamplesOf($"serial{{instance=\"127.0.0.1:{target.Port}\",job=\"apiserver\"}}")
            .Select(s => s.Value).Where(v => !double.IsNaN(v)).Distinct().Count();
    }
}
