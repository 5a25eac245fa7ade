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
        var folder = Directory.CreateTempSubdirectory("queue").FullName;
        var memory = await MeasureAsync(("SIDECAR_REMOTE_WRITE_PROTOCOL", "1.0"));
        var disk = await MeasureAsync(("SIDECAR_REMOTE_WRITE_PROTOCOL", "1.0"), ("SIDECAR_QUEUE_DIRECTORY", folder));
        var second = await MeasureAsync(("SIDECAR_REMOTE_WRITE_PROTOCOL", "2.0"));
        Directory.Delete(folder, recursive: true);
        Console.WriteLine($"""

            | one target over TLS, {DateTime.UtcNow:yyyy-MM-dd} | queue in memory | with a queue directory | remote write 2.0 |
            |---|---|---|---|
            | samples a scrape | {samples:N0} | {samples:N0} | {samples:N0} |
            | samples sent | {memory.Samples:N0} | {disk.Samples:N0} | {second.Samples:N0} |
            | peak memory (VmHWM) | {memory.Process.PeakMiB:0.0} MiB | {disk.Process.PeakMiB:0.0} MiB | {second.Process.PeakMiB:0.0} MiB |
            | CPU seconds per million samples | {memory.CpuPerMillion:0.00} | {disk.CpuPerMillion:0.00} | {second.CpuPerMillion:0.00} |
            | bytes sent per sample | {memory.BytesPerSample:0.0} | {disk.BytesPerSample:0.0} | {second.BytesPerSample:0.0} |
            | from start to the first accepted request | {memory.FirstAccepted:0.00} s | {disk.FirstAccepted:0.00} s | {second.FirstAccepted:0.00} s |
            | binary | {new FileInfo(binary).Length / 1e6:0.0} MB | | |
            """);
        return 0;

        async Task<RunCost> MeasureAsync(params (string Name, string Value)[] variables)
        {
            using var sidecar = SidecarRun.Start(binary, target, interval, variables);
            return await sidecar.MeasureAsync((double)samples * scrapes, TimeSpan.FromSeconds(60 + interval * scrapes * 2));
        }
    }
}
