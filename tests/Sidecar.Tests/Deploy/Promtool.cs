using System.Diagnostics;

namespace Sidecar.Tests.Deploy;

/// <summary>Prometheus's own checker, from Debian's package <c>prometheus</c>; without it the test is skipped.</summary>
internal static class Promtool
{
    public static async Task PassesAsync(params string[] arguments)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/bin")
            .Select(folder => Path.Combine(folder, "promtool")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, "promtool is not installed (Debian's package prometheus)");
        var start = new ProcessStartInfo(path!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"promtool {string.Join(' ', arguments)}:\n{output}\n{await errors}");
    }
}
