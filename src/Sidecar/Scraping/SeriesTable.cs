using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sidecar.Memory;

namespace Sidecar.Scraping;

/// <summary>
/// The series that a target is known to have, 8 bytes each: 64-bit hashes of their labels in native memory, in the order in which the last
/// scrape has shown them, with one bit each that says whether the current scrape has. Consecutive scrapes mostly have the same series in
/// the same order, so that the next one is where it is expected; what is not is found by an index of 5 bytes a series, which is made when
/// it is needed and let go when the scrape ends. Tells duplicates, new series and vanished ones without keeping a label.
/// </summary>
/// <remarks>
/// At one million series the odds that any two hashes collide are 1 in 37 million (n²/2⁶⁵); the seed is drawn anew for each process, so
/// that no target can choose its collisions.
/// </remarks>
/// <param name="memory">Gives zeroed blocks; null for the C library's.</param>
internal sealed unsafe class SeriesTable(TableMemory? memory = null) : IDisposable
{
    private const ulong Removed = 0;

    /// <summary>Hashes of a segment: growing moves none but those of the first one, while it is smaller.</summary>
    private const int SegmentSize = 4096;
    private const int Smallest = 16;

    /// <summary>New series are put in order where they are less than this part of all.</summary>
    private const int MostMoved = 8;

    private readonly TableMemory memory = memory ?? NativeHeap.AllocateZeroed;
    private readonly List<nint> segments = [];
    private readonly List<nint> seen = []; // one bit for each hash of the segment
    private readonly List<int> places = []; // for each series behind the settled ones: before which of those the scrape has shown it
    private int capacity;
    private int used;     // entries, removed ones included
    private int settled;  // the first so many are in the order of the last scrape; newer ones stand behind them
    private int expected; // the entry that the next series should be
    private int resumed;  // another one: where the order was left
    private int* index;   // entries by their hash, plus one; null where it is not made
    private int indexSize;

    public enum Added
    {
        /// <summary>Known from before, and the first of its kind in this scrape.</summary>
        Known,
        New,
        /// <summary>Shown by this scrape already.</summary>
        Duplicate,
    }

    public int Count { get; private set; }

    /// <summary>Series that this scrape has shown.</summary>
    public int Seen { get; private set; }

    /// <summary>The scrape shows a series.</summary>
    /// <exception cref="OutOfMemoryException">There is no room for more; the table stays as it is.</exception>
    public Added Add(ulong hash)
    {
        hash = Key(hash);
        if (expected < used && At(expected) == hash && See(expected))
        {
            expected++;
            Seen++;
            return Added.Known;
        }
        var entry = Find(hash);
        if (entry >= 0)
        {
            if (!See(entry))
                return Added.Duplicate;
            Seen++;
            MoveTo(entry);
            return Added.Known;
        }
        if (used == capacity)
            Grow();
        if (used >= indexSize - indexSize / 16)
            MakeIndex();
        At(used) = hash;
        Enter(used);
        if (settled > 0)
            places.Add(Math.Max(Math.Min(expected, settled), places.Count > 0 ? places[^1] : 0)); // they ascend
        else if (expected == used)
            expected++;
        See(used++);
        Count++;
        Seen++;
        return Added.New;
    }

    /// <summary>True for a series that is known. Changes nothing.</summary>
    /// <param name="isSeen">This scrape has shown it.</param>
    public bool Contains(ulong hash, out bool isSeen)
    {
        var entry = Find(Key(hash));
        isSeen = entry >= 0 && IsSeen(entry);
        return entry >= 0;
    }

    /// <summary>True once for a series that is known and that this scrape has not shown.</summary>
    /// <param name="remove">Forget it; otherwise it counts as shown from here on.</param>
    public bool TakeUnseen(ulong hash, bool remove)
    {
        var entry = Find(Key(hash));
        if (entry < 0)
            return false;
        MoveTo(entry);
        if (!See(entry))
            return false;
        if (remove)
        {
            At(entry) = Removed;
            Count--;
        }
        else
            Seen++;
        return true;
    }

    public void ClearSeen()
    {
        foreach (var bits in seen)
            new Span<ulong>((void*)bits, Words(Math.Min(capacity, SegmentSize))).Clear();
        Seen = expected = resumed = 0;
        if (settled == 0)
            settled = used;
    }

    /// <summary>Forgets all series that the scrape has not shown, and puts the others in its order.</summary>
    public void RemoveUnseen()
    {
        DropIndex();
        if (Seen == Count && used == Count && places.Count == 0)
        {
            settled = used;
            return;
        }
        var left = CompactSettled();
        var end = CompactNewer(left);
        // Where very many are new, they are found by the index until they have gone.
        if (places.Count > 0 && end - left <= left / MostMoved)
            Merge(left, end);
        places.Clear();
        Count = Seen = used = settled = end;
        for (; segments.Count > 1 && used <= (segments.Count - 2) * SegmentSize; capacity -= SegmentSize)
        {
            NativeMemory.Free((void*)segments[^1]);
            NativeMemory.Free((void*)seen[^1]);
            segments.RemoveAt(segments.Count - 1);
            seen.RemoveAt(seen.Count - 1);
        }
        foreach (var bits in seen)
            new Span<ulong>((void*)bits, Words(Math.Min(capacity, SegmentSize))).Fill(ulong.MaxValue);
    }

    /// <summary>The scrape ended: nothing needs to be found until the next one.</summary>
    public void DropIndex()
    {
        NativeMemory.Free(index);
        index = null;
        indexSize = 0;
    }

    public void Clear()
    {
        foreach (var block in segments)
            NativeMemory.Free((void*)block);
        foreach (var block in seen)
            NativeMemory.Free((void*)block);
        DropIndex();
        segments.Clear();
        seen.Clear();
        places.Clear();
        capacity = used = settled = expected = resumed = Count = Seen = 0;
    }

    public void Dispose()
    {
        Clear();
        GC.SuppressFinalize(this);
    }

    ~SeriesTable() => Clear();

    private static ulong Key(ulong hash) => hash == Removed ? 1 : hash;

    private static int Words(int entries) => (entries + 63) / 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref ulong At(int entry) => ref ((ulong*)segments[entry / SegmentSize])[entry % SegmentSize];

    private ref ulong Bits(int entry) => ref ((ulong*)seen[entry / SegmentSize])[entry % SegmentSize / 64];

    private bool IsSeen(int entry) => (Bits(entry) & (1UL << (entry & 63))) != 0;

    /// <summary>False when it had been seen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool See(int entry)
    {
        ref var bits = ref Bits(entry);
        var bit = 1UL << (entry & 63);
        if ((bits & bit) != 0)
            return false;
        bits |= bit;
        return true;
    }

    /// <summary>The entry of the hash, or -1. Tries the expected place, behind a vanished one, where order was left, the index.</summary>
    private int Find(ulong hash)
    {
        for (var near = expected; near < Math.Min(expected + 2, used); near++)
        {
            if (At(near) == hash)
                return near;
        }
        if (resumed < used && At(resumed) == hash)
            return resumed;
        if (used == 0)
            return -1;
        if (index is null)
            MakeIndex();
        for (var slot = Slot(hash); index[slot] != 0; slot = slot + 1 == indexSize ? 0 : slot + 1)
        {
            if (At(index[slot] - 1) == hash)
                return index[slot] - 1;
        }
        return -1;
    }

    private void MoveTo(int entry)
    {
        if (entry != expected && entry != resumed)
            resumed = expected;
        expected = entry + 1;
    }

    /// <summary>The upper half of the hash, scaled to the size: a multiplication instead of a division.</summary>
    private int Slot(ulong hash) => (int)((hash >> 32) * (ulong)indexSize >> 32);

    private void Enter(int entry)
    {
        var slot = Slot(At(entry));
        while (index[slot] != 0)
            slot = slot + 1 == indexSize ? 0 : slot + 1;
        index[slot] = entry + 1;
    }

    /// <summary>It is made of what the table holds: the old one goes before there is a new one.</summary>
    private void MakeIndex()
    {
        DropIndex();
        var size = Math.Max(Smallest, used + used / 4);
        index = (int*)memory((nuint)size * sizeof(int));
        indexSize = size;
        for (var entry = 0; entry < used; entry++)
        {
            if (At(entry) != Removed)
                Enter(entry);
        }
    }

    /// <summary>Makes room. Nothing changes until all memory is there.</summary>
    private void Grow()
    {
        var size = capacity < SegmentSize ? Math.Max(Smallest, capacity * 2) : SegmentSize;
        segments.EnsureCapacity(segments.Count + 1);
        seen.EnsureCapacity(seen.Count + 1);
        var keys = memory((nuint)size * sizeof(ulong));
        nint bits;
        try
        {
            bits = memory((nuint)Words(size) * sizeof(ulong));
        }
        catch (OutOfMemoryException)
        {
            NativeMemory.Free((void*)keys);
            throw;
        }
        if (capacity is > 0 and < SegmentSize)
        {
            new Span<ulong>((void*)segments[0], capacity).CopyTo(new Span<ulong>((void*)keys, size));
            new Span<ulong>((void*)seen[0], Words(capacity)).CopyTo(new Span<ulong>((void*)bits, Words(size)));
            NativeMemory.Free((void*)segments[0]);
            NativeMemory.Free((void*)seen[0]);
            (segments[0], seen[0], capacity) = (keys, bits, size);
            return;
        }
        segments.Add(keys);
        seen.Add(bits);
        capacity += size;
    }

    /// <summary>Leaves out what the scrape has not shown of the settled series. Returns how many are left.</summary>
    private int CompactSettled()
    {
        var kept = 0;
        var newer = 0;
        for (var entry = 0; entry < settled; entry++)
        {
            for (; newer < places.Count && places[newer] <= entry; newer++)
                places[newer] = kept;
            if (IsSeen(entry) && At(entry) != Removed)
                At(kept++) = At(entry);
        }
        for (; newer < places.Count; newer++)
            places[newer] = kept;
        return kept;
    }

    /// <summary>Likewise for the newer ones, which come behind the settled ones that are left.</summary>
    private int CompactNewer(int kept)
    {
        var newer = 0;
        for (var entry = settled; entry < used; entry++)
        {
            if (!IsSeen(entry) || At(entry) == Removed)
                continue;
            if (places.Count > 0)
                places[newer++] = places[entry - settled];
            At(kept++) = At(entry);
        }
        return kept;
    }

    /// <summary>Moves the newer series to where the scrape has shown them among the settled ones.</summary>
    private void Merge(int first, int end)
    {
        var newer = new ulong[end - first];
        for (var i = 0; i < newer.Length; i++)
            newer[i] = At(first + i);
        var settledOne = first - 1;
        var to = end - 1;
        for (var i = newer.Length - 1; i >= 0; i--)
        {
            while (settledOne >= places[i])
                At(to--) = At(settledOne--);
            At(to--) = newer[i];
        }
    }
}

/// <summary>A block of so many zero bytes, to be given back with free; or an <see cref="OutOfMemoryException"/>.</summary>
internal delegate nint TableMemory(nuint bytes);
