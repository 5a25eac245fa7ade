using System.Diagnostics;
using System.Runtime.InteropServices;

[assembly: AssemblyFixture(typeof(Sidecar.EndToEnd.PublishedBinary))]

namespace Sidecar.EndToEnd;

/// <summary>The Native AOT binary that all tests here run, published once from the sources as a user would.</summary>
public sealed class PublishedBinary : IAsyncLifetime
{
    public string Path { get; private set; } = "";

    /// <summary>The folder that holds Sidecar.sln.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    public async ValueTask InitializeAsync()
    {
        var folder = System.IO.Path.Combine(RepositoryRoot, "artifacts", "end-to-end");
        var start = new ProcessStartInfo("dotnet")
        {
            WorkingDirectory = RepositoryRoot,
            ArgumentList = { "publish", "src/Sidecar", "-c", "Release", "-r", RuntimeInformation.RuntimeIdentifier, "-o", folder, "--nologo", "-v", "quiet" },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var publish = Process.Start(start)!;
        var error = publish.StandardError.ReadToEndAsync();
        var output = await publish.StandardOutput.ReadToEndAsync();
        await publish.WaitForExitAsync();
        Assert.True(publish.ExitCode == 0, $"dotnet publish failed:\n{output}\n{await error}");
        Path = System.IO.Path.Combine(folder, OperatingSystem.IsWindows() ? "sidecar.exe" : "sidecar");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder.FullName, "Sidecar.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException("Sidecar.sln stands in no folder above the tests");
        return folder.FullName;
    }
}
