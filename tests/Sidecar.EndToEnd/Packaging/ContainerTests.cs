using System.Globalization;
using System.Text.RegularExpressions;
using Cluster;
using Sidecar.EndToEnd.Hostile;

namespace Sidecar.EndToEnd.Packaging;

/// <summary>
/// Dockerfile.distroless built by Docker, on bases that are made here under the names it gives them, and the image run as a pod runs it:
/// as 65532, with a read-only root and no capability, it does the whole job.
/// </summary>
[Trait("Speed", "Slow")]
public sealed partial class ContainerTests(PublishedBinary binary)
{
    /// <summary>
    /// A container's certificates are not this machine's: where a proxy signs with an authority of its own, restoring needs them.
    /// </summary>
    private const string Authorities = "/etc/ssl/certs/ca-certificates.crt";

    private static readonly string Dockerfile = File.ReadAllText(Path.Combine(SidecarBinary.RepositoryRoot, "Dockerfile.distroless"));

    [Fact]
    public async Task Image_is_built_as_the_readme_says_and_does_the_whole_job()
    {
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        await using var docker = await DockerDaemon.StartAsync();
        await MakeBasesAsync(docker, run.Cluster.Folder);

        // Without BuildKit: at once, and with the word that it takes.
        var (exitCode, words) = await docker.TryAsync(hasBuildKit: false, "build", "-f", "Dockerfile.distroless", ".");
        Assert.NotEqual(0, exitCode);
        Assert.Contains("requires BuildKit", words);
        Assert.Contains("/build-again-with-DOCKER_BUILDKIT=1", words);
        Assert.DoesNotContain("dotnet restore", words);

        // The README's command, but for the network (this daemon has none of its own) and the two secrets of the Dockerfile's head: the
        // authorities, and a feed of one's own, from which alone packages come.
        using var feed = new PackageFeed();
        string[] secrets = ["--network", "host", "--secret", $"id=ca,src={Authorities}", "--secret", $"id=nuget,src={feed.Configuration}"];
        var command = BuildCommand().Match(File.ReadAllText(Path.Combine(SidecarBinary.RepositoryRoot, "README.md")));
        Assert.True(command.Success, "README.md has no docker build");
        var name = command.Groups["name"].Value;
        await docker.RunAsync(["build", .. secrets, .. command.Groups["arguments"].Value.Split(' ')]);
        Assert.True(feed.Served > 0, "no package was fetched from the feed");
        // And that of build.ps1, which BuildScriptTests holds to this; all of it is built already.
        var version = VersionPattern().Match(Dockerfile).Groups[1].Value;
        await docker.RunAsync("build", "--file", "Dockerfile.distroless", "--build-arg", $"VERSION={version}", "--tag",
            $"sidecar:{version}",
            "--tag", "sidecar:latest", "--network", "host", "--secret", $"id=ca,src={Authorities}", ".");

        Assert.Contains(version, await docker.RunAsync("run", "--rm", "--network", "none", name, "version"));
        Assert.Equal("65532:65532 [/sidecar]",
            (await docker.RunAsync("inspect", "--format", "{{.Config.User}} {{.Config.Entrypoint}}", name)).Trim());
        var history = await docker.RunAsync("history", "--no-trunc", name);
        Assert.DoesNotContain("CERTIFICATE", history);
        Assert.DoesNotContain(PackageFeed.Password, history);
        // Nor in the build stage, whose layers are cached and may be pushed as a cache.
        await docker.RunAsync(["build", .. secrets, "-f", "Dockerfile.distroless", "--target", "build", "--tag", "sidecar-build", "."]);
        var (found, where) = await docker.TryAsync("run", "--rm", "--network", "none", "sidecar-build", "grep", "--recursive",
            "--files-with-matches", "--devices=skip", PackageFeed.Password, "/root", "/source", "/usr/local", "/tmp", "/out");
        Assert.True(found == 1, $"grep ended with {found}: {where}");

        await RunAsAPodAsync(docker, run, name);
    }

    private static async Task RunAsAPodAsync(DockerDaemon docker, StandInFixture run, string name)
    {
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.ServeGzip(new ApiServerPayload(seed: 7).Gzip(2000, scrapeIndex: 3));
        if (!OperatingSystem.IsWindows())
        {
            // As the kubelet mounts them: readable for the pod's user.
            File.SetUnixFileMode(run.Cluster.Folder, (UnixFileMode)Convert.ToInt32("755", 8));
            foreach (var file in Directory.EnumerateFiles(run.Cluster.Folder))
                File.SetUnixFileMode(file, (UnixFileMode)Convert.ToInt32("644", 8));
        }
        var id = (await docker.RunAsync(
            "run", "--detach", "--network", "host", "--user", "65532:65532", "--read-only", "--cap-drop", "ALL", "--security-opt",
            "no-new-privileges",
            "--memory", "64m", "--tmpfs", "/var/lib/sidecar:uid=65532,gid=65532,mode=0700",
            "--volume", $"{run.Cluster.Folder}:/var/run/secrets/kubernetes.io/serviceaccount:ro",
            "--env", "KUBERNETES_SERVICE_HOST=127.0.0.1", "--env", $"KUBERNETES_SERVICE_PORT={run.ApiServer.Port}",
            "--env", $"SIDECAR_REMOTE_WRITE_URL={run.Environment["SIDECAR_REMOTE_WRITE_URL"]}", "--env",
            "SIDECAR_QUEUE_DIRECTORY=/var/lib/sidecar",
            "--env", "SIDECAR_SCRAPE_INTERVAL=1s", "--env", "SIDECAR_LISTEN_ADDRESS=127.0.0.1:0", name)).Trim();
        var pid = (await docker.RunAsync("inspect", "--format", "{{.State.Pid}}", id)).Trim();
        foreach (var server in run.Cluster.ApiServers)
        {
            await Eventually.TrueAsync(
                async () => run.Samples("scrape_samples_scraped", server: server) is [.., (_, 2000)] || !await IsRunningAsync(docker, id),
                () => docker.TryAsync("logs", id).Result.Output);
        }
        Assert.True(await IsRunningAsync(docker, id), (await docker.TryAsync("logs", id)).Output);

        var status = File.ReadLines($"/proc/{pid}/status").Select(l => l.Split(':', 2)).ToDictionary(l => l[0], l => l[1].Trim());
        Assert.Equal(["65532", "65532", "65532", "65532"], status["Uid"].Split('\t'));
        Assert.Equal("1", status["NoNewPrivs"]);
        Assert.All(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"], set =>
            Assert.Equal(0UL, ulong.Parse(status[set], NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
        var mounts = await File.ReadAllLinesAsync($"/proc/{pid}/mountinfo", TestContext.Current.CancellationToken);
        Assert.Contains(mounts, m => m.Split(' ') is [_, _, _, _, "/", var options, ..] && options.Split(',').Contains("ro"));

        // As "kubectl exec … -- /sidecar check" would.
        var (exitCode, check) = await docker.TryAsync("exec", id, "/sidecar", "check");
        Assert.True(exitCode == 0, check);
        Assert.Contains("2 targets of the Service kubernetes", check);

        await docker.RunAsync("stop", "--time", "30", id);
        Assert.Equal("0", (await docker.RunAsync("inspect", "--format", "{{.State.ExitCode}}", id)).Trim());
        Assert.Contains("everything was sent", (await docker.TryAsync("logs", id)).Output);
        Assert.Empty(run.Receiver.Violations);
        Assert.Equal((2000 + 5) * 2, run.Receiver.SeriesCount);
    }

    private static async Task<bool> IsRunningAsync(DockerDaemon docker, string id) =>
        (await docker.RunAsync("inspect", "--format", "{{.State.Running}}", id)).Trim() == "true";

    /// <summary>A Debian with a C toolchain and this machine's SDK, and a root of glibc, OpenSSL and authorities.</summary>
    private async Task MakeBasesAsync(DockerDaemon docker, string serviceAccount)
    {
        var debian = Path.Combine(Tool.Unpacked("build", "root.tar"), "root.tar");
        var bases = FromPattern().Matches(Dockerfile).Select(m => m.Groups[1].Value).Where(b => b != "scratch").ToArray();
        Assert.Equal(2, bases.Length);
        var folder = Directory.CreateTempSubdirectory("sidecar-bases").FullName;
        try
        {
            var sdk = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", ".."));
            var tar = Path.Combine(folder, "sdk.tar");
            File.Copy(debian, tar);
            await Tool.PassAsync("tar", ["--append", "--file", tar, "--directory", sdk, "--transform", "s,^\\.,usr/share/dotnet,", "."]);
            Directory.CreateDirectory(Path.Combine(folder, "usr", "bin"));
            File.CreateSymbolicLink(Path.Combine(folder, "usr", "bin", "dotnet"), "/usr/share/dotnet/dotnet");
            await Tool.PassAsync("tar", ["--append", "--file", tar, "--directory", folder, "usr/bin/dotnet"]);
            await docker.RunAsync("import", "--change",
                "ENV DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 "
                + "NUGET_CERT_REVOCATION_MODE=offline", tar, bases[0]);

            using var root = await DistrolessRoot.CreateAsync(binary.Path, serviceAccount);
            var distroless = Path.Combine(folder, "distroless.tar");
            await Tool.PassAsync("tar", ["--create", "--file", distroless, "--directory", root.Folder, "--exclude", "./sidecar",
                "--exclude", "./var/run", "."]);
            await docker.RunAsync("import", distroless, bases[1]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [GeneratedRegex(@"\ndocker build (?<arguments>-f Dockerfile\.distroless -t (?<name>\S+) \.)\n")]
    private static partial Regex BuildCommand();

    [GeneratedRegex(@"^FROM (?:--platform=\S+ )?(\S+)", RegexOptions.Multiline)]
    private static partial Regex FromPattern();

    [GeneratedRegex(@"^ARG VERSION=(\S+)", RegexOptions.Multiline)]
    private static partial Regex VersionPattern();
}
