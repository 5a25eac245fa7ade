using System.Diagnostics;
using Cluster;

namespace Sidecar.EndToEnd.Packaging;

/// <summary>
/// A Docker daemon of the test's own, on a socket and in a folder of its own, without networks: what it runs is on the host's. Root alone
/// can start one.
/// </summary>
internal sealed class DockerDaemon : IAsyncDisposable
{
    private readonly string folder;
    private readonly string client;
    private readonly Process process;
    private readonly List<string> log = [];

    private DockerDaemon(string folder, string client, Process process)
    {
        this.folder = folder;
        this.client = client;
        this.process = process;
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
    }

    private string Socket => $"unix://{folder}/docker.sock";

    public static async Task<DockerDaemon> StartAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "only root on Linux starts a Docker daemon");
        var (program, client) = (Tool.Find("dockerd", "docker.io"), Tool.Find("docker", "docker.io"));
        var folder = Directory.CreateTempSubdirectory("sidecar-docker").FullName;
        var start = new ProcessStartInfo(program,
        [
            "--host", $"unix://{folder}/docker.sock", "--data-root", $"{folder}/data", "--exec-root", $"{folder}/exec", "--pidfile",
            $"{folder}/pid",
            "--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-masq=false",
        ])
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        };
        var daemon = new DockerDaemon(folder, client, Process.Start(start)!);
        var until = DateTime.UtcNow + TimeSpan.FromSeconds(60);
        while ((await daemon.TryAsync("info")).ExitCode != 0)
        {
            if (daemon.process.HasExited || DateTime.UtcNow > until)
            {
                var words = daemon.Words();
                await daemon.DisposeAsync();
                Assert.Skip($"no Docker daemon starts here: {words}");
            }
            await Task.Delay(200, TestContext.Current.CancellationToken);
        }
        return daemon;
    }

    /// <summary>docker with these arguments, in the repository's root, with BuildKit unless a word says otherwise.</summary>
    public Task<(int ExitCode, string Output)> TryAsync(params string[] arguments) => TryAsync(hasBuildKit: true, arguments);

    public Task<(int ExitCode, string Output)> TryAsync(bool hasBuildKit, params string[] arguments) => Tool.RunAsync(client, arguments,
        new Dictionary<string, string> { ["DOCKER_HOST"] = Socket, ["DOCKER_BUILDKIT"] = hasBuildKit ? "1" : "0", ["HOME"] = folder },
        SidecarBinary.RepositoryRoot);

    public async Task<string> RunAsync(params string[] arguments)
    {
        var (exitCode, output) = await TryAsync(arguments);
        Assert.True(exitCode == 0, $"docker {string.Join(' ', arguments)} ended with {exitCode}:\n{output}\n{Words()}");
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
            await kill.WaitForExitAsync();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync();
            }
        }
        process.Dispose();
        // What its containers had mounted is gone with them, but for the network that they were in.
        await Tool.RunAsync("umount", [$"{folder}/exec/netns/default"]);
        using var remove = Process.Start("rm", ["-rf", "--one-file-system", folder]);
        await remove.WaitForExitAsync();
    }

    private void Keep(string? line)
    {
        lock (log)
            log.Add(line ?? "");
    }

    private string Words()
    {
        lock (log)
            return string.Join('\n', log.TakeLast(10));
    }
}
