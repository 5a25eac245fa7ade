using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>The sidecar and its peers on the same bytes, one after another, counted by the receiver.</summary>
internal static class CompareCommand
{
    private const int Interval = 5;

    private sealed record Result(string Name, string Version, double Stored, double Bytes, ProcessCost Cost, double WorkingSet,
        double FirstStored)
    {
        public double CpuPerMillion => Cost.CpuSeconds / Stored * 1e6;
    }

    public static async Task<int> RunAsync(Arguments arguments)
    {
        var samples = arguments.Number("samples", 150_000);
        var seconds = arguments.Number("seconds", 45);
        if ((arguments.Text("binary") ?? await SidecarBinary.PublishAsync("artifacts/benchmarks")) is not { } sidecar)
            return 1;
        if (Peer.Find("VICTORIA_METRICS", "victoria-metrics") is not { } victoriaMetrics)
        {
            Console.Error.WriteLine("victoria-metrics, the receiver, is not on the path (Debian's package victoria-metrics, or variable VICTORIA_METRICS).");
            return 1;
        }
        using var target = TargetProcess.Start(samples);
        var results = new List<Result>();
        foreach (var peer in Peer.All(sidecar))
        {
            if (peer.Binary is null)
            {
                Console.WriteLine($"{peer.Name} is left out: it is not installed.");
                continue;
            }
            Console.WriteLine($"{peer.Name}, {seconds} s …");
            results.Add(await MeasureAsync(peer, victoriaMetrics, target, seconds));
        }
        var table = Table(results, samples);
        Console.WriteLine("\n" + table);
        await File.WriteAllTextAsync("compare.md", table);
        await File.WriteAllTextAsync("compare.svg", BarPlot.Draw(
            [("peak memory, MiB", [.. results.Select(r => (r.Name, r.Cost.PeakMiB))]),
            ("CPU s per million samples", [.. results.Select(r => (r.Name, r.CpuPerMillion))])]));
        return 0;
    }

    private static async Task<Result> MeasureAsync(Peer peer, string victoriaMetrics, TargetProcess target, int seconds)
    {
        var folder = Directory.CreateTempSubdirectory("compare");
        var port = SidecarRun.FreePort();
        using var receiver = Peer.Start(victoriaMetrics,
            ["-storageDataPath=" + Path.Combine(folder.FullName, "vm"), $"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1d"], [],
            folder.FullName);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
        using var set = new WorkingSet("compare");
        Process? process = null;
        try
        {
            while ((await SidecarRun.MetricsAsync(http)).Length == 0)
                await Task.Delay(100);
            var begun = Stopwatch.GetTimestamp();
            process = peer.Start(new PeerJob([target.Port], target.TokenFile, target.CaFile, Interval,
                $"http://127.0.0.1:{port}/api/v1/write", folder.FullName), set);
            double? first = null;
            double Stored(string metrics) => SidecarRun.Metric(metrics, "vm_rows_inserted_total");
            while (Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds)
            {
                await Task.Delay(50);
                set.Look();
                if (first is null && Stored(await SidecarRun.MetricsAsync(http)) > 0)
                    first = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            }
            // The cost and the count belong to the same moment as nearly as two readings can.
            var metrics = await SidecarRun.MetricsAsync(http);
            var cost = ProcessCost.Read(process.Id);
            return new Result(peer.Name, peer.Version(), Stored(metrics),
                SidecarRun.Metric(metrics, "vm_protoparser_read_bytes_total") is > 0 and var read
                ? read : SidecarRun.Metric(metrics, "vm_tcplistener_read_bytes_total"),
                cost, set.PeakMiB, first ?? double.NaN);
        }
        finally
        {
            foreach (var started in new[] { process, receiver })
            {
                started?.Kill();
                started?.WaitForExit();
            }
            process?.Dispose();
            folder.Delete(recursive: true);
        }
    }

    private static string Table(List<Result> results, int samples)
    {
        var table = new StringBuilder();
        table.Append(CultureInfo.InvariantCulture,
            $"{samples:N0} samples a scrape every {Interval} s over TLS, into VictoriaMetrics, {Environment.ProcessorCount} cores, {DateTime.UtcNow:yyyy-MM-dd}:\n\n");
        table.Append("| | version | samples stored | peak memory (VmHWM), MiB | final memory, MiB | peak working set, MiB | CPU s per million samples | bytes sent per sample | first sample stored after, s |\n|---|---|---|---|---|---|---|---|---|\n");
        var own = results[0];
        foreach (var r in results)
        {
            string Ratio(double value, double ours) =>
                ReferenceEquals(r, own) ? "" : string.Create(CultureInfo.InvariantCulture, $" ({value / ours:0.0}×)");
            table.Append(CultureInfo.InvariantCulture,
                $"| {r.Name} | {r.Version} | {r.Stored:N0} | {r.Cost.PeakMiB:0.0}{Ratio(r.Cost.PeakMiB, own.Cost.PeakMiB)} | {r.Cost.FinalMiB:0.0} | {r.WorkingSet:0.0}{Ratio(r.WorkingSet, own.WorkingSet)} | {r.CpuPerMillion:0.00}{Ratio(r.CpuPerMillion, own.CpuPerMillion)} | {r.Bytes / r.Stored:0.0} | {r.FirstStored:0.0} |\n");
        }
        return table.ToString();
    }
}
