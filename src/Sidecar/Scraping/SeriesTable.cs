using Sidecar.Memory;

namespace Sidecar.Scraping;

/// <summary>
/// The series that a target is known to have, 8 bytes each: 64-bit hashes of their labels in native memory, with one bit each that says
/// whether the current scrape has shown it. Tells duplicates, new series and vanished ones without keeping a label.
/// </summary>
/// <remarks>
/// Four parts, each with open addressing and linear probing, so that growing moves a quarter at a time. At one million series the
/// odds that any two hashes collide are 1 in 37 million (n²/2⁶⁵); the seed is drawn anew for each process, so that no target can choose
/// its collisions.
/// </remarks>
/// <param name="memory">Gives zeroed blocks; null for the C library's.</param>
internal sealed class SeriesTable(TableMemory? memory = null) : IDisposable
{
    private const int Parts = 4;

    private readonly TableMemory memory = memory ?? NativeHeap.AllocateZeroed;
    private readonly SeriesTablePart[] parts = new SeriesTablePart[Parts];

    public enum Added
    {
        /// <summary>Known from before, and the first of its kind in this scrape.</summary>
        Known,
        New,
        /// <summary>Shown by this scrape already.</summary>
        Duplicate,
    }

    /// <summary>Series in the table.</summary>
    public int Count { get; private set; }

    /// <summary>Series that this scrape has shown.</summary>
    public int Seen { get; private set; }

    /// <summary>The scrape shows a series.</summary>
    public Added Add(ulong hash)
    {
        var added = Part(hash).Add(hash, memory);
        if (added != Added.Duplicate)
            Seen++;
        if (added == Added.New)
            Count++;
        return added;
    }

    /// <summary>True for a series that is known. Changes nothing.</summary>
    /// <param name="isSeen">This scrape has shown it.</param>
    public bool Contains(ulong hash, out bool isSeen) => Part(hash).Contains(hash, out isSeen);

    /// <summary>True once for a series that is known and that this scrape has not shown.</summary>
    /// <param name="remove">Forget it; otherwise it counts as shown from here on.</param>
    public bool TakeUnseen(ulong hash, bool remove)
    {
        if (!Part(hash).TakeUnseen(hash, remove))
            return false;
        if (remove)
            Count--;
        else
            Seen++;
        return true;
    }

    /// <summary>A new scrape begins: it has shown nothing yet.</summary>
    public void ClearSeen()
    {
        foreach (ref var part in parts.AsSpan())
            part.ClearSeen();
        Seen = 0;
    }

    /// <summary>Forgets all series that the scrape has not shown.</summary>
    public void RemoveUnseen()
    {
        if (Seen == Count)
            return;
        foreach (ref var part in parts.AsSpan())
            part.RemoveUnseen();
        Count = Seen;
    }

    public void Clear()
    {
        foreach (ref var part in parts.AsSpan())
            part.Clear();
        Count = Seen = 0;
    }

    public void Dispose()
    {
        Clear();
        GC.SuppressFinalize(this);
    }

    ~SeriesTable() => Clear();

    private ref SeriesTablePart Part(ulong hash) => ref parts[hash & (Parts - 1)];
}

/// <summary>A block of so many zero bytes, to be given back with free; or an <see cref="OutOfMemoryException"/>.</summary>
internal delegate nint TableMemory(nuint bytes);
