using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Sidecar.EndToEnd;

/// <summary>The published binary as a process, with an environment that holds nothing but what is given.</summary>
public sealed partial class SidecarProcess : IAsyncDisposable
{
    private readonly Process process;
    private readonly List<string> log = [];
    private readonly List<string> output = [];
    private readonly Task readers;
    private bool isDisposed;

    private SidecarProcess(Process process)
    {
        this.process = process;
        readers = Task.WhenAll(ReadAsync(process.StandardError, log), ReadAsync(process.StandardOutput, output));
    }

    public int Id => process.Id;

    public bool HasExited => process.HasExited;

    /// <summary>Lines on standard error so far.</summary>
    public IReadOnlyList<string> Log
    {
        get
        {
            lock (log)
                return [.. log];
        }
    }

    public string Output
    {
        get
        {
            lock (output)
                return string.Join('\n', output);
        }
    }

    public static SidecarProcess Start(PublishedBinary binary, IEnumerable<KeyValuePair<string, string>> environment,
        params string[] arguments) =>
        Start(binary.Path, environment, arguments);

    /// <param name="program">The binary, or what becomes it in the end.</param>
    public static SidecarProcess Start(string program, IEnumerable<KeyValuePair<string, string>> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new SidecarProcess(Process.Start(start)!);
    }

    /// <summary>The first log line with all of these texts; waits for it.</summary>
    public async Task<string> WaitForLogAsync(params string[] texts)
    {
        string? Find() => Log.FirstOrDefault(line => texts.All(line.Contains));
        await Eventually.TrueAsync(() => Find() is not null || HasExited, () =>
            $"no log line with [{string.Join("], [", texts)}] in:\n{string.Join('\n', Log)}");
        return Find() ?? throw new InvalidOperationException(
            $"the sidecar ended without a line with [{string.Join("], [", texts)}]:\n{string.Join('\n', Log)}");
    }

    /// <summary>The base address of its own listener, from the log.</summary>
    public async Task<Uri> ListenAddressAsync() =>
        new("http://" + ListenPattern().Match(await WaitForLogAsync("Sidecar starts")).Groups[1].Value);

    /// <summary>Sends a signal and waits for the end; returns the exit code.</summary>
    public async Task<int> StopAsync(PosixSignal signal = PosixSignal.SIGTERM)
    {
        if (!process.HasExited)
            await SignalAsync(signal.ToString()[3..]);
        return await WaitForExitAsync();
    }

    /// <summary>Sends a signal by its name, such as <c>STOP</c>.</summary>
    public async Task SignalAsync(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>SIGKILL: the process gets no chance to do anything more.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        await readers;
    }

    public async Task<int> WaitForExitAsync()
    {
        using var patience = new CancellationTokenSource(Eventually.Patience);
        await process.WaitForExitAsync(patience.Token);
        await readers;
        return process.ExitCode;
    }

    /// <summary>Once or more often: a test that restarts the sidecar ends it first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref isDisposed, true))
            return;
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static async Task ReadAsync(StreamReader reader, List<string> lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (lines)
                lines.Add(line);
        }
    }

    [GeneratedRegex("listen\"?[=:]\"?([^ \"]+)")]
    private static partial Regex ListenPattern();
}
