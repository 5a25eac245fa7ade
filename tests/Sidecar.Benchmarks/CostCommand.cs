using System.Diagnostics;
using System.Globalization;
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
        var port = FreePort();
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
        var start = new ProcessStartInfo(binary) { RedirectStandardError = true };
        start.Environment.Clear();
        foreach (var (name, value) in SidecarEnvironment(target, target.ReceiverUrl, interval, port))
            start.Environment[name] = value;
        var begun = Stopwatch.GetTimestamp();
        using var sidecar = Process.Start(start)!;
        _ = sidecar.StandardError.ReadToEndAsync();
        try
        {
            double? firstAccepted = null;
            var sent = 0.0;
            while (sent < (double)samples * scrapes && Stopwatch.GetElapsedTime(begun).TotalSeconds < 60 + interval * scrapes * 2)
            {
                await Task.Delay(firstAccepted is null ? 5 : 200);
                var metrics = await MetricsAsync(http);
                sent = Metric(metrics, "prometheus_remote_storage_samples_total");
                if (firstAccepted is null && Metric(metrics, "prometheus_remote_storage_queue_highest_sent_timestamp_seconds") > 0)
                    firstAccepted = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            }
            await Task.Delay(TimeSpan.FromSeconds(1));
            var last = await MetricsAsync(http);
            sent = Metric(last, "prometheus_remote_storage_samples_total");
            var cost = ProcessCost.Read(sidecar.Id);
            Console.WriteLine($"""

                | | |
                |---|---|
                | samples a scrape | {samples:N0} |
                | samples sent | {sent:N0} |
                | peak memory (VmHWM) | {cost.PeakMiB:0.0} MiB |
                | CPU seconds per million samples | {cost.CpuSeconds / sent * 1e6:0.00} |
                | bytes sent per sample | {Metric(last, "prometheus_remote_storage_bytes_total") / sent:0.0} |
                | from start to the first scrape accepted in full | {firstAccepted:0.00} s |
                | binary | {new FileInfo(binary).Length / 1e6:0.0} MB |
                """);
            return 0;
        }
        finally
        {
            sidecar.Kill();
            await sidecar.WaitForExitAsync();
        }
    }

    public static Dictionary<string, string> SidecarEnvironment(TargetProcess target, string receiver, int interval, int port) => new()
    {
        ["SIDECAR_TARGETS"] = $"127.0.0.1:{target.Port}",
        ["SIDECAR_TLS_CA_FILE"] = target.CaFile,
        ["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = target.TokenFile,
        ["SIDECAR_SCRAPE_INTERVAL"] = $"{interval}s",
        ["SIDECAR_REMOTE_WRITE_URL"] = receiver,
        ["SIDECAR_LISTEN_ADDRESS"] = $"127.0.0.1:{port}",
    };

    public static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>The sum of all series of one name; 0 where there is none.</summary>
    public static double Metric(string metrics, string name) =>
        metrics.Split('\n').Where(l => l.StartsWith(name + "{", StringComparison.Ordinal) || l.StartsWith(name + " ", StringComparison.Ordinal))
            .Sum(l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    public static async Task<string> MetricsAsync(HttpClient http)
    {
        try
        {
            return await http.GetStringAsync("metrics");
        }
        catch (HttpRequestException)
        {
            return ""; // not listening yet
        }
    }
}
