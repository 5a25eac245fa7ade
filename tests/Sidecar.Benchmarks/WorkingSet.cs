using System.Globalization;

namespace Sidecar.Benchmarks;

/// <summary>
/// The working set of one process as a kubelet counts it: what its memory cgroup uses, less inactive file pages. Needs root; where no
/// cgroup can be made it is not known.
/// </summary>
internal sealed class WorkingSet : IDisposable
{
    private readonly string? group;

    private readonly bool isFirstVersion = Directory.Exists("/sys/fs/cgroup/memory");

    public WorkingSet(string name)
    {
        var path = Path.Combine(isFirstVersion ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup", $"sidecar-{Environment.ProcessId}-{name}");
        try
        {
            Directory.CreateDirectory(path);
            if (File.Exists(Path.Combine(path, isFirstVersion ? "memory.usage_in_bytes" : "memory.current")))
                group = path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // then it is not known
        }
    }

    /// <summary>The highest seen by <see cref="Look"/>; NaN where it is not known.</summary>
    public double PeakMiB { get; private set; } = double.NaN;

    /// <summary>The command that starts a program in the group, under the process id that it is given.</summary>
    public (string Program, string[] Arguments) Wrap(string program, string[] arguments) => group is null ? (program, arguments)
        : ("/bin/sh", ["-c", $"echo $$ > {group}/cgroup.procs && exec \"$0\" \"$@\"", program, .. arguments]);

    /// <summary>What it is now, MiB.</summary>
    public double Look()
    {
        if (group is null)
            return double.NaN;
        var usage = Number(File.ReadAllText(Path.Combine(group, isFirstVersion ? "memory.usage_in_bytes" : "memory.current")));
        var inactive = File.ReadLines(Path.Combine(group, "memory.stat"))
            .First(l => l.StartsWith(isFirstVersion ? "total_inactive_file " : "inactive_file ", StringComparison.Ordinal));
        var mib = (usage - Number(inactive[inactive.IndexOf(' ')..])) / (1024 * 1024);
        PeakMiB = double.IsNaN(PeakMiB) ? mib : Math.Max(PeakMiB, mib);
        return mib;
    }

    /// <summary>The process has ended.</summary>
    public void Dispose()
    {
        if (group is not null)
            Directory.Delete(group);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
