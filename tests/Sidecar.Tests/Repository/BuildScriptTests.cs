using System.Management.Automation.Language;
using System.Runtime.InteropServices;

namespace Sidecar.Tests.Repository;

/// <summary>build.ps1, every task of it, in PowerShell's own engine.</summary>
[Collection(nameof(BuildScriptCollection))]
[Trait("Speed", "Slow")]
public sealed class BuildScriptTests(RepositoryCopy copy)
{
    private static readonly string[] Tasks = ["build", "test", "publish", "image", "bench", "demo"];

    private ScriptResult Script(string arguments, string? path = null) =>
        HostedPowerShell.Run(copy.Root, $"& ./build.ps1 {arguments}", path);

    [Theory]
    [InlineData("")]
    [InlineData("help")]
    public void Without_a_task_it_lists_them(string arguments)
    {
        var result = Script(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.All(Tasks, task => Assert.Contains($"\n  {task} ", result.Output));
    }

    [Fact]
    public void Unknown_task_is_refused_with_the_list()
    {
        var result = Script("biuld");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("build.ps1 biuld: there is no such task.", result.Error);
        Assert.All(Tasks, task => Assert.Contains(task, result.Error));
    }

    [Fact]
    public void Older_powershell_reads_it_and_is_told_which_one_to_get()
    {
        var file = Path.Combine(copy.Root, "build.ps1");
        var text = File.ReadAllText(file);
        // Before version 6 a file without a byte order mark is not read as UTF-8.
        Assert.All(text, c => Assert.True(char.IsAscii(c), $"'{c}' is not ASCII"));
        var syntax = Parser.ParseInput(text, out _, out var errors);
        Assert.Empty(errors);
        Assert.Empty(syntax.FindAll(
            node => node is TernaryExpressionAst or PipelineChainAst
                or BinaryExpressionAst { Operator: TokenKind.QuestionQuestion }
                or AssignmentStatementAst { Operator: TokenKind.QuestionQuestionEquals }
                or MemberExpressionAst { NullConditional: true },
            searchNestedScriptBlocks: true));

        // The engine here is new: the same script in a world where version 99 is wanted.
        Assert.Contains("$PSVersionTable.PSVersion.Major -lt 7", text);
        var demanding = Path.Combine(copy.Folder, "demanding.ps1");
        File.WriteAllText(demanding, text.Replace("PSVersion.Major -lt 7", "PSVersion.Major -lt 99", StringComparison.Ordinal));
        var result = HostedPowerShell.Run(copy.Root, "& ../demanding.ps1 build");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("build.ps1 needs PowerShell 7 (pwsh), and this is PowerShell 7.", result.Error);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void Build_compiles_the_solution()
    {
        var result = Script("build");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("> dotnet build Sidecar.sln -c Release", result.Output);
        Assert.Empty(result.Warnings());
        Assert.True(File.Exists(Path.Combine(copy.Root, "tests/Sidecar.EndToEnd/bin/Release/net10.0/Sidecar.EndToEnd.dll")));
    }

    [Fact]
    public void Test_runs_the_tests_of_the_solution()
    {
        // All tests would run these again. Exit code 8 is a project in which the filter leaves none.
        var result = Script($"test -- --filter-class {typeof(TopLevelTests).FullName} --ignore-exit-code 8");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("> dotnet test --solution Sidecar.sln -c Release --filter-class", result.Output);
        Assert.Contains("succeeded: 3", result.Output);
        Assert.Contains("failed: 0", result.Output);
    }

    [Fact]
    public void Publish_prints_size_and_hash()
    {
        var result = copy.Publish();
        Assert.True(result.ExitCode == 0, result.ToString());
        // The caller stands where they stood.
        Assert.Equal(Path.GetFileName(copy.Folder), Path.GetFileName(result.Location));

        var bytes = File.ReadAllBytes(PublishedFileTests.BinaryIn(copy));
        Assert.Contains(FormattableString.Invariant($"{bytes.Length:N0} bytes ({bytes.Length / 1e6:0.00} MB)"), result.Output);
        Assert.Contains($"SHA-256 {Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes))}", result.Output);
    }

    [Theory]
    [InlineData(8_000_000, 0)]
    [InlineData(8_000_001, 1)]
    public void Publish_fails_past_the_budget(int size, int exitCode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-in for dotnet is a shell script");
        using var programs = new FakePrograms();
        // dotnet publish src/Sidecar -c C -r R -o OUT
        programs.Add("dotnet", $"mkdir -p \"$8\"; head -c {size} /dev/zero > \"$8/sidecar\"");
        programs.Add("aarch64-linux-gnu-gcc", "exit 1");
        var result = Script($"publish -Configuration Debug -Runtime linux-arm64 -Output {programs.At("out")} -- '-p:A=b'", programs.Folder);
        Assert.True(result.ExitCode == exitCode, result.ToString());
        // For another platform than this machine's a cross gcc links, where there is one.
        const string Linker = "-p:CppCompilerAndLinker=aarch64-linux-gnu-gcc -p:ObjCopyName=aarch64-linux-gnu-objcopy ";
        var linker = RuntimeInformation.RuntimeIdentifier == "linux-arm64" ? "" : Linker;
        Assert.Equal([$"dotnet publish src/Sidecar -c Debug -r linux-arm64 -o {programs.At("out")} {linker}-p:A=b"], programs.Calls());
        Assert.Equal(exitCode == 1, result.Error.Contains("the binary is 8.00 MB; at most 8 MB are allowed.", StringComparison.Ordinal));
    }

    [Fact]
    public void Publish_of_several_platforms_gives_each_its_folder_and_its_papers()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-in for dotnet is a shell script");
        using var programs = new FakePrograms();
        // The same bytes for both: what differs then is the platform's.
        programs.Add("dotnet", "mkdir -p \"$8\"; echo binary > \"$8/sidecar\"");
        var result = Script($"publish -Runtime linux-x64,linux-arm64 -Output {programs.At("out")}", programs.Folder);
        Assert.True(result.ExitCode == 0, result.ToString());
        foreach (var platform in new[] { "linux-x64", "linux-arm64" })
        {
            var archive = $"sidecar-{RepositoryFiles.Version}-{platform}.tar.gz";
            Assert.Equal(new[] { "sidecar", "sidecar.sha256", "sidecar.cdx.json", archive,
                $"{archive}.sha256" }.Order(StringComparer.Ordinal),
                Directory.EnumerateFiles(programs.At($"out/{platform}")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
            Assert.Contains($"pkg:nuget/Microsoft.DotNet.ILCompiler@", File.ReadAllText(programs.At($"out/{platform}/sidecar.cdx.json")));
        }
    }

    [Fact]
    public void Image_says_which_engines_it_looked_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-ins for engines are shell scripts");
        using var programs = new FakePrograms();
        foreach (var engine in new[] { "docker", "podman", "nerdctl" })
            programs.Add(engine, "exit 1");
        var result = Script("image", programs.Folder);
        Assert.Equal(1, result.ExitCode);
        Assert.Equal(["docker info", "podman info", "nerdctl info"], programs.Calls());
        Assert.Equal(
            "build.ps1 image: an image needs a container engine, and none answers. "
            + "Looked for: docker (installed, but no engine answers it), podman (installed, but no engine answers it), "
            + "nerdctl (installed, but no engine answers it).",
            result.Error.Trim());
    }

    [Theory]
    [InlineData("docker")]
    [InlineData("podman")]
    public void Image_is_built_by_the_first_engine_that_answers(string answers)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-ins for engines are shell scripts");
        using var programs = new FakePrograms();
        foreach (var engine in new[] { "docker", "podman", "nerdctl" })
            programs.Add(engine, engine == answers ? "" : "exit 1");
        var result = Script("image -- --platform linux/arm64", programs.Folder);
        Assert.True(result.ExitCode == 0, result.ToString());
        var version = RepositoryFiles.Version;
        Assert.Equal(
            $"{answers} build --file Dockerfile.distroless --build-arg VERSION={version} "
            + $"--tag sidecar:{version} --tag sidecar:latest --platform linux/arm64 .",
            programs.Calls()[^1]);
    }

    [Theory]
    [InlineData("bench -- --help", "> dotnet run -c Release --project tests/Sidecar.Benchmarks -- --help")]
    [InlineData("demo -- --help", "> dotnet run -c Release --project tests/Cluster -- --help")]
    public void Bench_and_demo_run_their_programs(string arguments, string command)
    {
        var result = Script(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.StartsWith(command, result.Output);
        Assert.True(result.Output.Split('\n').Length > 3, result.Output);
    }

    [Theory]
    [InlineData("build", "dotnet build Sidecar.sln -c Release")]
    [InlineData("build -Configuration Debug", "dotnet build Sidecar.sln -c Debug")]
    [InlineData("test", "dotnet test --solution Sidecar.sln -c Release")]
    [InlineData("bench", "dotnet run -c Release --project tests/Sidecar.Benchmarks")]
    [InlineData("demo", "dotnet run -c Release --project tests/Cluster")]
    [InlineData("demo --duration 1s", "dotnet run -c Release --project tests/Cluster -- --duration 1s")]
    public void Failure_of_a_program_is_the_tasks_failure(string arguments, string command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-in for dotnet is a shell script");
        using var programs = new FakePrograms();
        programs.Add("dotnet", "exit 7");
        var result = Script(arguments, programs.Folder);
        Assert.Equal(7, result.ExitCode);
        Assert.Equal([command], programs.Calls());
        Assert.Contains($"build.ps1 {arguments.Split(' ')[0]}: dotnet ended with exit code 7.", result.Error);
    }
}
