using System.Text;
using Sidecar.Relabeling;

namespace Sidecar.Discovery;

/// <summary>
/// Which targets are ours where several sidecars share them: action hashmod on <c>__address__</c>, as Prometheus users shard. It is the
/// address as discovered, before any rule.
/// </summary>
internal static class Sharding
{
    public static bool IsOurs(string address, DiscoveryOptions options) =>
        options.Shards <= 1 || ShardOf(address, options.Shards) == options.Shard;

    public static int ShardOf(string address, int shards) => (int)HashMod.Of(Encoding.UTF8.GetBytes(address), (ulong)shards);
}
