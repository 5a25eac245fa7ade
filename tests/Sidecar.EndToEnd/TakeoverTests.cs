using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// Two processes and one Lease, with the times of real ones: whatever becomes of the holder, never do two write for longer than a renewal,
/// and never is there a gap of more than 20 s.
/// </summary>
public sealed class TakeoverTests(PublishedBinary binary)
{
    private static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Who_is_killed_is_followed_within_20_s()
    {
        await using var pair = await Pair.StartAsync(binary);
        await pair.First.KillAsync();
        await pair.TakesOverAsync(LongestGap);
    }

    [Fact]
    public async Task Who_ends_is_followed_long_before_its_lease_would_be_over_and_what_it_had_queued_is_sent()
    {
        await using var pair = await Pair.StartAsync(binary);
        await GivesBackAsync(pair.Second);
        Assert.Equal(0, await pair.First.StopAsync());
        Assert.Contains(pair.First.Log, l => l.Contains("The lease is released"));
        Assert.Contains(pair.First.Log, l => l.Contains("everything was sent"));
        await pair.TakesOverAsync(TimeSpan.FromSeconds(10)); // 5 where the machine is not busy
    }

    /// <summary>A process that stands still for longer than its lease writes nothing when it goes on.</summary>
    [Fact]
    public async Task Who_stands_still_is_followed_and_writes_no_more_when_it_goes_on()
    {
        await using var pair = await Pair.StartAsync(binary);
        await pair.First.SignalAsync("STOP");
        await pair.TakesOverAsync(LongestGap);
        await pair.First.SignalAsync("CONT");
        await pair.First.WaitForLogAsync("scraping stops");
        await Task.Delay(3000, TestContext.Current.CancellationToken);
        pair.NeverTwo();
        Assert.Contains("held by", await pair.ReadyAsync(pair.First));
    }

    /// <summary>Cut off from its API server, the holder still reaches targets and receiver, and must stop by itself.</summary>
    [Fact]
    public async Task Who_is_cut_off_from_the_API_server_stops_before_another_begins()
    {
        await using var pair = await Pair.StartAsync(binary, apiServers: 2);
        await pair.Fixture.Cluster.ApiServers[0].StopAsync();
        await pair.TakesOverAsync(LongestGap);
        await pair.First.WaitForLogAsync("The lease could not be renewed in time");
        pair.NeverTwo();
    }

    /// <summary>Who stands by gives back what only its start needed: 14 MiB of 18, and never much more than that.</summary>
    private static async Task GivesBackAsync(SidecarProcess process)
    {
        if (!OperatingSystem.IsLinux())
            return;
        await Eventually.TrueAsync(() => Kilobytes("VmRSS") < 0.9 * Kilobytes("VmHWM"), () => $"{Kilobytes("VmRSS")} kB");
        Assert.InRange(Kilobytes("VmHWM"), 1, 40 * 1024);

        double Kilobytes(string name) => double.Parse(File.ReadLines($"/proc/{process.Id}/status")
            .First(l => l.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
            System.Globalization.CultureInfo.InvariantCulture);
    }

    private sealed class Pair : IAsyncDisposable
    {
        private readonly CaseServer target;

        private Pair(StandInFixture fixture, CaseServer target) => (Fixture, this.target) = (fixture, target);

        public StandInFixture Fixture { get; }

        public SidecarProcess First { get; private set; } = null!;

        public SidecarProcess Second { get; private set; } = null!;

        /// <summary>The first leads and is scraping; the second stands by, ready.</summary>
        public static async Task<Pair> StartAsync(PublishedBinary binary, int apiServers = 1)
        {
            var pair = new Pair(await StandInFixture.CreateAsync(apiServers),
                await CaseServer.StartAsync([[new CaseAnswer("a 1\n", CaseAnswer.Text)]]));
            var cluster = pair.Fixture.Cluster;
            cluster.RotateToken([.. StandInCluster.ManifestRules(), .. RbacRule.Lease("sidecar", "sidecar")]);
            var environment = pair.Fixture.Environment;
            environment["SIDECAR_KUBERNETES_LEASE"] = "sidecar/sidecar";
            environment["SIDECAR_TARGETS"] = $"http://{pair.target.Address(0)}/metrics"; // which no fault of an API server concerns
            environment["SIDECAR_EXTERNAL_LABELS"] = "replica=a";
            pair.First = SidecarProcess.Start(binary, environment);
            await pair.First.WaitForLogAsync("This process leads");
            environment["SIDECAR_EXTERNAL_LABELS"] = "replica=b";
            environment["SIDECAR_KUBERNETES_API_SERVER"] = cluster.ApiServers[^1].Address.ToString();
            pair.Second = SidecarProcess.Start(binary, environment);
            await pair.Second.WaitForLogAsync("This process stands by");
            await Eventually.TrueAsync(() => pair.Times("a").Count > 2, () => string.Join('\n', pair.First.Log));
            Assert.StartsWith("Sidecar is ready.\nlease sidecar/sidecar: held by ", await pair.ReadyAsync(pair.Second));
            Assert.Contains("lease sidecar/sidecar: held by this process", await pair.ReadyAsync(pair.First));
            Assert.Empty(pair.Times("b"));
            return pair;
        }

        public async Task TakesOverAsync(TimeSpan within)
        {
            await Eventually.TrueAsync(() => Times("b").Count > 1, () => string.Join('\n', Second.Log));
            NeverTwo();
            var gap = TimeSpan.FromMilliseconds(Times("b")[0] - Times("a").Where(t => t < Times("b")[0]).Max());
            Assert.True(gap < within, $"a gap of {gap}");
        }

        /// <summary>No sample of the first is newer than the oldest of the second, but for a renewal.</summary>
        public void NeverTwo() => Assert.True(Times("a")[^1] <= Times("b")[0] + Renewal.TotalMilliseconds,
            $"a writes until {Times("a")[^1]}, b from {Times("b")[0]}");

        public async Task<string> ReadyAsync(SidecarProcess process)
        {
            using var client = new HttpClient();
            return await client.GetStringAsync(
                new Uri(await process.ListenAddressAsync(), "/-/ready"), TestContext.Current.CancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            if (!First.HasExited)
                await First.SignalAsync("CONT");
            await First.DisposeAsync();
            await Second.DisposeAsync();
            await Fixture.DisposeAsync();
            await target.DisposeAsync();
        }

        private List<long> Times(string replica) =>
        [
            .. Fixture.Receiver.SamplesOf($"up{{instance=\"{target.Address(0)}\",job=\"apiserver\",replica=\"{replica}\"}}")
                .Where(s => s.Value == 1).Select(s => s.Timestamp),
        ];
    }
}
