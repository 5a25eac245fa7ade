using Sidecar.Relabeling;

namespace Sidecar.Discovery;

/// <summary>Which targets are this shard's: hashmod of the discovered <c>__address__</c> before any rule, as with Prometheus.</summary>
internal static class Sharding
{
    public static bool IsOurs(string address, DiscoveryOptions options) =>
        options.Shards <= 1 || ShardOf(address, options.Shards) == options.Shard;

    public static int ShardOf(string address, int shards) => (int)HashMod.Of(Encoding.UTF8.GetBytes(address), (ulong)shards);
}
