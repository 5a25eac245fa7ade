using System.Globalization;
using System.Runtime.InteropServices;
using Cluster;

namespace Sidecar.EndToEnd.Packaging;

/// <summary>
/// The binary for linux-arm64, linked on x64 and run by an emulator of that processor, with that architecture's C library and OpenSSL: the
/// whole job, from discovery over TLS to a queue that outlives a kill.
/// </summary>
[Trait("Speed", "Slow")]
public sealed class Arm64Tests
{
    private const string SystemRoot = "/usr/aarch64-linux-gnu";

    [Fact]
    public async Task It_does_the_whole_job()
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64,
            "on another machine than x64 there is nothing to cross: its own tests run its own binary");
        var emulator = Tool.Find("qemu-aarch64-static", "qemu-user-static");
        var gcc = Tool.Find("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu");
        var openSsl = Path.Combine(Tool.Unpacked("arm64", "usr/lib/aarch64-linux-gnu/libssl.so.3"), "usr", "lib", "aarch64-linux-gnu");
        var binary = await SidecarBinary.PublishAsync("artifacts/end-to-end-arm64", "linux-arm64",
            $"-p:CppCompilerAndLinker={Path.GetFileName(gcc)}", "-p:ObjCopyName=aarch64-linux-gnu-objcopy");
        Assert.NotNull(binary);
        Assert.InRange(new FileInfo(binary).Length, 1, 8_000_000);
        var header = new byte[20];
        using (var file = File.OpenRead(binary))
            file.ReadExactly(header);
        Assert.Equal(183, BitConverter.ToUInt16(header, 18)); // ELF, e_machine: EM_AARCH64

        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        var payload = new ApiServerPayload(seed: 7);
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.ServeGzip(payload.Gzip(2000, scrapeIndex: 3));
        var queue = Directory.CreateTempSubdirectory("sidecar-arm64").FullName;
        run.Environment["SIDECAR_QUEUE_DIRECTORY"] = queue;
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "2s";
        SidecarProcess Start() =>
            SidecarProcess.Start(emulator, run.Environment, "-L", SystemRoot, "-E", $"LD_LIBRARY_PATH={openSsl}", binary);

        await using (var first = Start())
        {
            foreach (var server in run.Cluster.ApiServers)
            {
                await WaitAsync(run, first, () => run.Samples("scrape_samples_scraped", server: server) is [.., (_, 2000)]);
                await WaitAsync(run, first, () => run.Samples("up", server: server) is [.., (_, 1)]);
            }
            // The receiver goes away, and the process is killed with scrapes on disk.
            await run.Receiver.StopAsync();
            await WaitAsync(run, first, () => Waiting(queue) >= 3);
            await first.KillAsync();
        }
        Assert.InRange(Waiting(queue), 3, 100);
        var before = run.Samples("up").Count;
        await run.Receiver.StartAsync();
        await using var second = Start();
        await second.WaitForLogAsync("Scrapes that wait in the queue directory are sent first");
        await WaitAsync(run, second, () => run.Samples("up").Count >= before + 2);
        Assert.Equal(0, await second.StopAsync());
        Assert.Contains(second.Log, l => l.Contains("everything was sent"));
        Assert.Empty(run.Receiver.Violations);
        Assert.Equal((2000 + 5) * 2, run.Receiver.SeriesCount);
        Assert.All(run.Samples("up"), s => Assert.Equal(1, s.Value));
        Directory.Delete(queue, recursive: true);
    }

    private static int Waiting(string queue) => Directory.EnumerateFiles(queue, "*.scrape").Count();

    private static Task WaitAsync(StandInFixture run, SidecarProcess sidecar, Func<bool> condition) => Eventually.TrueAsync(
        () => condition() || sidecar.HasExited,
        () => string.Create(CultureInfo.InvariantCulture,
        $"{run.Receiver.SeriesCount} series so far; log:\n{string.Join('\n', sidecar.Log)}"));
}
