using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Cluster;

/// <summary>The published sidecar, made from the sources beside these.</summary>
public static class SidecarBinary
{
    /// <summary>The folder that holds Sidecar.sln.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>Its path; null after the reason was written to standard error.</summary>
    /// <param name="folder">Where to publish to, in the repository.</param>
    /// <param name="platform">This machine's if it is null.</param>
    /// <param name="options">More for <c>dotnet publish</c>.</param>
    public static async Task<string?> PublishAsync(string folder = "artifacts/sidecar", string? platform = null, params string[] options)
    {
        var output = Path.Combine(RepositoryRoot, folder);
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = RepositoryRoot,
            ArgumentList = { "publish", "src/Sidecar", "-c", "Release", "-r", platform
            ?? RuntimeInformation.RuntimeIdentifier, "-o", output, "--nologo", "-v", "quiet" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var option in options)
            start.ArgumentList.Add(option);
        // A test runner's own build settings are not for this build.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        using var publish = Process.Start(start)!;
        var errors = publish.StandardError.ReadToEndAsync();
        var messages = await publish.StandardOutput.ReadToEndAsync();
        await publish.WaitForExitAsync();
        if (publish.ExitCode == 0)
            return Path.Combine(output, OperatingSystem.IsWindows() ? "sidecar.exe" : "sidecar");
        await Console.Error.WriteLineAsync($"dotnet publish failed:\n{messages}\n{await errors}");
        if (messages.Contains("Platform linker", StringComparison.Ordinal) || messages.Contains("zlib", StringComparison.Ordinal))
            await Console.Error.WriteLineAsync("Native AOT needs a C toolchain: apt-get install gcc zlib1g-dev (or clang).");
        return null;
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Sidecar.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("Sidecar.sln stands in no folder above this program");
        return folder.FullName;
    }
}
