using System.Runtime.InteropServices;

namespace Sidecar.Scraping;

/// <summary>
/// The series that a target is known to have, 8 bytes each: 64-bit hashes of their labels in native memory, with one bit each that says
/// whether the current scrape has shown it. Tells duplicates, new series and vanished ones without keeping a label.
/// </summary>
/// <remarks>
/// Open addressing with linear probing. At one million series the odds that any two hashes collide are 1 in 37 million (n²/2⁶⁵); the
/// seed is drawn anew for each process, so that no target can choose its collisions.
/// </remarks>
internal sealed unsafe class SeriesTable : IDisposable
{
    private const ulong Empty = 0;
    private const ulong Removed = 1;
    private const int Smallest = 64;

    private ulong* keys;
    private ulong* seen; // one bit a slot
    private int capacity;
    private int occupied; // slots that are not empty, removed ones included

    /// <summary>Series in the table.</summary>
    public int Count { get; private set; }

    /// <summary>Series that this scrape has shown.</summary>
    public int Seen { get; private set; }

    public enum Added
    {
        /// <summary>Known from before, and the first of its kind in this scrape.</summary>
        Known,
        New,
        /// <summary>Shown by this scrape already.</summary>
        Duplicate,
    }

    /// <summary>The scrape shows a series.</summary>
    public Added Add(ulong hash)
    {
        if (occupied >= capacity - capacity / 4)
            Rehash();
        hash = Key(hash);
        var slot = Find(hash);
        if (keys[slot] == hash)
            return See(slot) ? Added.Known : Added.Duplicate;
        keys[slot] = hash;
        occupied++;
        Count++;
        See(slot);
        return Added.New;
    }

    /// <summary>True for a series that is known. Changes nothing.</summary>
    /// <param name="isSeen">This scrape has shown it.</param>
    public bool Contains(ulong hash, out bool isSeen)
    {
        isSeen = false;
        if (capacity == 0)
            return false;
        hash = Key(hash);
        var slot = Find(hash);
        isSeen = keys[slot] == hash && IsSeen(slot);
        return keys[slot] == hash;
    }

    /// <summary>True once for a series that is known and that this scrape has not shown.</summary>
    /// <param name="remove">Forget it; otherwise it counts as shown from here on.</param>
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
            Count--;
            Seen--;
        }
        return true;
    }

    /// <summary>A new scrape begins: it has shown nothing yet.</summary>
    public void ClearSeen()
    {
        if (capacity > 0)
            new Span<ulong>(seen, Words(capacity)).Clear();
        Seen = 0;
    }

    /// <summary>Forgets all series that the scrape has not shown.</summary>
    public void RemoveUnseen()
    {
        if (Seen == Count)
            return;
        for (var slot = 0; slot < capacity; slot++)
        {
            if (keys[slot] > Removed && !IsSeen(slot))
            {
                keys[slot] = Removed;
                Count--;
            }
        }
    }

    public void Clear()
    {
        NativeMemory.Free(keys);
        NativeMemory.Free(seen);
        keys = seen = null;
        capacity = occupied = 0;
        Count = Seen = 0;
    }

    public void Dispose()
    {
        Clear();
        GC.SuppressFinalize(this);
    }

    ~SeriesTable() => Clear();

    private static ulong Key(ulong hash) => hash <= Removed ? hash + 2 : hash;

    private static int Words(int slots) => (slots + 63) / 64;

    private bool IsSeen(int slot) => (seen[slot >> 6] & (1UL << (slot & 63))) != 0;

    /// <summary>False when it had been seen.</summary>
    private bool See(int slot)
    {
        if (IsSeen(slot))
            return false;
        seen[slot >> 6] |= 1UL << (slot & 63);
        Seen++;
        return true;
    }

    /// <summary>The slot of the key, or the empty one where it would go.</summary>
    private int Find(ulong key)
    {
        var slot = (int)Math.BigMul(key, (ulong)capacity, out _);
        while (keys[slot] != key && keys[slot] != Empty)
        {
            if (++slot == capacity)
                slot = 0;
        }
        return slot;
    }

    /// <summary>Drops removed slots, and makes room for half as many series again as there are.</summary>
    private void Rehash()
    {
        var oldKeys = keys;
        var oldSeen = seen;
        var oldCapacity = capacity;
        capacity = Math.Max(Smallest, (int)Math.Min(2L * Math.Max(Count, 1), int.MaxValue / 16));
        keys = (ulong*)NativeMemory.AllocZeroed((nuint)capacity, sizeof(ulong));
        seen = (ulong*)NativeMemory.AllocZeroed((nuint)Words(capacity), sizeof(ulong));
        for (var old = 0; old < oldCapacity; old++)
        {
            if (oldKeys[old] <= Removed)
                continue;
            var slot = Find(oldKeys[old]);
            keys[slot] = oldKeys[old];
            if ((oldSeen[old >> 6] & (1UL << (old & 63))) != 0)
                seen[slot >> 6] |= 1UL << (slot & 63);
        }
        occupied = Count;
        NativeMemory.Free(oldKeys);
        NativeMemory.Free(oldSeen);
    }
}
