using System.Diagnostics;

namespace Sidecar.EndToEnd.Packaging;

/// <summary>Programs of the machine. A test that needs one that is not there says so, and is skipped.</summary>
internal static class Tool
{
    /// <summary>The path of a program; Debian's own folders are looked at first and last.</summary>
    public static string Find(string name, string package)
    {
        var path = Debian(name) ?? (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(f => Path.Combine(f, name))
            .FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"{name} is not installed (Debian's package {package})");
        return path!;
    }

    /// <summary>A folder that .ci/run fills from Debian's packages.</summary>
    public static string Unpacked(string name, string holds)
    {
        var folder = Path.Combine(Cluster.SidecarBinary.RepositoryRoot, "artifacts", "debian", name);
        Assert.SkipUnless(Path.Exists(Path.Combine(folder, holds)), $"artifacts/debian/{name} is not there: .ci/run fills it");
        return folder;
    }

    public static async Task<(int ExitCode, string Output)> RunAsync(
        string program, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>>? environment = null, string? folder = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true,
            WorkingDirectory = folder ?? "" };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await errors);
    }

    /// <summary>As <see cref="RunAsync"/>, and what does not end with 0 fails the test with its words.</summary>
    public static async Task<string> PassAsync(
        string program, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>>? environment = null, string? folder = null)
    {
        var list = arguments.ToList();
        var (exitCode, output) = await RunAsync(program, list, environment, folder);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', list)} ended with {exitCode}:\n{output}");
        return output;
    }

    private static string? Debian(string name) =>
        new[] { "/usr/bin", "/usr/sbin" }.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
