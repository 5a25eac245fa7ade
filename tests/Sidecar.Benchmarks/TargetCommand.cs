using System.Collections.Concurrent;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>
/// The other side, in a process of its own: API servers' <c>/metrics</c> over TLS, and receivers that discard, over HTTP and over TLS.
/// </summary>
internal static class TargetCommand
{
    /// <summary>With churn, so many bodies are made; then they come again, by which time their series have long been forgotten.</summary>
    private const int Bodies = 16;

    public static async Task<int> RunAsync(Arguments arguments)
    {
        var samples = arguments.Number("samples", 150_000);
        var churn = arguments.Number("churn", 0);
        await using var cluster = await StandInCluster.StartAsync(arguments.Number("targets", 1));
        var payload = new ApiServerPayload(seed: 1, churn / 100.0);
        var bodies = new ConcurrentDictionary<int, byte[]>();
        foreach (var server in cluster.ApiServers)
            server.Metrics.Gzip = scrape => bodies.GetOrAdd(churn > 0 ? scrape % Bodies : 1, i => payload.Gzip(samples, i));
        bodies.GetOrAdd(1, i => payload.Gzip(samples, i));
        await using var receiver = new Receiver { IsDiscarding = true };
        await receiver.StartAsync();
        await using var tlsReceiver = new Receiver(cluster.Authority.Issue("127.0.0.1")) { IsDiscarding = true };
        await tlsReceiver.StartAsync();
        Console.WriteLine($"{string.Join(',', cluster.ApiServers.Select(s => s.Port))} {receiver.WriteUrl} {tlsReceiver.WriteUrl} "
            + $"{cluster.TokenFile} {cluster.CaFile}");
        await Console.In.ReadToEndAsync(); // until whoever started it ends
        return 0;
    }
}
