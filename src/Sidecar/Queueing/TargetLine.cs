namespace Sidecar.Queueing;

/// <summary>What one target has in the queue: those that wait, in order, and the one that was taken. Guarded by the queue's lock.</summary>
/// <param name="byAge">The lines in which some wait, the one with the oldest first; each finds its place in it.</param>
internal sealed class TargetLine(LinkedList<TargetLine> byAge)
{
    private readonly LinkedList<QueuedScrape> waiting = [];
    private LinkedListNode<TargetLine>? place;

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

    public void Add(QueuedScrape entry)
    {
        waiting.AddLast(entry);
        Place();
    }

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
        Place();
    }

    public void PutBack(QueuedScrape entry)
    {
        waiting.AddFirst(entry);
        Place();
    }

    public QueuedScrape TakeFirst()
    {
        var first = waiting.First!.Value;
        waiting.RemoveFirst();
        Place();
        return first;
    }

    public void Remove(QueuedScrape entry)
    {
        waiting.Remove(entry);
        Place();
    }

    /// <summary>From the back, where a line goes that has just been served or was empty.</summary>
    private void Place()
    {
        if (place is not null)
            byAge.Remove(place);
        if (First is not { } first)
        {
            place = null;
            return;
        }
        var before = byAge.Last;
        while (before is not null && before.Value.First!.Timestamp > first.Timestamp)
            before = before.Previous;
        place ??= new(this);
        if (before is null)
            byAge.AddFirst(place);
        else
            byAge.AddAfter(before, place);
    }
}
