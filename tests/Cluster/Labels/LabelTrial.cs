using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Cluster.Wire;
using Microsoft.AspNetCore.Http;

namespace Cluster.Labels;

/// <summary>What a trial came to.</summary>
/// <param name="Wrong">Series with another label than they must have.</param>
/// <param name="Missing">Scrapes of those wanted that are not complete at the receiver.</param>
/// <param name="Failed">Scrapes whose <c>up</c> is not 1.</param>
public sealed record LabelTrialResult(
    long Received, long Wrong, long Twice, int Scrapes, int Missing, int Failed, int ExitCode, long PeakKibibytes, TimeSpan Cpu,
    IReadOnlyCollection<string> Examples,
    IReadOnlyCollection<string> Violations, string Log);

/// <summary>
/// The published sidecar between targets with many distinct label values and a receiver that compares every label: what rules with groups
/// make of them must be the same however many passes go on at once, in both versions of remote write, and from memory and from disk.
/// </summary>
public static class LabelTrial
{
    public static async Task<LabelTrialResult> RunAsync(LabelTrialOptions options, CancellationToken cancellation)
    {
        await using var targets = await LabelTargets.StartAsync(options.Targets, options.Series);
        var checker = new LabelChecker(targets, options.Series);
        var violations = new ConcurrentQueue<string>();
        var isAway = options.IsStreamedFromDisk;
        await using var receiver = new Receiver
        {
            Intercept = context => ReceiveAsync(context, checker, violations, () => Volatile.Read(ref isAway)),
        };
        await receiver.StartAsync();
        var folder = Directory.CreateTempSubdirectory("label-trial");
        using var process = Start(options, targets, receiver.WriteUrl, folder.FullName);
        var log = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await UntilAsync(() => targets.Served.All(s => s >= options.Scrapes), () => targets.Served.Sum());
            Volatile.Write(ref isAway, false);
            await UntilAsync(() => checker.Complete.Zip(targets.Served).All(t => t.First >= Math.Min(t.Second, options.Scrapes)),
                () => checker.Complete.Sum(c => Math.Min(c, options.Scrapes)));
            var (peak, cpu) = Cost(process);
            using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]))
                await kill.WaitForExitAsync(cancellation);
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            bound.CancelAfter(options.Patience);
            try
            {
                await process.WaitForExitAsync(bound.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                process.Kill(); // and the exit code says so
                await process.WaitForExitAsync(cancellation);
            }
            // What SIGTERM cuts in the middle of its download is nobody's loss.
            var missing = checker.Complete.Sum(c => Math.Max(0, options.Scrapes - c));
            return new LabelTrialResult(checker.Received, checker.Wrong, checker.Twice, targets.Served.Sum(), missing, checker.Failed,
                process.ExitCode,
                peak, cpu, checker.Examples, violations, await log);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
            folder.Delete(recursive: true);
        }

        // What goes on while nothing becomes done is no progress: a sidecar that sends wrong labels for good would never be left.
        async Task UntilAsync(Func<bool> isDone, Func<long> progress)
        {
            var last = Stopwatch.GetTimestamp();
            for (long known = -1; !isDone() && !process.HasExited && Stopwatch.GetElapsedTime(last) < options.Patience;)
            {
                if (progress() is var now && now != known)
                    (known, last) = (now, Stopwatch.GetTimestamp());
                await Task.Delay(200, cancellation);
            }
        }
    }

    private static Process Start(LabelTrialOptions options, LabelTargets targets, Uri receiver, string folder)
    {
        var (program, arguments) = options.IsOnOneProcessor ? ("taskset", new[] { "-c", "0", options.Binary }) : (options.Binary, []);
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        if (!options.IsOnOneProcessor)
            start.Environment["DOTNET_PROCESSOR_COUNT"] = options.Processors.ToString("x", CultureInfo.InvariantCulture);
        var seconds = options.Interval.TotalSeconds.ToString(CultureInfo.InvariantCulture);
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["SIDECAR_TARGETS"] = string.Join(',', targets.Ports.Select(p => $"http://127.0.0.1:{p}/metrics")),
            ["SIDECAR_JOB_NAME"] = "labels",
            ["SIDECAR_REMOTE_WRITE_URL"] = receiver.ToString(),
            ["SIDECAR_REMOTE_WRITE_PROTOCOL"] = options.Protocol,
            ["SIDECAR_REMOTE_WRITE_MAX_BACKOFF"] = "1s",
            ["SIDECAR_SCRAPE_INTERVAL"] = seconds + "s",
            ["SIDECAR_SCRAPE_TIMEOUT"] = seconds + "s",
            ["SIDECAR_METRIC_RELABEL_CONFIGS"] = LabelChecker.MetricRules,
            ["SIDECAR_WRITE_RELABEL_CONFIGS"] = LabelChecker.WriteRules,
            ["SIDECAR_QUEUE_SIZE_LIMIT"] = "1GB",
            ["SIDECAR_SHUTDOWN_TIMEOUT"] = "60s",
            ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
        })
            start.Environment[name] = value;
        if (options.IsStreamedFromDisk)
            start.Environment["SIDECAR_QUEUE_DIRECTORY"] = folder;
        return Process.Start(start)!;
    }

    /// <summary>Decodes and compares; true: it has answered.</summary>
    private static async Task<bool> ReceiveAsync(HttpContext context, LabelChecker checker, ConcurrentQueue<string> violations,
        Func<bool> isAway)
    {
        var buffer = new MemoryStream();
        await context.Request.Body.CopyToAsync(buffer);
        if (isAway())
        {
            context.Response.StatusCode = 503;
            return true;
        }
        var isSecond = context.Request.ContentType?.Contains("io.prometheus.write.v2.Request", StringComparison.Ordinal) == true;
        try
        {
            var bytes = IronSnappy.Snappy.Decode(buffer.ToArray());
            var message = isSecond ? FirstVersion.Of(bytes, violations) : WriteRequest.Parser.ParseFrom(bytes);
            checker.Check(message);
            context.Response.StatusCode = 204;
            context.Response.Headers["X-Prometheus-Remote-Write-Samples-Written"] =
                message.Timeseries.Count.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e)
        {
            violations.Enqueue($"undecodable: {e.Message}");
            context.Response.StatusCode = 400;
        }
        return true;
    }

    private static (long PeakKibibytes, TimeSpan Cpu) Cost(Process process)
    {
        if (process.HasExited || !OperatingSystem.IsLinux())
            return default;
        var line = File.ReadLines($"/proc/{process.Id}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return (long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture),
            process.TotalProcessorTime);
    }
}
