using System.Globalization;

namespace Sidecar.Benchmarks;

/// <summary>What a process has used so far, by the kernel's own account in <c>/proc</c>.</summary>
/// <param name="CpuSeconds">User and system time of all threads (fields 14 and 15 of <c>stat</c>).</param>
/// <param name="PeakMiB">VmHWM.</param>
/// <param name="FinalMiB">VmRSS.</param>
internal readonly record struct ProcessCost(double CpuSeconds, double PeakMiB, double FinalMiB)
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux of today

    public static ProcessCost Read(int processId)
    {
        var stat = File.ReadAllText($"/proc/{processId}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture);
        var status = File.ReadLines($"/proc/{processId}/status").Select(l => l.Split(':', 2)).ToDictionary(l => l[0], l => l[1].Trim());
        return new ProcessCost(ticks / TicksPerSecond, MiB(status["VmHWM"]), MiB(status["VmRSS"]));
    }

    private static double MiB(string kilobytes) => double.Parse(kilobytes.Split(' ')[0], CultureInfo.InvariantCulture) / 1024;
}
