using System.Diagnostics;

namespace Sidecar.Benchmarks;

/// <summary>Starts <see cref="TargetCommand"/> as a process.</summary>
internal sealed class TargetProcess : IDisposable
{
    private readonly Process process;

    private TargetProcess(Process process, string[] answer)
    {
        this.process = process;
        Port = int.Parse(answer[0]);
        ReceiverUrl = $"http://127.0.0.1:{answer[1]}/api/v1/write";
        TokenFile = answer[2];
        CaFile = answer[3];
    }

    public int Port { get; }

    public string ReceiverUrl { get; }

    public string TokenFile { get; }

    public string CaFile { get; }

    public static TargetProcess Start(int samples)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["target", "--samples", $"{samples}"])
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
