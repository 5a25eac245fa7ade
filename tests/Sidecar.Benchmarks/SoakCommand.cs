using System.Globalization;
using System.Text;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>
/// Memory over minutes, of several sidecars at the same time: small and large targets at short and long intervals, in both versions of
/// remote write, to receivers with and without TLS. After its first minute memory must stay where it is.
/// </summary>
internal static class SoakCommand
{
    /// <summary>What no second may exceed, as a multiple of the first minute's mean.</summary>
    public const double MostRatio = 1.15;

    private const double FirstSeconds = 60;

    private static readonly (int Targets, int Samples, int Interval)[] Sizes =
        [(1, 14_000, 15), (2, 15_000, 2), (2, 30_000, 1), (1, 150_000, 5)];

    private sealed record Run(string Name, TargetProcess Target, SidecarRun Sidecar)
    {
        public List<(double Seconds, double MiB)> Points { get; } = [];
    }

    public static async Task<int> RunAsync(Arguments arguments)
    {
        var minutes = arguments.Number("minutes", 10);
        if ((arguments.Text("binary") ?? await SidecarBinary.PublishAsync("artifacts/benchmarks")) is not { } binary)
            return 1;
        var targets = Sizes.Select(s => TargetProcess.Start(s.Samples, s.Targets, arguments.Number("churn", 0))).ToArray();
        var runs = Start(binary, targets, arguments.Text("only")).ToArray();
        try
        {
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
            while (runs[0].Sidecar.Elapsed < TimeSpan.FromMinutes(minutes) && await timer.WaitForNextTickAsync())
            {
                foreach (var run in runs)
                    run.Points.Add((run.Sidecar.Elapsed.TotalSeconds, run.Sidecar.Cost.FinalMiB));
            }
            var (table, worst) = await TableAsync(runs, minutes);
            Console.WriteLine("\n" + table);
            await File.WriteAllTextAsync("soak.md", table);
            await File.WriteAllTextAsync("soak.svg", Draw(runs));
            return worst <= MostRatio ? 0 : 1;
        }
        finally
        {
            foreach (var run in runs)
                run.Sidecar.Dispose();
            foreach (var target in targets)
                target.Dispose();
        }
    }

    private static IEnumerable<Run> Start(string binary, TargetProcess[] targets, string? only)
    {
        foreach (var protocol in new[] { "1.0", "2.0" })
        {
            foreach (var isTls in new[] { false, true })
            {
                foreach (var (size, target) in Sizes.Zip(targets))
                {
                    var name = string.Create(CultureInfo.InvariantCulture,
                        $"{size.Targets} × {size.Samples:N0}, {size.Interval} s | {protocol}, {(isTls ? "TLS" : "HTTP")}");
                    if (only is not null && !name.Contains(only, StringComparison.Ordinal))
                        continue;
                    yield return new Run(name, target, SidecarRun.Start(binary, target, size.Interval,
                        ("SIDECAR_REMOTE_WRITE_PROTOCOL", protocol),
                        ("SIDECAR_REMOTE_WRITE_URL", isTls ? target.TlsReceiverUrl : target.ReceiverUrl),
                        ("SIDECAR_REMOTE_WRITE_TLS_CA_FILE", target.CaFile)));
                }
            }
        }
    }

    private static async Task<(string Table, double Worst)> TableAsync(Run[] runs, int minutes)
    {
        var table = new StringBuilder();
        table.Append(CultureInfo.InvariantCulture,
            $"{minutes} minutes, {runs.Length} sidecars at once, {Environment.ProcessorCount} cores, {DateTime.UtcNow:yyyy-MM-dd}:\n\n");
        table.Append("| targets × series, interval | remote write | samples sent | CPU s per million samples | first minute's mean, MiB | worst second after it | ratio | last minute's mean | peak (VmHWM) |\n|---|---|---|---|---|---|---|---|---|\n");
        var most = 0.0;
        foreach (var run in runs)
        {
            var first = run.Points.Where(p => p.Seconds < FirstSeconds).Average(p => p.MiB);
            var worst = run.Points.Where(p => p.Seconds >= FirstSeconds).Select(p => p.MiB).DefaultIfEmpty(first).Max();
            var last = run.Points.Where(p => p.Seconds >= run.Points[^1].Seconds - FirstSeconds).Average(p => p.MiB);
            var sent = await run.Sidecar.SamplesSentAsync();
            var cost = run.Sidecar.Cost;
            most = Math.Max(most, worst / first);
            table.Append(CultureInfo.InvariantCulture,
                $"| {run.Name} | {sent:N0} | {cost.CpuSeconds / sent * 1e6:0.00} | {first:0.0} | {worst:0.0} | {worst / first:0.00} | {last:0.0} | {cost.PeakMiB:0.0} |\n");
        }
        return (table.ToString(), most);
    }

    /// <summary>Memory over time, a line a run, the axis from zero.</summary>
    private static string Draw(Run[] runs)
    {
        const int Width = 720;
        const int Height = 260;
        var most = runs.Max(r => r.Points.Max(p => p.MiB)) * 1.2;
        var end = runs[0].Points[^1].Seconds;
        var svg = new StringBuilder();
        foreach (var (i, run) in runs.Index())
        {
            svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"hsl({i % Sizes.Length * 90},70%,45%)\" points=\"");
            foreach (var (seconds, mib) in run.Points)
                svg.Append(CultureInfo.InvariantCulture, $"{40 + seconds / end * (Width - 60):0},{Height - 30 - mib / most * (Height - 60):0.0} ");
            svg.Append("\"/>\n");
        }
        return string.Create(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="12" fill="#333">
            <rect width="100%" height="100%" fill="#fff"/>
            <text x="40" y="18">memory (VmRSS), MiB, {runs.Length} runs; the highest {most / 1.2:0.0}</text>
            <path d="M40 {Height - 30}H{Width - 20}" stroke="#9aa5b1"/>
            <text x="40" y="{Height - 10}">0</text><text x="{Width - 20}" y="{Height - 10}" text-anchor="end">{end / 60:0} minutes</text>
            {svg}</svg>

            """);
    }
}
