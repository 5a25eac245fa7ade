using System.Collections.Immutable;
using Cluster;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Http;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Discovery;

/// <summary>Discovery that runs against a server on loopback, asking every 50 ms, with what it published and logged.</summary>
internal sealed class DiscoveryRun : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly LogText log = new();
    private readonly PeerClient client;
    private readonly Metrics metrics;
    private readonly Task running;
    private volatile string[]? targets;
    private int published;

    public DiscoveryRun(RawServer server, TimeProvider? time = null, TimeSpan? interval = null,
        Func<KubernetesOptions, KubernetesOptions>? change = null)
        : this(Kubernetes(server.Url, interval ?? TimeSpan.FromMilliseconds(50), change), time ?? TimeProvider.System)
    {
    }

    /// <summary>Against the first API server of a stand-in cluster, with watches.</summary>
    public DiscoveryRun(StandInCluster cluster, TimeSpan interval, Func<KubernetesOptions, KubernetesOptions>? change = null)
        : this(cluster, interval, "[]", change)
    {
    }

    /// <inheritdoc cref="DiscoveryRun(StandInCluster, TimeSpan, Func{KubernetesOptions, KubernetesOptions}?)"/>
    /// <param name="rules">SIDECAR_RELABEL_CONFIGS.</param>
    public DiscoveryRun(StandInCluster cluster, TimeSpan interval, string rules, Func<KubernetesOptions, KubernetesOptions>? change = null)
        : this(Kubernetes(cluster.ApiServers[0].Address, interval, o => (change ?? (c => c))(o with
        {
            Http = new() { CredentialsFile = cluster.TokenFile, Tls = new() { CaFile = cluster.CaFile } },
            Watch = true,
        }), ("SIDECAR_RELABEL_CONFIGS", rules)), TimeProvider.System)
    {
    }

    public DiscoveryRun(Options options, TimeProvider time)
    {
        metrics = new Metrics(options.RemoteWrite.Url, "apiserver", TimeSpan.FromSeconds(15), time);
        client = new PeerClient(options.Kubernetes.Http, 2, time);
        var lines = new Log(log, LogLevel.Debug, LogFormat.Logfmt, time is FaultyTime ? TimeProvider.System : time);
        Discovery = new TargetDiscovery(options.Jobs[0], client, metrics, lines, new InternalErrors(metrics, lines, time), time);
        running = Discovery.RunAsync(Update, stop.Token);
    }

    public TargetDiscovery Discovery { get; }

    /// <summary>The last published set.</summary>
    public ImmutableArray<Target> Known { get; private set; } = [];

    /// <summary>Addresses of the last published set, in order; null before the first.</summary>
    public string? Targets => targets is { } known ? string.Join(' ', known) : null;

    public int Published => Volatile.Read(ref published);

    public long Events(ObjectKind kind, WatchEventType type) => metrics.KubernetesEvents(kind)[type];

    /// <summary>Exceptions that nobody expected.</summary>
    public long InternalErrors(ProcessLoop loop) => metrics.InternalErrors[loop];

    public double Failures => metrics.KubernetesFailures.Value;

    public double DiscoveredTargets => metrics.Jobs[0].DiscoveredTargets.Value;

    public IReadOnlyList<string> Log => log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static Options Kubernetes(
        Uri apiServer, TimeSpan interval, Func<KubernetesOptions, KubernetesOptions>? change = null,
        params (string Name, string? Value)[] variables)
    {
        var options = Given.Good(Given.Pod(
            [("SIDECAR_KUBERNETES_API_SERVER", apiServer.AbsoluteUri), ("SIDECAR_KUBERNETES_REFRESH_INTERVAL", "1s"), .. variables]));
        var kubernetes = options.Kubernetes with { Http = new(), RefreshInterval = interval, Watch = false };
        return options.With(job => job with { Kubernetes = change is null ? kubernetes : change(kubernetes) });
    }

    /// <summary>Waits for something to come true; fails with the log if it does not.</summary>
    public async Task UntilAsync(Func<bool> isTrue,
        [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(isTrue))] string what = "")
    {
        for (var waited = 0; !isTrue(); waited++)
        {
            Assert.True(waited < 6000, $"not within a minute: {what}; targets {Targets}; log:\n{string.Join('\n', Log)}");
            Assert.False(running.IsFaulted, running.Exception?.ToString());
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running;
        client.Dispose();
        stop.Dispose();
    }

    private void Update(ImmutableArray<Target> now)
    {
        Known = now;
        Interlocked.Increment(ref published);
        targets = [.. now.Select(t => t.Url.Authority).Order(StringComparer.Ordinal)]; // last: it is what tests wait for
    }
}
