using System.Diagnostics;

namespace Sidecar.Tests.Repository;

/// <summary>.ci/run, with stand-ins for the programs that it calls.</summary>
public sealed class ContinuousIntegrationTests : IDisposable
{
    private readonly FakePrograms programs = new();

    public ContinuousIntegrationTests()
    {
        if (!OperatingSystem.IsLinux())
            return;
        // Everything is installed.
        programs.Add("dpkg-query", "echo installed");
        programs.Add("apt-get", "exit 1");
        programs.Add("sudo", "exec \"$@\"");
        programs.Add("unpack", "");
        programs.Add("dotnet", Summary(12, 0, 1));
    }

    public void Dispose() => programs.Dispose();

    private static string Summary(int passed, int failed, int skipped) =>
        $"printf 'Test run summary: Some words\\n\\n  total: {passed + failed + skipped}\\n  failed: {failed}\\n  succeeded: {passed}\\n'; "
        + $"printf '  skipped: {skipped}\\n  duration: 1s 20ms\\n'";

    private async Task<(int ExitCode, string[] Lines)> RunAsync(params (string Name, string Value)[] variables)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "CI is Linux");
        var script = Path.Combine(RepositoryFiles.Root, ".ci", "run");
        var start = new ProcessStartInfo(script) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = programs.Folder + Path.PathSeparator + start.Environment["PATH"];
        start.Environment["POLICY_RC_D"] = programs.At("policy-rc.d");
        start.Environment["RETRY_SECONDS"] = "0";
        start.Environment["UNPACK"] = programs.At("unpack");
        start.Environment.Remove("RestoreLockedMode"); // of the run that these tests are part of
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await errors;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Runs_the_readmes_test_command_and_closes_with_the_counts()
    {
        const string Command = "dotnet test --solution Sidecar.sln -c Release";
        Assert.Contains($"\n{Command}\n", RepositoryFiles.Read("README.md"));

        var (exitCode, lines) = await RunAsync();

        Assert.Equal(0, exitCode);
        Assert.Equal("12 passed, 0 failed, 1 skipped", lines[^1]);
        Assert.Equal(Command, programs.Calls()[^1]);
        Assert.DoesNotContain(programs.Calls(), call => call.StartsWith("apt-get", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("10.0.401", true)]
    [InlineData("10.0.100", false)]
    public async Task Lock_files_and_audit_are_enforced_where_the_SDK_is_theirs(string sdk, bool isEnforced)
    {
        Assert.Contains("dotnet/sdk:10.0.401-", RepositoryFiles.Read("Dockerfile.distroless"));
        if (OperatingSystem.IsLinux())
        {
            programs.Add("uname", "echo x86_64");
            programs.Add("dotnet", $"if [ \"$1\" = --version ]; then echo {sdk}; exit; fi; echo \"CI=$CI locked=$RestoreLockedMode\"; {Summary(1, 0, 0)}");
        }
        var (exitCode, lines) = await RunAsync();
        Assert.Equal(0, exitCode);
        Assert.Contains($"CI=true locked={(isEnforced ? "true" : "")}", lines);
    }

    [Fact]
    public void Every_project_has_a_lock_file() => Assert.All(
        Directory.EnumerateFiles(RepositoryFiles.Root, "*.csproj", SearchOption.AllDirectories),
        project => Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json")), project));

    [Theory]
    // A failing run keeps its exit code.
    [InlineData(10, 2, 0, 2, 2, "10 passed, 2 failed, 0 skipped")]
    // A failure counts even where the runner forgets to say so.
    [InlineData(10, 2, 0, 0, 1, "10 passed, 2 failed, 0 skipped")]
    // No test, and only skipped ones: that proves nothing.
    [InlineData(0, 0, 0, 0, 1, "0 passed, 0 failed, 0 skipped")]
    [InlineData(0, 0, 5, 0, 1, "0 passed, 0 failed, 5 skipped")]
    // All passed, and yet the runner is not content: a crash after the last test.
    [InlineData(7, 0, 0, 134, 134, "7 passed, 0 failed, 0 skipped")]
    public async Task Exit_code_and_last_line_follow_the_tests(int passed, int failed, int skipped, int runner, int exitCode, string last)
    {
        if (OperatingSystem.IsLinux())
            programs.Add("dotnet", $"{Summary(passed, failed, skipped)}\nexit {runner}");
        var (code, lines) = await RunAsync();
        Assert.Equal((exitCode, last), (code, lines[^1]));
    }

    [Fact]
    public async Task Build_that_fails_has_no_tests()
    {
        if (OperatingSystem.IsLinux())
            programs.Add("dotnet", "echo 'error CS1002: ; expected'; exit 1");
        var (exitCode, lines) = await RunAsync();
        Assert.Equal((1, "0 passed, 0 failed, 0 skipped"), (exitCode, lines[^1]));
    }

    [Fact]
    public async Task Words_and_colours_of_tests_are_not_counted()
    {
        if (OperatingSystem.IsLinux())
        {
            const string Noise = "echo '    succeeded: 1000'; printf 'failed A_test (1s)\\n  failed: 50\\n'; printf '\\033[32m'";
            programs.Add("dotnet", $"{Noise}; {Summary(3, 1, 0)}; exit 2");
        }
        var (exitCode, lines) = await RunAsync();
        Assert.Equal((2, "3 passed, 1 failed, 0 skipped"), (exitCode, lines[^1]));
    }

    [Fact]
    public async Task Installs_what_is_missing_without_starting_it_and_tries_again_once()
    {
        if (OperatingSystem.IsLinux())
        {
            programs.Add("dpkg-query", "case \"$*\" in *etcd-server|*prometheus) exit 1;; *) echo installed;; esac");
            // The first "update" fails; "install" sees the policy that forbids daemons to start.
            programs.Add("apt-get", $"""
                cd '{programs.Folder}'
                if [ "$1" = update ] && [ ! -e tried ]; then touch tried; exit 100; fi
                if [ "$1" = install ]; then "$POLICY_RC_D"; echo "policy $? $DEBIAN_FRONTEND" >> calls; fi
                """);
        }
        var (exitCode, lines) = await RunAsync();

        Assert.Equal((0, "12 passed, 0 failed, 1 skipped"), (exitCode, lines[^1]));
        Assert.Equal(
            [
                "apt-get update", "apt-get update",
                "apt-get install --yes --no-install-recommends prometheus etcd-server", "policy 101 noninteractive",
            ],
            programs.Calls().Where(c => c.Split(' ')[0] is "apt-get" or "policy"));
        Assert.False(File.Exists(programs.At("policy-rc.d")));
    }

    /// <summary>They serve tests that are skipped without them.</summary>
    [Fact]
    public async Task What_other_systems_lack_is_said_and_fails_nothing()
    {
        if (OperatingSystem.IsLinux())
            programs.Add("unpack", "exit 1");
        var (exitCode, lines) = await RunAsync();
        Assert.Equal((0, "12 passed, 0 failed, 1 skipped"), (exitCode, lines[^1]));
        Assert.Single(programs.Calls(), call => call.Trim() == "unpack");
    }

    [Fact]
    public async Task Packages_that_cannot_be_had_fail_the_run()
    {
        if (OperatingSystem.IsLinux())
            programs.Add("dpkg-query", "exit 1");
        var (exitCode, _) = await RunAsync();
        Assert.Equal(1, exitCode);
        Assert.DoesNotContain(programs.Calls(), call => call.StartsWith("dotnet", StringComparison.Ordinal));
        Assert.False(File.Exists(programs.At("policy-rc.d")));
    }
}
