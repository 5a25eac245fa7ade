using System.Diagnostics;
using System.Globalization;

namespace Sidecar.Benchmarks;

/// <summary>
/// One published sidecar, started against a <see cref="TargetProcess"/> and its discarding receiver, read through <c>/proc</c> and
/// <c>/metrics</c>.
/// </summary>
internal sealed class SidecarRun : IDisposable
{
    private readonly Process process;
    private readonly HttpClient http;
    private readonly long begun = Stopwatch.GetTimestamp();

    private SidecarRun(Process process, int port)
    {
        this.process = process;
        http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
    }

    public ProcessCost Cost => ProcessCost.Read(process.Id);

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(begun);

    public static SidecarRun Start(string binary, TargetProcess target, int interval, params (string Name, string Value)[] variables)
    {
        var port = FreePort();
        var start = new ProcessStartInfo(binary) { RedirectStandardError = true };
        start.Environment.Clear();
        foreach (var (name, value) in Environment(
            new PeerJob(target.Ports, target.TokenFile, target.CaFile, interval, target.ReceiverUrl, ""), port))
            start.Environment[name] = value;
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        _ = process.StandardError.ReadToEndAsync();
        return new SidecarRun(process, port);
    }

    public static Dictionary<string, string> Environment(PeerJob job, int port) => new()
    {
        ["SIDECAR_TARGETS"] = string.Join(',', job.Ports.Select(p => $"127.0.0.1:{p}")),
        ["SIDECAR_TLS_CA_FILE"] = job.CaFile,
        ["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = job.TokenFile,
        ["SIDECAR_SCRAPE_INTERVAL"] = $"{job.Interval}s",
        ["SIDECAR_SCRAPE_TIMEOUT"] = $"{job.Interval}s",
        ["SIDECAR_REMOTE_WRITE_URL"] = job.ReceiverUrl,
        ["SIDECAR_LISTEN_ADDRESS"] = $"127.0.0.1:{port}",
    };

    /// <summary>Waits for the first request that the receiver accepts, then for so many samples, but no longer than the bound.</summary>
    public async Task<RunCost> MeasureAsync(double samples, TimeSpan atMost)
    {
        double? firstAccepted = null;
        var sent = 0.0;
        while (sent < samples && Elapsed < atMost)
        {
            await Task.Delay(firstAccepted is null ? 5 : 200);
            var metrics = await MetricsAsync(http);
            sent = Metric(metrics, "prometheus_remote_storage_samples_total");
            if (firstAccepted is null && Metric(metrics, "prometheus_remote_storage_sent_batch_duration_seconds_count") > 0)
                firstAccepted = Elapsed.TotalSeconds;
        }
        await Task.Delay(TimeSpan.FromSeconds(1));
        var last = await MetricsAsync(http);
        sent = Metric(last, "prometheus_remote_storage_samples_total");
        return new RunCost(Cost, sent, Metric(last, "prometheus_remote_storage_bytes_total"), firstAccepted ?? double.NaN);
    }

    public async Task<double> SamplesSentAsync() => Metric(await MetricsAsync(http), "prometheus_remote_storage_samples_total");

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
        http.Dispose();
    }

    public static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>The sum of all series of one name; 0 where there is none.</summary>
    public static double Metric(string metrics, string name) =>
        metrics.Split('\n').Where(l =>
        l.StartsWith(name + "{", StringComparison.Ordinal) || l.StartsWith(name + " ", StringComparison.Ordinal))
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

/// <summary>What a run has cost.</summary>
/// <param name="FirstAccepted">Seconds from the start of the process to the first request that the receiver accepted.</param>
internal readonly record struct RunCost(ProcessCost Process, double Samples, double Bytes, double FirstAccepted)
{
    public double CpuPerMillion => Process.CpuSeconds / Samples * 1e6;

    public double BytesPerSample => Bytes / Samples;
}
