using System.Diagnostics;

namespace Sidecar.Benchmarks;

/// <summary>Starts <see cref="TargetCommand"/> as a process.</summary>
internal sealed class TargetProcess : IDisposable
{
    private readonly Process process;

    private TargetProcess(Process process, string[] answer)
    {
        this.process = process;
        Ports = [.. answer[0].Split(',').Select(int.Parse)];
        ReceiverUrl = answer[1];
        TlsReceiverUrl = answer[2];
        TokenFile = answer[3];
        CaFile = answer[4];
    }

    /// <summary>One for each target.</summary>
    public int[] Ports { get; }

    public int Port => Ports[0];

    public string ReceiverUrl { get; }

    /// <summary>The same over TLS, with a certificate of <see cref="CaFile"/>.</summary>
    public string TlsReceiverUrl { get; }

    public string TokenFile { get; }

    public string CaFile { get; }

    /// <param name="churnPercent">Of the series, those that each scrape replaces.</param>
    public static TargetProcess Start(int samples, int targets = 1, int churnPercent = 0)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!,
            ["target", "--samples", $"{samples}", "--targets", $"{targets}", "--churn", $"{churnPercent}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        var answer = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the target did not start");
        return new TargetProcess(process, answer.Split(' '));
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromSeconds(10)))
            process.Kill();
        process.Dispose();
    }
}
