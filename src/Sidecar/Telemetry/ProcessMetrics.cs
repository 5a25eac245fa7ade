using System.Globalization;

namespace Sidecar.Telemetry;

/// <summary><c>process_*</c> under Prometheus client names; what the system does not tell is left out.</summary>
internal sealed class ProcessMetrics(TimeProvider time)
{
    /// <summary>Made first thing in the process, so this is its start to within the load time of the executable.</summary>
    private readonly double started = time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    public static TimeSpan CpuTime =>
        OperatingSystem.IsBrowser() || OperatingSystem.IsIOS() || OperatingSystem.IsTvOS() ? default : Environment.CpuUsage.TotalTime;

    public static long ResidentBytes => Memory is { } memory ? Pages(memory[1]) : Environment.WorkingSet;

    /// <summary>Size, resident, and more, in pages.</summary>
    private static string[]? Memory => ReadFile("/proc/self/statm") is { } memory && memory.Split(' ') is [_, _, ..] and var pages
        ? pages : null;

    public void Write(MetricsText text)
    {
        text.Single("process_cpu_seconds_total", "counter", "User and system CPU time spent, in seconds.", CpuTime.TotalSeconds);
        text.Single("process_start_time_seconds", "gauge", "When the process started, in seconds since 1970.", started);
        if (Memory is { } memory)
            text.Single("process_virtual_memory_bytes", "gauge", "Address space in use, in bytes.", Pages(memory[0]));
        text.Single("process_resident_memory_bytes", "gauge", "Memory held in RAM, in bytes.", ResidentBytes);
        if (CountOpenFiles() is { } open)
            text.Single("process_open_fds", "gauge", "Open file descriptors.", open);
        if (MaxOpenFiles() is { } most)
            text.Single("process_max_fds", "gauge", "Most file descriptors that may be open.", most);
        text.Single("dotnet_total_memory_bytes", "gauge", "Managed heap in use, in bytes.", GC.GetTotalMemory(forceFullCollection: false));
    }

    private static long Pages(string number) => long.Parse(number, CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    private static int? CountOpenFiles()
    {
        try
        {
            return Directory.GetFileSystemEntries("/proc/self/fd").Length - 1; // the listing itself holds one open
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The soft limit, from the line <c>Max open files  1024  524288  files</c>.</summary>
    private static double? MaxOpenFiles()
    {
        const string Title = "Max open files";
        var limits = ReadFile("/proc/self/limits") ?? "";
        var at = limits.IndexOf(Title, StringComparison.Ordinal);
        if (at < 0)
            return null;
        var rest = limits.AsSpan(at + Title.Length).TrimStart();
        var soft = rest[..rest.IndexOfAny(' ', '\n')];
        return long.TryParse(soft, CultureInfo.InvariantCulture, out var limit) ? limit : double.PositiveInfinity; // "unlimited"
    }

    private static string? ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
