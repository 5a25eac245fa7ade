using System.Diagnostics;
using System.Text.Json;
using Sidecar.Tests.Repository;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Deploy;

/// <summary>A real kubectl, for what needs no cluster. Where there is none of this decade the test is skipped.</summary>
internal static class Kubectl
{
    /// <summary>What <c>kubectl kustomize</c> makes of a folder, document by document.</summary>
    public static async Task<IReadOnlyList<YamlNode>> KustomizeAsync(string folder)
    {
        var (exitCode, output, error) = await RunAsync(await PathAsync(), "kustomize", folder);
        Assert.True(exitCode == 0, $"kubectl kustomize {folder}: {error}");
        Assert.DoesNotContain("Warning", error); // deprecated fields
        var stream = new YamlStream();
        stream.Load(new StringReader(output));
        return [.. stream.Documents.Select(d => d.RootNode)];
    }

    /// <summary>What it says of an object's new label, by the code that the API server has too; empty where it takes it.</summary>
    public static async Task<string> LabelAsync(string file, string label)
    {
        var (exitCode, _, error) = await RunAsync(await PathAsync(), "label", "--local", "--filename", file, label, "--output", "name");
        Assert.Equal(exitCode == 0, error.Length == 0);
        return error;
    }

    /// <summary>The one that .ci/run unpacks first, then any on PATH. Changing an object's kind by a patch came with kustomize 4.</summary>
    private static async Task<string> PathAsync()
    {
        var unpacked = Path.Combine(RepositoryFiles.Root, "artifacts", "debian", "sid", "usr", "bin", "kubectl");
        var candidates = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, "kubectl")).Prepend(unpacked).Where(File.Exists);
        var seen = new List<string>();
        foreach (var path in candidates)
        {
            var (exitCode, output, _) = await RunAsync(path, "version", "--client", "--output", "json");
            if (exitCode != 0)
                continue;
            using var version = JsonDocument.Parse(output);
            if (version.RootElement.TryGetProperty("kustomizeVersion", out var kustomize)
                && !kustomize.GetString()!.StartsWith("v2.", StringComparison.Ordinal))
                return path;
            seen.Add(path);
        }
        Assert.Skip($"no kubectl with kustomize 4 or newer: {string.Join(", ", seen)}; .ci/unpack artifacts/debian/sid sid amd64 kubectl brings one");
        return "";
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string path, params string[] arguments)
    {
        var start = new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output, await errors);
    }
}
