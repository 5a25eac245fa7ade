namespace Sidecar.Queueing;

/// <summary>What one target has in the queue: those that wait, in order, and the one that was taken. Guarded by the queue's lock.</summary>
internal sealed class TargetLine
{
    private readonly LinkedList<QueuedScrape> waiting = [];

    /// <summary>The next to be taken; null for none.</summary>
    public QueuedScrape? First => waiting.First?.Value;

    /// <summary>The first of <see cref="All"/>.</summary>
    public QueuedScrape? Oldest => InFlight is { Exit: QueueExit.None } taken ? taken : First;

    public QueuedScrape? Newest => waiting.Last?.Value;
    public int Count => waiting.Count;

    /// <summary>Taken and not given back, or delivered and still to be taken off the disk.</summary>
    public QueuedScrape? InFlight { get; set; }

    /// <summary>What was delivered before its file was begun is still to become the target's last.</summary>
    public FolderOrder? KeepingLast { get; set; }

    public bool IsEmpty => waiting.Count == 0 && InFlight is null && KeepingLast is null;
    public IEnumerable<QueuedScrape> All => InFlight is { Exit: QueueExit.None } taken ? waiting.Prepend(taken) : waiting;

    public void Add(QueuedScrape entry) => waiting.AddLast(entry);

    public void AddBefore(IEnumerable<QueuedScrape> entries)
    {
        var at = waiting.First;
        foreach (var entry in entries)
        {
            if (at is null)
                waiting.AddLast(entry);
            else
                waiting.AddBefore(at, entry);
        }
    }

    public void PutBack(QueuedScrape entry) => waiting.AddFirst(entry);

    public QueuedScrape TakeFirst()
    {
        var first = waiting.First!.Value;
        waiting.RemoveFirst();
        return first;
    }

    public bool Remove(QueuedScrape entry) => waiting.Remove(entry);
}
