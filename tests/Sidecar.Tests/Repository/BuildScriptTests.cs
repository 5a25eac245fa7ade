using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Cluster;

namespace Sidecar.Tests.Repository;

/// <summary>Runs every task of build.ps1 for real, in PowerShell's engine hosted here, as far as the machine allows.</summary>
[Collection(nameof(BuildScriptTests)), CollectionDefinition(nameof(BuildScriptTests), DisableParallelization = true), Trait("Speed", "Slow")]
public sealed class BuildScriptTests
{
    private static readonly string Script = Path.Combine(SidecarBinary.RepositoryRoot, "build.ps1");

    [Fact]
    public void No_task_lists_them_and_an_unknown_one_is_an_error()
    {
        var (exitCode, output) = Run("");
        Assert.Equal(0, exitCode);
        foreach (var task in new[] { "build", "test", "publish", "image", "bench", "demo" })
            Assert.Contains($"  {task} ", output);
        (exitCode, output) = Run("biuld");
        Assert.Equal(2, exitCode);
        Assert.Contains("no task 'biuld'", output);
    }

    [Fact]
    public void Build_builds_and_hands_on_a_failure()
    {
        var (exitCode, output) = Run("build -Configuration Debug --nologo");
        Assert.True(exitCode == 0, output);
        Assert.Contains("Sidecar.Tests", output);
        Assert.NotEqual(0, Run("build --no-such-option").ExitCode);
    }

    [Fact]
    public void Publish_makes_one_small_native_file_without_trim_or_aot_warnings()
    {
        var folder = Directory.CreateTempSubdirectory("publish").FullName;
        try
        {
            var (exitCode, output) = Run($"publish -Output '{folder}'");
            Assert.True(exitCode == 0, output);
            Assert.DoesNotMatch("warning|IL[23]\\d{3}", output);
            var file = Assert.Single(Directory.EnumerateFileSystemEntries(folder));
            Assert.StartsWith("sidecar", Path.GetFileName(file));
            Assert.InRange(new FileInfo(file).Length, 1_000_000, 8 * 1024 * 1024);
            Assert.Matches("SHA-256 [0-9a-f]{64}", output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Image_says_that_no_engine_answers()
    {
        WithEngine("exit 1", _ =>
        {
            var (exitCode, output) = Run("image");
            Assert.Equal(1, exitCode);
            Assert.Contains("No container engine answers here: docker, podman, nerdctl were tried", output);
        });
    }

    [Fact]
    public void Image_builds_the_distroless_file_with_the_engine_that_answers()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-in engine is a shell script");
        WithEngine("""echo "$@" >>"$(dirname "$0")/calls" """, folder =>
        {
            var (exitCode, output) = Run("image --platform linux/arm64");
            Assert.True(exitCode == 0, output);
            Assert.Equal(["info", "build -f Dockerfile.distroless -t sidecar . --platform linux/arm64"], File.ReadAllLines(Path.Combine(folder, "calls")));
        });
    }

    [Fact]
    public void Test_runs_tests()
    {
        // One class of the other project, so that this test does not run itself; its binary is published on the way.
        var (exitCode, output) = Run("test -Configuration Debug --filter-class Sidecar.Tests.Repository.TopLevelTests --ignore-exit-code 8");
        Assert.True(exitCode == 0, output);
        Assert.Contains("failed: 0", output);
    }

    [Fact]
    public void Bench_lists_the_benchmarks()
    {
        var (exitCode, output) = Run("bench --list flat");
        Assert.True(exitCode == 0, output);
        Assert.Contains("EncodingBenchmarks", output);
    }

    [Fact]
    public void Demo_explains_itself()
    {
        var (exitCode, output) = Run("demo --help");
        Assert.True(exitCode == 0, output);
        Assert.Contains("stand-in cluster", output);
    }

    /// <summary>Container engines of every name, made of one shell script, first on the path.</summary>
    private static void WithEngine(string body, Action<string> act)
    {
        var folder = Directory.CreateTempSubdirectory("engine").FullName;
        var path = Environment.GetEnvironmentVariable("PATH");
        try
        {
            foreach (var name in new[] { "docker", "podman", "nerdctl" })
            {
                var file = Path.Combine(folder, name);
                File.WriteAllText(file, $"#!/bin/sh\n{body}\n");
                if (!OperatingSystem.IsWindows())
                    File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            }
            Environment.SetEnvironmentVariable("PATH", folder + Path.PathSeparator + path);
            act(folder);
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (int ExitCode, string Output) Run(string arguments)
    {
        // What a test runner sets for its own builds is not for these.
        foreach (var name in Environment.GetEnvironmentVariables().Keys.Cast<string>().Where(n => n.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)))
            Environment.SetEnvironmentVariable(name, null);
        using var runspace = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
        runspace.Open();
        using var shell = PowerShell.Create(runspace);
        shell.AddScript($"& '{Script}' {arguments} 2>&1; $global:code = $LASTEXITCODE");
        var console = Console.Out;
        var said = new StringWriter();
        Console.SetOut(TextWriter.Synchronized(said));
        try
        {
            var lines = shell.Invoke().Select(o => o?.ToString()).ToList();
            var exitCode = runspace.SessionStateProxy.GetVariable("code") as int? ?? 0;
            return (exitCode, said + string.Join('\n', lines) + string.Join('\n', shell.Streams.Error));
        }
        finally
        {
            Console.SetOut(console);
        }
    }
}
