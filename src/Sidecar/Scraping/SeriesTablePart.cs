using System.Runtime.InteropServices;

namespace Sidecar.Scraping;

/// <summary>
/// One part of a <see cref="SeriesTable"/>: hashes in native memory, and one bit each that says whether this scrape has shown it.
/// </summary>
internal unsafe struct SeriesTablePart
{
    private const ulong Empty = 0;
    private const ulong Removed = 1;
    private const int Smallest = 16;

    private ulong* keys;
    private ulong* seen; // one bit a slot
    private int capacity;
    private int occupied; // slots that are not empty, removed ones included
    private int count;

    /// <exception cref="OutOfMemoryException">There is no room for more; the part stays as it is.</exception>
    public SeriesTable.Added Add(ulong hash, TableMemory memory)
    {
        if (occupied >= capacity - capacity / 8)
            Rehash(memory);
        hash = Key(hash);
        var slot = Find(hash);
        if (keys[slot] == hash)
            return See(slot) ? SeriesTable.Added.Known : SeriesTable.Added.Duplicate;
        keys[slot] = hash;
        occupied++;
        count++;
        See(slot);
        return SeriesTable.Added.New;
    }

    public readonly bool Contains(ulong hash, out bool isSeen)
    {
        isSeen = false;
        if (capacity == 0)
            return false;
        hash = Key(hash);
        var slot = Find(hash);
        isSeen = keys[slot] == hash && IsSeen(slot);
        return keys[slot] == hash;
    }

    public bool TakeUnseen(ulong hash, bool remove)
    {
        if (capacity == 0)
            return false;
        hash = Key(hash);
        var slot = Find(hash);
        if (keys[slot] != hash || !See(slot))
            return false;
        if (remove)
        {
            keys[slot] = Removed;
            count--;
        }
        return true;
    }

    public readonly void ClearSeen()
    {
        if (capacity > 0)
            new Span<ulong>(seen, Words(capacity)).Clear();
    }

    public void RemoveUnseen()
    {
        for (var slot = 0; slot < capacity; slot++)
        {
            if (keys[slot] > Removed && !IsSeen(slot))
            {
                keys[slot] = Removed;
                count--;
            }
        }
    }

    public void Clear()
    {
        NativeMemory.Free(keys);
        NativeMemory.Free(seen);
        this = default;
    }

    private static ulong Key(ulong hash) => hash <= Removed ? hash + 2 : hash;

    private static int Words(int slots) => (slots + 63) / 64;

    private readonly bool IsSeen(int slot) => (seen[slot >> 6] & (1UL << (slot & 63))) != 0;

    /// <summary>False when it had been seen.</summary>
    private readonly bool See(int slot)
    {
        if (IsSeen(slot))
            return false;
        seen[slot >> 6] |= 1UL << (slot & 63);
        return true;
    }

    /// <summary>The slot of the key, or the empty one where it would go.</summary>
    private readonly int Find(ulong key)
    {
        // The upper half of the hash, scaled to the capacity: a multiplication instead of a division.
        var slot = (int)((key >> 32) * (ulong)capacity >> 32);
        while (keys[slot] != key && keys[slot] != Empty)
        {
            if (++slot == capacity)
                slot = 0;
        }
        return slot;
    }

    /// <summary>
    /// Drops removed slots, and makes room for a fifth as many series again as there are. Nothing changes until all memory is there.
    /// </summary>
    private void Rehash(TableMemory memory)
    {
        var larger = new SeriesTablePart { capacity = Math.Max(Smallest, count + count / 4 + count / 8), count = count, occupied = count };
        try
        {
            larger.keys = (ulong*)memory((nuint)larger.capacity * sizeof(ulong));
            larger.seen = (ulong*)memory((nuint)Words(larger.capacity) * sizeof(ulong));
        }
        catch (OutOfMemoryException)
        {
            NativeMemory.Free(larger.keys);
            throw;
        }
        for (var from = 0; from < capacity; from++)
        {
            if (keys[from] <= Removed)
                continue;
            var slot = larger.Find(keys[from]);
            larger.keys[slot] = keys[from];
            if (IsSeen(from))
                larger.See(slot);
        }
        Clear();
        this = larger;
    }
}
