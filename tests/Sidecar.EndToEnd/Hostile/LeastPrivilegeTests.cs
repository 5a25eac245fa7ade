using System.Diagnostics;
using System.Globalization;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>The whole job as src/deploy/base/sidecar.yaml confines it: nothing of the system but what a distroless image has.</summary>
public sealed class LeastPrivilegeTests(PublishedBinary binary)
{
    /// <summary>The manifest's limit: 64Mi.</summary>
    private const long MemoryLimit = 64 * 1024 * 1024;

    [Fact]
    public async Task As_nobody_in_a_read_only_distroless_root_it_does_the_whole_job()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "it takes root on Linux to make a root file system");
        await using var run = await StandInFixture.CreateAsync();
        using var root = await DistrolessRoot.CreateAsync(binary.Path, run.Cluster.Folder);
        await SkipUnlessMountsWorkAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        // What a pod has: the service account in its usual place, the two variables of the API server, and those of the manifest.
        await using var sidecar = SidecarProcess.Start("unshare", new Dictionary<string, string>
        {
            ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin",
            ["KUBERNETES_SERVICE_HOST"] = "127.0.0.1",
            ["KUBERNETES_SERVICE_PORT"] = run.ApiServer.Port.ToString(CultureInfo.InvariantCulture),
            ["SIDECAR_REMOTE_WRITE_URL"] = run.Environment["SIDECAR_REMOTE_WRITE_URL"],
            ["SIDECAR_QUEUE_DIRECTORY"] = "/var/lib/sidecar",
            ["SIDECAR_SCRAPE_INTERVAL"] = "1s",
            ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
        }, "--mount", "--propagation", "private", "/bin/sh", "-c", root.Script(MemoryLimit));

        await Eventually.TrueAsync(() => run.Samples("a").Count >= 3 || sidecar.HasExited, () => string.Join('\n', sidecar.Log));
        Assert.False(sidecar.HasExited, string.Join('\n', sidecar.Log));
        var address = await sidecar.ListenAddressAsync();
        using var http = new HttpClient();
        Assert.Contains("ready", await http.GetStringAsync(new Uri(address, "-/ready"), TestContext.Current.CancellationToken));

        var status = File.ReadLines($"/proc/{sidecar.Id}/status").Select(l => l.Split(':', 2)).ToDictionary(l => l[0], l => l[1].Trim());
        Assert.Equal("sidecar", status["Name"]);
        Assert.Equal(["65532", "65532", "65532", "65532"], status["Uid"].Split('\t'));
        Assert.Equal(["65532", "65532", "65532", "65532"], status["Gid"].Split('\t'));
        Assert.Equal("1", status["NoNewPrivs"]);
        Assert.All(["CapInh", "CapPrm", "CapEff", "CapAmb"], set =>
            Assert.Equal(0UL, ulong.Parse(status[set], NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
        Assert.Equal(root.Folder, new FileInfo($"/proc/{sidecar.Id}/root").LinkTarget);
        var mounts = await File.ReadAllLinesAsync($"/proc/{sidecar.Id}/mountinfo", TestContext.Current.CancellationToken);
        Assert.Contains(mounts, m => m.Split(' ') is [_, _, _, _, "/", var options, ..] && options.Split(',').Contains("ro"));
        Assert.InRange(long.Parse(status["VmHWM"].Split(' ')[0], CultureInfo.InvariantCulture), 1, MemoryLimit / 1024);
        var isLimited = (await File.ReadAllTextAsync($"/proc/{sidecar.Id}/cgroup", TestContext.Current.CancellationToken))
            .Contains("sidecar-test-");
        TestContext.Current.TestOutputHelper?.WriteLine(isLimited
            ? "within a memory cgroup of 64 MiB" : "no memory cgroup is to be had here; the peak was read");

        Assert.Equal(0, await sidecar.StopAsync());
        Assert.Empty(run.Receiver.Violations);
        Assert.All(run.Samples("up"), s => Assert.Equal(1, s.Value));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(root.Folder, "tmp")));
        Assert.Single(Directory.EnumerateFiles(root.Queue, "*.last"));
    }

    /// <summary>
    /// A user of systemd's DynamicUser, or one that a cluster makes up for a namespace: no line in /etc/passwd, and no HOME.
    /// </summary>
    [Fact]
    public async Task A_user_without_name_and_home_speaks_TLS()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "it takes root on Linux to become another user");
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        if (!OperatingSystem.IsWindows())
        {
            foreach (var file in Directory.EnumerateFiles(run.Cluster.Folder).Append(run.Cluster.Folder))
                File.SetUnixFileMode(file, (UnixFileMode)Convert.ToInt32("755", 8));
        }
        // The repository's folders may be root's alone.
        var copy = Path.Combine(run.Cluster.Folder, "sidecar");
        File.Copy(binary.Path, copy);
        Assert.DoesNotContain(File.ReadLines("/etc/passwd"), l => l.Contains(":54321:", StringComparison.Ordinal));
        await using var sidecar = SidecarProcess.Start(
            "/usr/bin/setpriv", run.Environment, "--reuid", "54321", "--regid", "54321", "--clear-groups", "--no-new-privs", copy);
        await Eventually.TrueAsync(() => run.Samples("a") is [.., (_, 1)] || sidecar.HasExited, () => string.Join('\n', sidecar.Log));
        Assert.Equal(0, await sidecar.StopAsync());
        Assert.All(run.Samples("up"), s => Assert.Equal(1, s.Value));
    }

    private static async Task SkipUnlessMountsWorkAsync()
    {
        const string Attempt = "mount --bind /tmp /tmp && command -v setpriv && command -v chroot";
        try
        {
            using var attempt = Process.Start(
                new ProcessStartInfo("unshare", ["--mount", "--propagation", "private", "/bin/sh", "-c", Attempt])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            })!;
            var words = await attempt.StandardError.ReadToEndAsync();
            await attempt.WaitForExitAsync();
            Assert.SkipUnless(attempt.ExitCode == 0, $"this machine lets no mounts be made: {words}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("unshare (Debian's package util-linux) is not installed");
        }
    }
}
