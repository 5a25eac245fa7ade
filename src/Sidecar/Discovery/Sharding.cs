using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Sidecar.Configuration;

namespace Sidecar.Discovery;

/// <summary>
/// Which targets are ours where several sidecars share them: action hashmod on <c>__address__</c>, as Prometheus users shard. It is the
/// address as discovered, before any rule.
/// </summary>
internal static class Sharding
{
    public static bool IsOurs(string address, Options options) => options.Shards <= 1 || ShardOf(address, options.Shards) == options.Shard;

    /// <summary>The last eight bytes of MD5, big-endian, modulo (model/relabel/relabel.go, HashMod).</summary>
    public static int ShardOf(string address, int shards)
    {
        Span<byte> hash = stackalloc byte[MD5.HashSizeInBytes];
#pragma warning disable CA5351 // It spreads, it protects nothing.
        MD5.HashData(Encoding.UTF8.GetBytes(address), hash);
#pragma warning restore CA5351
        return (int)(BinaryPrimitives.ReadUInt64BigEndian(hash[8..]) % (ulong)shards);
    }
}
