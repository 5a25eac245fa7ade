using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>The other side, in a process of its own: an API server's <c>/metrics</c> over TLS, and a receiver that discards.</summary>
internal static class TargetCommand
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        await using var cluster = await StandInCluster.StartAsync();
        var server = cluster.ApiServers[0];
        server.Metrics.ServeGzip(new ApiServerPayload(seed: 1).Gzip(arguments.Number("samples", 150_000), scrapeIndex: 1));
        await using var receiver = new Receiver { IsDiscarding = true };
        await receiver.StartAsync();
        Console.WriteLine($"{server.Port} {receiver.Port} {cluster.TokenFile} {cluster.CaFile}");
        await Console.In.ReadToEndAsync(); // until whoever started it ends
        return 0;
    }
}
