using System.Globalization;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// Memory stays where its first half minute has taken it: the short form of the benchmarks' soak, whose hour stands in the measurements.
/// </summary>
public sealed class SoakTests(PublishedBinary binary)
{
    private const double MostRatio = 1.15;

    private static readonly TimeSpan First = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(50);

    [Theory]
    [InlineData(2, 15_000, 2, "2.0", true)]
    [InlineData(1, 150_000, 5, "1.0", false)]
    [Trait("Speed", "Slow")]
    public async Task Memory_stays_where_it_is(int targets, int samples, int interval, string protocol, bool isTls)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "VmRSS is Linux's");
        await using var cluster = await StandInCluster.StartAsync(targets);
        var bodies = Enumerable.Range(0, 3).Select(i => new ApiServerPayload(seed: 1).Gzip(samples, i)).ToArray();
        foreach (var server in cluster.ApiServers)
            server.Metrics.Gzip = scrape => bodies[scrape % bodies.Length];
        await using var receiver = new Receiver(isTls ? cluster.Authority.Issue("127.0.0.1") : null) { IsDiscarding = true };
        await receiver.StartAsync();
        await using var sidecar = SidecarProcess.Start(binary, new Dictionary<string, string>
        {
            ["SIDECAR_TARGETS"] = string.Join(',', cluster.ApiServers.Select(s => $"127.0.0.1:{s.Port}")),
            ["SIDECAR_TLS_CA_FILE"] = cluster.CaFile,
            ["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = cluster.TokenFile,
            ["SIDECAR_SCRAPE_INTERVAL"] = $"{interval}s",
            ["SIDECAR_SCRAPE_TIMEOUT"] = $"{interval}s",
            ["SIDECAR_REMOTE_WRITE_URL"] = receiver.WriteUrl.ToString(),
            ["SIDECAR_REMOTE_WRITE_TLS_CA_FILE"] = cluster.CaFile,
            ["SIDECAR_REMOTE_WRITE_PROTOCOL"] = protocol,
            ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
        });
        var first = await ReadAsync(sidecar, First);
        var rest = await ReadAsync(sidecar, Rest);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{first.Average():0} kB in the first half minute, {rest.Max():0} kB at most after it");
        Assert.InRange(receiver.Requests, targets * 5, long.MaxValue); // or the test has shown nothing
        Assert.InRange(rest.Max(), 0, MostRatio * first.Average());
    }

    /// <summary>VmRSS in kB, second by second.</summary>
    private static async Task<List<double>> ReadAsync(SidecarProcess sidecar, TimeSpan duration)
    {
        var read = new List<double>();
        for (var i = 0; i < duration.TotalSeconds; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
            var line = File.ReadLines($"/proc/{sidecar.Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            read.Add(double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture));
        }
        return read;
    }
}
