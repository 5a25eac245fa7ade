using System.Diagnostics;
using System.Text.RegularExpressions;
using Cluster;

namespace Sidecar.EndToEnd.Packaging;

/// <summary>A host without Kubernetes: the README's command by hand, and the unit under a real systemd, installed word by word.</summary>
[Trait("Speed", "Slow")]
public sealed partial class HostTests(PublishedBinary binary)
{
    private static string Deploy(string name) => File.ReadAllText(Path.Combine(SidecarBinary.RepositoryRoot, "src", "deploy", name));

    /// <summary>API servers as plain processes, at addresses that one knows.</summary>
    private static string Targets(StandInFixture run) => string.Join(',', run.Cluster.ApiServers.Select(s => $"127.0.0.1:{s.Port}"));

    [Fact]
    public async Task By_hand_as_the_readme_says()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "it is a shell's command");
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.Serve("a 1\n");
        var command = ByHandPattern().Match(File.ReadAllText(Path.Combine(SidecarBinary.RepositoryRoot, "README.md"))).Value;
        foreach (var (word, ours) in new[]
        {
            ("10.0.0.1:6443,10.0.0.2:6443", Targets(run)), ("=ca.crt", $"={run.Cluster.CaFile}"), ("=token", $"={run.Cluster.TokenFile}"),
            ("http://10.0.0.10:17000/prometheus/v1/write", run.Receiver.WriteUrl.ToString()), (" sidecar\n", $" exec {binary.Path}\n"),
        })
        {
            Assert.Contains(word, command);
            command = command.Replace(word, ours, StringComparison.Ordinal);
        }
        await using var sidecar = SidecarProcess.Start("/bin/sh",
            new Dictionary<string, string> { ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0" }, "-c", command);
        await Eventually.TrueAsync(
            () => run.Cluster.ApiServers.All(s => run.Samples("a", server: s) is [.., (_, 1)]) || sidecar.HasExited, () =>
            string.Join('\n', sidecar.Log));
        Assert.Equal(0, await sidecar.StopAsync());
        Assert.Empty(run.Receiver.Violations);
    }

    [Fact]
    public async Task Unit_is_right_and_hardened_as_systemd_sees_it()
    {
        var analyze = Tool.Find("systemd-analyze", "systemd");
        var folder = Directory.CreateTempSubdirectory("sidecar-unit").FullName;
        try
        {
            var unit = Path.Combine(folder, "sidecar.service");
            // "verify" looks for the program too.
            await File.WriteAllTextAsync(unit, Deploy("sidecar.service")
                .Replace("/usr/local/bin/sidecar\n", binary.Path + "\n", StringComparison.Ordinal), TestContext.Current.CancellationToken);
            Assert.Equal("", await Tool.PassAsync(analyze, ["verify", "--man=no", unit]));
            var security = await Tool.PassAsync(analyze, ["security", "--offline=true", "--no-pager", "--threshold=15", unit]);
            Assert.Contains("OK", security.Split('\n').Last(l => l.Contains("Overall exposure level")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Under_systemd_installed_word_by_word_it_does_the_whole_job_and_its_queue_outlives_a_kill()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "only root on Linux boots a system in a container");
        var nspawn = Tool.Find("systemd-nspawn", "systemd-container");
        var system = Path.Combine(Tool.Unpacked("systemd", "usr/lib/systemd/systemd"));
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.Serve("a 1\n");
        var folder = Directory.CreateTempSubdirectory("sidecar-host").FullName;
        var root = Path.Combine(folder, "root");
        await Tool.PassAsync("cp", ["--archive", system, root]);
        var files = Directory.CreateDirectory(Path.Combine(folder, "files")).FullName;
        File.Copy(binary.Path, Path.Combine(files, "sidecar"));
        File.Copy(run.Cluster.TokenFile, Path.Combine(files, "TOKEN-FILE"));
        File.Copy(run.Cluster.CaFile, Path.Combine(files, "CA-FILE"));
        File.WriteAllText(Path.Combine(files, "sidecar.service"), Deploy("sidecar.service"));
        File.WriteAllText(Path.Combine(files, "sidecar.env"), Edited(Deploy("sidecar.env"), run));
        WriteWalk(root, files);

        var start = new ProcessStartInfo(nspawn,
            ["--quiet", "--register=no", "--keep-unit", "--directory", root, "--bind", $"{files}:/files", "--boot",
            "systemd.show_status=0"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var host = Process.Start(start)!;
        var output = Task.WhenAll(host.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken),
            host.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        string Told() => string.Join('\n',
            Directory.EnumerateFiles(files, "told-*").Order(StringComparer.Ordinal).Select(f => $"{Path.GetFileName(f)}: {ReadShared(f)}"));
        try
        {
            await Eventually.TrueAsync(
                () => run.Cluster.ApiServers.All(s => run.Samples("a", server: s) is [.., (_, 1)]) || host.HasExited, Told);
            if (host.HasExited)
            {
                var said = string.Join('\n', await output);
                Assert.SkipWhen(run.Receiver.SeriesCount == 0
                    && !File.Exists(Path.Combine(files, "told-install")), $"no system boots in a container here: {said}");
                Assert.Fail($"{said}\n{Told()}");
            }
            // The receiver goes away, the process is killed with scrapes in the queue, systemd starts it again, and all arrive.
            await run.Receiver.StopAsync();
            var served = run.ApiServer.Metrics.Scrapes;
            await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= served + 3, Told);
            File.WriteAllText(Path.Combine(files, "kill"), "");
            await Eventually.TrueAsync(() => File.Exists(Path.Combine(files, "told-killed")), Told);
            await run.Receiver.StartAsync();
            await Eventually.TrueAsync(() => run.Samples("a").Count >= served + 3, Told);
            File.WriteAllText(Path.Combine(files, "stop"), "");
            await Eventually.TrueAsync(() => File.Exists(Path.Combine(files, "told-end")), Told);
            var properties = ReadShared(Path.Combine(files, "told-show")).Split('\n');
            Assert.Contains("DynamicUser=yes", properties);
            Assert.Contains("NoNewPrivileges=yes", properties);
            Assert.Contains("MemoryMax=67108864", properties);
            Assert.Contains("NRestarts=1", properties);
            var installed = ReadShared(Path.Combine(files, "told-install"));
            Assert.Contains("✓ target", installed); // by "sidecar check", with the unit's variables
            Assert.Contains("✓ receiver", installed);
            var journal = ReadShared(Path.Combine(files, "told-journal"));
            Assert.Contains("Scrapes that wait in the queue directory are sent first", journal);
            Assert.Contains("everything was sent", journal);
            Assert.Empty(run.Receiver.Violations);
        }
        finally
        {
            File.WriteAllText(Path.Combine(files, "stop"), "");
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            try
            {
                await host.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                host.Kill(entireProcessTree: true);
                await host.WaitForExitAsync();
            }
            await Tool.RunAsync("rm", ["-rf", "--one-file-system", folder]);
        }
    }

    /// <summary>The lines marked CHANGE, changed, and the listener on a port that is free.</summary>
    private static string Edited(string environment, StandInFixture run)
    {
        foreach (var (word, ours) in new[]
        {
            ("SIDECAR_TARGETS=10.0.0.1:6443,10.0.0.2:6443", $"SIDECAR_TARGETS={Targets(run)}"),
            ("SIDECAR_REMOTE_WRITE_URL=http://10.0.0.10:9090/api/v1/write",
            $"SIDECAR_REMOTE_WRITE_URL={run.Receiver.WriteUrl}\nSIDECAR_SCRAPE_INTERVAL=1s"),
            ("SIDECAR_LISTEN_ADDRESS=127.0.0.1:9097", "SIDECAR_LISTEN_ADDRESS=127.0.0.1:0"),
        })
        {
            Assert.Contains(word, environment);
            environment = environment.Replace(word, ours, StringComparison.Ordinal);
        }
        return environment;
    }

    /// <summary>
    /// A service of the host that does what the unit's first lines say, and then what the test asks for; it tells in files.
    /// </summary>
    private static void WriteWalk(string root, string files)
    {
        var commands = CommandPattern().Matches(Deploy("sidecar.service")).Select(m => m.Groups[1].Value.Trim()).ToList();
        Assert.Equal("install -m 0755 sidecar /usr/local/bin/sidecar", commands[0]);
        Assert.Equal("journalctl -u sidecar", commands[^1]);
        File.WriteAllText(Path.Combine(files, "walk.sh"), $"""
            cd /files
            (set -ex
            {string.Join('\n', commands[..^1])}) >told-install 2>&1
            until [ -e kill ] || [ -e stop ]; do journalctl -u sidecar --no-pager >told-so-far 2>&1; sleep 0.5; done
            if [ -e kill ]; then systemctl kill --signal=KILL sidecar; touch told-killed; fi
            until [ -e stop ]; do sleep 0.2; done
            systemctl show sidecar >told-show 2>&1
            systemctl stop sidecar >told-stop 2>&1
            {commands[^1]} --no-pager >told-journal 2>&1
            touch told-end
            systemctl poweroff --force
            """);
        var units = Path.Combine(root, "etc", "systemd", "system");
        File.WriteAllText(Path.Combine(units, "walk.service"), """
            [Unit]
            After=multi-user.target
            [Service]
            Type=exec
            ExecStart=/bin/sh /files/walk.sh
            """);
        Directory.CreateDirectory(Path.Combine(units, "multi-user.target.wants"));
        File.CreateSymbolicLink(Path.Combine(units, "multi-user.target.wants", "walk.service"), "/etc/systemd/system/walk.service");
    }

    private static string ReadShared(string file)
    {
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"SIDECAR_TARGETS=10[^`]*? sidecar\n")]
    private static partial Regex ByHandPattern();

    [GeneratedRegex(@"^#   (\S.*?)(?:\s{3,}\(.*)?$", RegexOptions.Multiline)]
    private static partial Regex CommandPattern();
}
