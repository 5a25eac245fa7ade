using System.Diagnostics;

namespace Sidecar.Tests.Repository;

/// <summary>Directory.Build.props on NuGet's audit: on, and no build breaks because its source is away.</summary>
public sealed class PackageAuditTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sidecar-audit").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Audit_source_that_is_away_is_a_warning()
    {
        foreach (var file in new[] { "Directory.Build.props", "Directory.Packages.props", "global.json" })
            File.Copy(Path.Combine(RepositoryFiles.Root, file), Path.Combine(folder, file));
        // Nobody listens on port 9 (discard) of the loopback address.
        await File.WriteAllTextAsync(Path.Combine(folder, "nuget.config"), """
            <configuration>
              <auditSources><clear /><add key="away" value="https://127.0.0.1:9/v3/index.json" /></auditSources>
            </configuration>
            """, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "audited.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk"><ItemGroup><PackageReference Include="IronSnappy" /></ItemGroup></Project>
            """, TestContext.Current.CancellationToken);

        var start = new ProcessStartInfo("dotnet", ["restore"]) { WorkingDirectory = folder, RedirectStandardOutput = true };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        start.Environment.Remove("RestoreLockedMode"); // there is no lock file yet
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        using var restore = Process.Start(start)!;
        var output = await restore.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await restore.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.True(restore.ExitCode == 0, output);
        // It asked: auditing is on.
        Assert.Contains("warning NU1900", output);
    }
}
