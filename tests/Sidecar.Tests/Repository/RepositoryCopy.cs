
namespace Sidecar.Tests.Repository;

/// <summary>
/// The repository's files in a folder of their own, as a fresh clone has them: builds there prove that nothing is missing, and do not
/// disturb the builds of which these tests are part.
/// </summary>
public sealed class RepositoryCopy : IDisposable
{
    private static readonly HashSet<string> Made =
    [
        ".git", ".vs", ".idea", "bin", "obj", "artifacts", "TestResults", "BenchmarkDotNet.Artifacts",
    ];

    private readonly Lazy<ScriptResult> published;

    public RepositoryCopy() : this("sidecar-repository")
    {
    }

    internal RepositoryCopy(string name)
    {
        Folder = Directory.CreateTempSubdirectory(name).FullName;
        Root = Path.Combine(Folder, "sidecar");
        Copy(new DirectoryInfo(RepositoryFiles.Root), Root);
        PublishFolder = Path.Combine(Folder, "out");
        // Relative to where the caller stands, which is beside the copy.
        published = new Lazy<ScriptResult>(() => HostedPowerShell.Run(Folder, "& ./sidecar/build.ps1 publish -Output ./out"));
    }

    /// <summary>A temporary folder that holds the copy, and what is made from it.</summary>
    public string Folder { get; }

    public string Root { get; }

    public string PublishFolder { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>What <c>build.ps1 publish</c> said when it published to <see cref="PublishFolder"/>; it takes a minute, once.</summary>
    internal ScriptResult Publish() => published.Value;

    private static void Copy(DirectoryInfo from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in from.EnumerateFiles().Where(f => !Made.Contains(f.Name)))
            file.CopyTo(Path.Combine(to, file.Name));
        foreach (var folder in from.EnumerateDirectories().Where(f => !Made.Contains(f.Name)))
            Copy(folder, Path.Combine(to, folder.Name));
    }
}

/// <summary>Tests that run build.ps1: one copy of the repository for all, and nothing else beside them.</summary>
[CollectionDefinition(nameof(BuildScriptCollection), DisableParallelization = true)]
public sealed class BuildScriptCollection : ICollectionFixture<RepositoryCopy>;
