using System.Diagnostics;
using System.Globalization;

namespace Cluster.Campaigns;

/// <summary>The sidecar as a process that is ended, stopped and started again.</summary>
public sealed class SidecarLives(
    CampaignOptions options, Dictionary<string, string> environment, Spells spells, CampaignLog log, Verdict verdict) : IAsyncDisposable
{
    /// <summary>A process with a call that the disk keeps cannot end before the disk lets it go.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    /// <summary>From SIGTERM to the end: SIDECAR_SHUTDOWN_TIMEOUT and what a busy machine adds.</summary>
    private const int LongestEnd = 8000;

    private Process? process;
    private TaskCompletionSource started = new();
    private Task reading = Task.CompletedTask;
    private IDisposable? down;

    public int Starts { get; private set; }

    public bool IsRunning => process is { HasExited: false };

    /// <summary>Returns when the process says that it has started, or after some time.</summary>
    public async Task StartAsync()
    {
        var (program, arguments) = options.IsOnOneProcessor ? ("taskset", new[] { "-c", "0", options.Binary }) : (options.Binary, []);
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        var begun = started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Starts++;
        process = Process.Start(start)!;
        reading = ReadAsync(process.StandardError, begun);
        await Task.WhenAny(begun.Task, process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(10)));
        down?.Dispose();
        down = null;
    }

    public async Task KillAsync()
    {
        if (Ended())
            return;
        down = spells.Begin(Faults.Kill, "SIGKILL");
        process!.Kill();
        await EndAsync(isBounded: false);
    }

    public async Task TerminateAsync()
    {
        if (Ended())
            return;
        await Task.WhenAny(started.Task, Task.Delay(2000)); // before that it does not know what to do with the signal
        down = spells.Begin(Faults.Terminate, "SIGTERM");
        await SignalAsync("TERM");
        await EndAsync(isBounded: true);
    }

    public async Task StopForAsync(TimeSpan length, CancellationToken cancellation)
    {
        if (Ended())
            return;
        using var spell = spells.Begin(Faults.Stop, "SIGSTOP");
        await SignalAsync("STOP");
        try
        {
            await Task.Delay(length, cancellation);
        }
        finally
        {
            await SignalAsync("CONT");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (process is null)
            return;
        if (!process.HasExited)
            process.Kill();
        using var patience = new CancellationTokenSource(Patience);
        await process.WaitForExitAsync(patience.Token);
        process.Dispose();
    }

    /// <summary>Nothing has ended it, and yet it has ended.</summary>
    private bool Ended()
    {
        if (process is null or { HasExited: false })
            return process is null;
        verdict.Find("process", $"it ended by itself with exit code {process.ExitCode}; its last lines:\n  "
            + string.Join("\n  ", log.Tail(30)));
        down = spells.Begin(Faults.Kill, "end by itself");
        return true;
    }

    private async Task EndAsync(bool isBounded)
    {
        var begun = Spells.Now;
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await process!.WaitForExitAsync(patience.Token);
            await reading.WaitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            verdict.Find("process", $"it has not ended {Patience.TotalSeconds:0} s after {(isBounded ? "SIGTERM" : "SIGKILL")}");
            process!.Kill();
            await process.WaitForExitAsync();
        }
        var end = Spells.Now;
        var isFrozen = spells.Any(begun - 100, end, Faults.DiskFrozen);
        if (isBounded && process!.ExitCode != 0)
            verdict.Find("process", $"exit code {process.ExitCode} after SIGTERM; its last lines:\n  {string.Join("\n  ", log.Tail(30))}");
        if (isBounded && end - begun > LongestEnd && !isFrozen)
            verdict.Find("process", $"SIGTERM took {end - begun} ms");
        verdict.LongestEnd = isBounded && !isFrozen ? Math.Max(verdict.LongestEnd, end - begun) : verdict.LongestEnd;
        process!.Dispose();
        process = null;
    }

    private async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, process!.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private async Task ReadAsync(StreamReader reader, TaskCompletionSource begun)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            log.Write(line);
            if (line.Contains("Sidecar starts", StringComparison.Ordinal))
                begun.TrySetResult();
            if (line.Contains("a bug in the sidecar", StringComparison.OrdinalIgnoreCase)
                || line.Contains("Unhandled exception", StringComparison.Ordinal))
                verdict.Find("bug", line);
        }
    }
}
