using Sidecar.Telemetry;

namespace Sidecar.Queueing;

/// <summary>What the queue holds, in sums. Guarded by the queue's lock.</summary>
internal struct QueueTotals
{
    public int Count { get; private set; }
    public long MemoryBytes { get; private set; }
    public long FileBytes { get; private set; }
    public long Samples { get; private set; }

    /// <summary>Scrapes whose time lies too far ahead of the clock.</summary>
    public int Ahead { get; private set; }

    public void Add(QueuedScrape entry) => Change(entry, 1);

    public void Remove(QueuedScrape entry) => Change(entry, -1);

    public readonly void Report(Metrics metrics)
    {
        metrics.QueueScrapes.Set(Count);
        metrics.QueueBytes.Set(MemoryBytes + FileBytes);
        metrics.SamplesPending.Set(Samples);
        metrics.QueueAheadScrapes.Set(Ahead);
    }

    private void Change(QueuedScrape entry, int sign)
    {
        if (entry.File is { } file)
            FileBytes += sign * file.Size;
        else
            MemoryBytes += sign * entry.Size;
        Count += sign;
        Samples += sign * (long)entry.Samples;
        Ahead += entry.IsAhead ? sign : 0;
    }
}

/// <summary>How full the queue is.</summary>
/// <param name="IsUnstored">Scrapes wait in memory because they could not be written to the directory.</param>
internal readonly record struct QueueRoom(long Bytes, long Limit, bool IsUnstored = false);
