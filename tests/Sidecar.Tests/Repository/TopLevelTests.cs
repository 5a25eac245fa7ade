namespace Sidecar.Tests.Repository;

/// <summary>The top level holds what the owner laid down, and what tools look for there.</summary>
public sealed class TopLevelTests
{
    private static readonly string[] Required =
    [
        "src", "tests", "Dockerfile.distroless", "Sidecar.sln", "build.ps1", "README.md", "LICENSE",
        "Directory.Build.props", "Directory.Packages.props", "global.json",
    ];

    // It is what tools look for.
    private static readonly string[] Allowed = [.. Required, "nuget.config"];

    [Fact]
    public void Top_level_holds_exactly_what_is_allowed()
    {
        // What .gitignore names is not of the repository: artifacts, results of test runs.
        var ignored = RepositoryFiles.Read(".gitignore").Split('\n').Select(l => l.Trim().Trim('/')).ToHashSet();
        var entries = Directory.EnumerateFileSystemEntries(RepositoryFiles.Root).Select(Path.GetFileName)
            .Where(name => !ignored.Contains(name!) && !name!.StartsWith('.') && !name.EndsWith(".user", StringComparison.Ordinal))
            .ToHashSet();

        Assert.Empty(entries.Except(Allowed));
        Assert.Empty(Required.Except(entries));
    }

    /// <summary>Byte by byte as https://www.apache.org/licenses/LICENSE-2.0.txt has it, so that tools know it.</summary>
    [Fact]
    public void Licence_is_apache_2_0() => Assert.Equal(
        "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(
        File.ReadAllBytes(Path.Combine(RepositoryFiles.Root, "LICENSE")))));

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = RepositoryFiles.Read("Sidecar.sln").Replace('\\', '/');
        var projects = new[] { "src", "tests" }
            .SelectMany(f => Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, f), "*.csproj", SearchOption.AllDirectories))
            .Select(f => Path.GetRelativePath(RepositoryFiles.Root, f).Replace('\\', '/'))
            .ToArray();

        Assert.NotEmpty(projects);
        Assert.All(projects, project => Assert.Contains($"\"{project}\"", solution));
    }
}
