using System.Numerics;

namespace Sidecar.Memory;

/// <summary>One block of <see cref="BlockPool"/>. Whoever rented it returns it once.</summary>
internal readonly struct Block(BlockPool.Slab slab, int index)
{
    public BlockPool.Slab Slab => slab;
    public int Index => index;
    public Span<byte> Span => slab.Bytes.AsSpan(index * BlockPool.BlockSize, BlockPool.BlockSize);

    /// <param name="length">Bytes from its start; may go beyond its end where blocks that were rented too follow it.</param>
    public Memory<byte> Memory(int length) => slab.Bytes.AsMemory(index * BlockPool.BlockSize, length);

    /// <summary>Its first byte stands behind the other's last one.</summary>
    public bool Follows(Block other) => slab == other.Slab && index == other.Index + 1;
}

/// <summary>Blocks for compressed bodies. As many are kept as the last minutes needed at once; an outage's go back in minutes.</summary>
/// <remarks>
/// They are cut from slabs that the collector takes for large objects: it neither moves them nor counts them among what its generations
/// may grow by. As objects of their own, the 4 MiB of bodies and requests let as much garbage grow old beside them.
/// </remarks>
internal static class BlockPool
{
    /// <summary>Bytes of a block: small, so that the last one of a request of 30 kB wastes little.</summary>
    public const int BlockSize = 4 * 1024;

    private const int BlocksOfSlab = 64; // a bit each in Slab.Free

    private const long PeriodMilliseconds = 3 * 60 * 1000;

    // Shared by all passes, targets and workers: read and changed under the lock alone. A block that is free belongs to nobody.
    private static readonly List<Slab> Slabs = [];
    private static int firstFree; // no slab before it has a free block
    private static int used;
    private static int mostUsed;       // in this period
    private static int mostUsedBefore; // in the period before
    private static long periodEnds = Environment.TickCount64 + PeriodMilliseconds;

    /// <summary>From the first slab that has one, so that the last ones become empty.</summary>
    public static Block Rent()
    {
        lock (Slabs)
        {
            mostUsed = Math.Max(mostUsed, ++used);
            while (firstFree < Slabs.Count && Slabs[firstFree].Free == 0)
                firstFree++;
            if (firstFree == Slabs.Count)
                Slabs.Add(new Slab(firstFree));
            var slab = Slabs[firstFree];
            var index = BitOperations.TrailingZeroCount(slab.Free);
            slab.Free &= slab.Free - 1;
            return new Block(slab, index);
        }
    }

    public static void Return(Block block)
    {
        lock (Slabs)
        {
            used--;
            block.Slab.Free |= 1UL << block.Index;
            firstFree = Math.Min(firstFree, block.Slab.Place);
            if (Environment.TickCount64 >= periodEnds)
            {
                periodEnds = Environment.TickCount64 + PeriodMilliseconds;
                (mostUsedBefore, mostUsed) = (mostUsed, used);
            }
            while (Slabs.Count > 0 && Slabs[^1].Free == ulong.MaxValue
                && (Slabs.Count - 1) * BlocksOfSlab >= Math.Max(mostUsed, mostUsedBefore))
                Slabs.RemoveAt(Slabs.Count - 1);
            firstFree = Math.Min(firstFree, Slabs.Count);
        }
    }

    /// <summary>What blocks are cut from.</summary>
    /// <param name="place">Among the slabs; it stays.</param>
    internal sealed class Slab(int place)
    {
        public byte[] Bytes { get; } = GC.AllocateUninitializedArray<byte>(BlocksOfSlab * BlockSize);
        public int Place => place;

        /// <summary>A bit for each block that is free.</summary>
        public ulong Free { get; set; } = ulong.MaxValue;
    }
}
