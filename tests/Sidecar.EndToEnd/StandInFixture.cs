using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>A stand-in cluster, a stand-in receiver and the sidecar beside them, with the variables that a pod would have.</summary>
public sealed class StandInFixture : IAsyncDisposable
{
    private StandInFixture(StandInCluster cluster, Receiver receiver)
    {
        Cluster = cluster;
        Receiver = receiver;
    }

    public StandInCluster Cluster { get; }

    public Receiver Receiver { get; }

    public SidecarProcess Sidecar { get; private set; } = null!;

    public ApiServer ApiServer => Cluster.ApiServers[0];

    /// <summary>What the sidecar is started with; tests change it before <see cref="Start"/>.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <param name="receiverName">In the receiver's certificate, which the cluster's authority issues; null for no TLS.</param>
    public static async Task<StandInFixture> CreateAsync(int apiServers = 1, string? receiverName = null)
    {
        var cluster = await StandInCluster.StartAsync(apiServers);
        var fixture = new StandInFixture(cluster, new Receiver(receiverName is null ? null : cluster.Authority.Issue(receiverName)));
        await fixture.Receiver.StartAsync();
        if (receiverName is not null)
            fixture.Environment["SIDECAR_REMOTE_WRITE_TLS_CA_FILE"] = cluster.CaFile;
        fixture.Environment["SIDECAR_REMOTE_WRITE_URL"] = fixture.Receiver.WriteUrl.ToString();
        fixture.Environment["SIDECAR_KUBERNETES_API_SERVER"] = fixture.ApiServer.Address.ToString();
        fixture.Environment["SIDECAR_KUBERNETES_TOKEN_FILE"] = fixture.Cluster.TokenFile;
        fixture.Environment["SIDECAR_KUBERNETES_CA_FILE"] = fixture.Cluster.CaFile;
        fixture.Environment["SIDECAR_KUBERNETES_REFRESH_INTERVAL"] = "500ms";
        fixture.Environment["SIDECAR_SCRAPE_INTERVAL"] = "500ms";
        fixture.Environment["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0";
        return fixture;
    }

    public SidecarProcess Start(PublishedBinary binary) => Sidecar = SidecarProcess.Start(binary, Environment);

    /// <summary>Starts a program that becomes the binary in the end.</summary>
    public SidecarProcess Start(string program, params string[] arguments) =>
        Sidecar = SidecarProcess.Start(program, Environment, arguments);

    /// <summary>A series of a target as the receiver names it.</summary>
    public string Series(string name, string labels = "", ApiServer? server = null)
    {
        var own = new[] { $"instance=\"127.0.0.1:{(server ?? ApiServer).Port}\"", "job=\"apiserver\"" };
        return $"{name}{{{string.Join(',', own.Concat(labels.Split(',', StringSplitOptions.RemoveEmptyEntries)).Order(StringComparer.Ordinal))}}}";
    }

    public IReadOnlyList<(long Timestamp, double Value)> Samples(string name, string labels = "", ApiServer? server = null) =>
        Receiver.SamplesOf(Series(name, labels, server));

    /// <summary>Waits until the newest sample of a series has this value.</summary>
    public Task ValueAsync(string name, double value, string labels = "", ApiServer? server = null) => Eventually.TrueAsync(
        () => Samples(name, labels, server) is [.., var last]
        && BitConverter.DoubleToUInt64Bits(last.Value) == BitConverter.DoubleToUInt64Bits(value),
        () => $"{Series(name, labels, server)} is [{string.Join(' ', Samples(name, labels, server).TakeLast(3))}], not {value}; "
            + $"known: {string.Join(' ', Receiver.SeriesNames.Take(10))}; log:\n{string.Join('\n', Sidecar.Log)}");

    /// <summary>
    /// Every scrape that the target served has arrived but the one that the end may have cut, and those that took longer than the timeout:
    /// an up of 0 tells of each.
    /// </summary>
    public void AllArrived(string name, string labels = "")
    {
        var late = Samples("up").Where(s => s.Value == 0).DistinctBy(s => s.Timestamp).Count();
        var served = ApiServer.Metrics.Scrapes;
        Assert.InRange(Samples(name, labels).Where(s => !double.IsNaN(s.Value)).DistinctBy(s => s.Timestamp).Count(),
            served - 1 - late, served);
    }

    /// <summary>Waits until a page of the sidecar's listener has this text.</summary>
    public async Task<string> PageAsync(string path, string text)
    {
        using var http = new HttpClient();
        var page = new Uri(await Sidecar.ListenAddressAsync(), path);
        var found = "";
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await http.GetAsync(page, TestContext.Current.CancellationToken);
            found = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            return System.Text.RegularExpressions.Regex.IsMatch(found, text);
        }, () => $"{page} has no {text}:\n{found}");
        return found;
    }

    /// <summary>Ends the sidecar with a signal and holds all that arrived to the specification.</summary>
    public async Task StopAsync()
    {
        Assert.Equal(0, await Sidecar.StopAsync());
        Assert.Empty(Receiver.Violations);
    }

    public async ValueTask DisposeAsync()
    {
        if (Sidecar is not null)
            await Sidecar.DisposeAsync();
        await Receiver.DisposeAsync();
        await Cluster.DisposeAsync();
    }
}
