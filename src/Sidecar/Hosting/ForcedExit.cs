using System.Runtime.InteropServices;
using Sidecar.Telemetry;

namespace Sidecar.Hosting;

/// <summary>Ends the process by threads of its own: past the stop timeout, at a second signal, and after an uncaught exception.</summary>
/// <param name="shutdownTimeout">What stopping may take.</param>
/// <param name="exit">Ends the process; null for <c>_exit</c>. Tests look on.</param>
internal sealed partial class ForcedExit(TimeSpan shutdownTimeout, Log log, Action<int>? exit = null)
{
    /// <summary>For what comes after the bound: giving up what is unsent, and saying so.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(800);

    /// <summary>Of writing the last line: standard error may be what hangs.</summary>
    private static readonly TimeSpan LongestLine = TimeSpan.FromMilliseconds(150);

    private int isBegun;

    /// <summary>Stopping has begun, and from now on has its bound.</summary>
    /// <returns>False where it had begun before.</returns>
    public bool Begin()
    {
        if (Interlocked.Exchange(ref isBegun, 1) == 1)
            return false;
        Run("forced exit", () =>
        {
            var left = (shutdownTimeout + Slack).TotalMilliseconds;
            Thread.Sleep((int)Math.Min(left, int.MaxValue));
            Now("Stopping took longer than SIDECAR_SHUTDOWN_TIMEOUT: something hangs, and the process ends at once");
        });
        return true;
    }

    /// <summary>Ends the process without waiting for anything; what is not on disk is lost.</summary>
    public void Now(string why, object? error = null, string remedy = "report it with this line and those before it")
    {
        Run("last line", () => log.Error(why, ("error", error), ("remedy", remedy))).Join(LongestLine);
        if (exit is not null)
            exit(ExitCode.Failed);
        else if (OperatingSystem.IsWindows())
            Environment.Exit(ExitCode.Failed);
        else
            _exit(ExitCode.Failed); // exit would run handlers of libraries that other threads are still using
    }

    private static Thread Run(string name, ThreadStart work)
    {
        var thread = new Thread(work, maxStackSize: 256 * 1024) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void _exit(int status);
}
