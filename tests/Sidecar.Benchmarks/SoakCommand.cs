using System.Globalization;
using System.Text;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>Many scrapes, a second apart, each with series that were never there before: memory must end where it began.</summary>
internal static class SoakCommand
{
    /// <summary>The first minute fills pools and tables.</summary>
    private const double WarmSeconds = 60;

    public static async Task<int> RunAsync(Arguments arguments)
    {
        var minutes = arguments.Number("minutes", 60);
        var samples = arguments.Number("samples", 20_000);
        if (await SidecarBinary.PublishAsync("artifacts/benchmarks") is not { } binary)
            return 1;
        using var target = TargetProcess.Start(samples, churnPercent: 5);
        using var sidecar = SidecarRun.Start(binary, target, interval: 1);
        var points = new List<(double Seconds, double MiB)>();
        while (sidecar.Elapsed < TimeSpan.FromMinutes(minutes))
        {
            await Task.Delay(TimeSpan.FromSeconds(2));
            points.Add((sidecar.Elapsed.TotalSeconds, sidecar.Cost.FinalMiB));
        }
        var sent = await sidecar.SamplesSentAsync();
        var warm = points.Where(p => p.Seconds >= Math.Min(WarmSeconds, minutes * 60 / 4.0)).ToList();
        var first = warm.Take(warm.Count / 4).Average(p => p.MiB);
        var last = warm.TakeLast(warm.Count / 4).Average(p => p.MiB);
        var table = string.Create(CultureInfo.InvariantCulture, $"""
            | a scrape a second, 5 % of its series new each time, {DateTime.UtcNow:yyyy-MM-dd} | |
            |---|---|
            | minutes | {minutes} |
            | samples a scrape | {samples:N0} |
            | samples sent | {sent:N0} |
            | memory, mean of the first quarter after the first minute | {first:0.00} MiB |
            | memory, mean of the last quarter | {last:0.00} MiB |
            | growth per hour | {(last - first) / (warm[^1].Seconds - warm[0].Seconds) * 3600 / 0.75:+0.00;-0.00} MiB |
            | peak memory (VmHWM) | {sidecar.Cost.PeakMiB:0.0} MiB |

            """);
        Console.WriteLine("\n" + table);
        await File.WriteAllTextAsync("soak.md", table);
        await File.WriteAllTextAsync("soak.svg", Draw(points));
        return 0;
    }

    /// <summary>Memory over time, the axis from zero.</summary>
    private static string Draw(List<(double Seconds, double MiB)> points)
    {
        const int Width = 720;
        const int Height = 200;
        var most = points.Max(p => p.MiB) * 1.2;
        var end = points[^1].Seconds;
        var line = new StringBuilder();
        foreach (var (seconds, mib) in points)
            line.Append(CultureInfo.InvariantCulture,
                $"{40 + seconds / end * (Width - 60):0.0},{Height - 30 - mib / most * (Height - 60):0.0} ");
        return string.Create(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="12" fill="#333">
            <rect width="100%" height="100%" fill="#fff"/>
            <text x="40" y="18">memory (VmRSS), MiB, at {points[^1].MiB:0.0} in the end</text>
            <path d="M40 {Height - 30}H{Width - 20}" stroke="#9aa5b1"/>
            <text x="40" y="{Height - 10}">0</text><text x="{Width - 20}" y="{Height - 10}" text-anchor="end">{end / 60:0} minutes</text>
            <polyline points="{line}" fill="none" stroke="#2a7de1" stroke-width="1.5"/>
            </svg>

            """);
    }
}
