using System.Globalization;
using System.Text;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>How the sidecar's cost grows with the series of a target, and with targets.</summary>
internal static class ScaleCommand
{
    private const int Scrapes = 6;

    private static readonly (int Targets, int Samples, int Interval)[] Sizes =
        [(1, 10_000, 2), (1, 100_000, 2), (1, 1_000_000, 5), (10, 10_000, 2), (100, 10_000, 5)];

    public static async Task<int> RunAsync()
    {
        if (await SidecarBinary.PublishAsync("artifacts/benchmarks") is not { } binary)
            return 1;
        var table = new StringBuilder();
        table.Append(CultureInfo.InvariantCulture,
            $"{Scrapes} scrapes over TLS into a receiver that discards, {Environment.ProcessorCount} cores, {DateTime.UtcNow:yyyy-MM-dd}:\n\n");
        table.Append("| targets | series each | peak memory, MiB | final memory, MiB | CPU s per million samples | first request accepted after, s |\n|---|---|---|---|---|---|\n");
        var memory = new List<(string, double)>();
        var cpu = new List<(string, double)>();
        foreach (var (targets, samples, interval) in Sizes)
        {
            Console.WriteLine($"{targets} × {samples:N0} …");
            using var target = TargetProcess.Start(samples, targets);
            using var sidecar = SidecarRun.Start(binary, target, interval);
            var cost = await sidecar.MeasureAsync((double)samples * targets * Scrapes, TimeSpan.FromMinutes(2));
            table.Append(CultureInfo.InvariantCulture,
                $"| {targets} | {samples:N0} | {cost.Process.PeakMiB:0.0} | {cost.Process.FinalMiB:0.0} | {cost.CpuPerMillion:0.00} | {cost.FirstAccepted:0.00} |\n");
            var name = string.Create(CultureInfo.InvariantCulture, $"{targets} × {samples:N0}");
            memory.Add((name, cost.Process.PeakMiB));
            cpu.Add((name, cost.CpuPerMillion));
        }
        Console.WriteLine("\n" + table);
        await File.WriteAllTextAsync("scale.md", table.ToString());
        await File.WriteAllTextAsync("scale.svg",
            BarPlot.Draw([("peak memory, MiB", [.. memory]), ("CPU s per million samples", [.. cpu])]));
        return 0;
    }
}
