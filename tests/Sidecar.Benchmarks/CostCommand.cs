using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>What the published sidecar costs on one target: the figures of the budget.</summary>
internal static class CostCommand
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        var samples = arguments.Number("samples", 150_000);
        var scrapes = arguments.Number("scrapes", 10);
        var interval = arguments.Number("interval", 3);
        if (await SidecarBinary.PublishAsync("artifacts/benchmarks") is not { } binary)
            return 1;
        using var target = TargetProcess.Start(samples);
        using var sidecar = SidecarRun.Start(binary, target, interval);
        var cost = await sidecar.MeasureAsync((double)samples * scrapes, TimeSpan.FromSeconds(60 + interval * scrapes * 2));
        Console.WriteLine($"""

            | one target over TLS, {DateTime.UtcNow:yyyy-MM-dd} | |
            |---|---|
            | samples a scrape | {samples:N0} |
            | samples sent | {cost.Samples:N0} |
            | peak memory (VmHWM) | {cost.Process.PeakMiB:0.0} MiB |
            | CPU seconds per million samples | {cost.CpuPerMillion:0.00} |
            | bytes sent per sample | {cost.BytesPerSample:0.0} |
            | from start to the first accepted request | {cost.FirstAccepted:0.00} s |
            | binary | {new FileInfo(binary).Length / 1e6:0.0} MB |
            """);
        return 0;
    }
}
