using Cluster;

namespace Sidecar.Tests.Repository;

public sealed class TopLevelTests
{
    [Fact]
    public void The_top_level_holds_what_the_owner_laid_out_and_nothing_else()
    {
        string[] allowed = ["src", "tests", "Dockerfile.distroless", "Sidecar.sln", "build.ps1", "README.md", "global.json", "LICENSE", "nuget.config"];
        string[] made = ["artifacts", "TestResults", "BenchmarkDotNet.Artifacts"]; // by builds and test runs; ignored by git
        var found = Directory.EnumerateFileSystemEntries(SidecarBinary.RepositoryRoot).Select(Path.GetFileName).OfType<string>()
            .Where(n => n[0] != '.' && !(n.StartsWith("Directory.", StringComparison.Ordinal) && n.EndsWith(".props", StringComparison.Ordinal)));
        Assert.Empty(found.Except(allowed).Except(made));
        Assert.All(allowed[..6], name => Assert.True(Path.Exists(Path.Combine(SidecarBinary.RepositoryRoot, name)), name));
    }
}
