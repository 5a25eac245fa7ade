using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Records;
using Sidecar.Telemetry;

namespace Sidecar.Queueing;

/// <summary>
/// Scrapes that wait to be sent, bounded in bytes: in memory, or with a folder on disk too. Of each target they leave in order, one at a
/// time; between targets the oldest leaves first, and every other time the one with the shortest line, so that a backlog starves nobody.
/// Past the bound the oldest go that nobody is sending; the newest scrape always stays.
/// </summary>
/// <remarks>
/// The queue decides order and bounds and touches no file: what concerns the folder is posted to its thread, which tells what it came to. A
/// scrape may be sent before, while and after it is stored.
/// </remarks>
/// <param name="folder">Null without a queue directory.</param>
internal sealed partial class ScrapeQueue(
    QueueOptions options, FolderThread? folder, Metrics metrics, Log log, TimeProvider time) : IDisposable
{
    /// <summary>Timestamps farther ahead of the clock are of a clock that was wrong; Prometheus's maxAheadTime.</summary>
    public static readonly TimeSpan MostAhead = TimeSpan.FromMinutes(10);

    /// <summary>Drops that are no farther apart are one spell: a receiver that is too slow takes some and has others dropped.</summary>
    private static readonly TimeSpan DropSpell = TimeSpan.FromSeconds(30);

    /// <summary>A receiver that took a scrape so short a while ago accepts.</summary>
    private static readonly TimeSpan AcceptsFor = TimeSpan.FromSeconds(10);

    /// <summary>Wake-ups that are kept: more than there are workers.</summary>
    private const int MostWakes = 1024;

    /// <summary>Up to so many targets in line, the gauge of the oldest is exact at each step; beyond, at one step in so many.</summary>
    private const int ManyLines = 100;

    private readonly Lock gate = new();
    private readonly Dictionary<string, TargetLine> targets = [];
    private readonly LinkedList<TargetLine> byAge = []; // those in which some wait, the oldest scrape's first
    private readonly SemaphoreSlim ready = new(0); // one for each target that may be taken, and some too many
    private readonly List<Target> remembered = [];
    private QueueTotals totals;
    private int takes;
    private int reports;
    private bool ended;
    private DateTimeOffset? droppingSince;
    private DateTimeOffset lastDropped;
    private DateTimeOffset lastDelivered;

    /// <summary>Since when scrapes are dropped for size or age; null again after a delivery and a while without drops.</summary>
    public DateTimeOffset? DroppingSince { get { lock (gate) return droppingSince; } }

    /// <summary>What waits, where it waits now, and how much may: with a directory that takes nothing, that is memory.</summary>
    public QueueRoom Room
    {
        get
        {
            lock (gate)
            {
                var isInMemory = folder is { IsHanging: true } || unstored > 0;
                return new QueueRoom(isInMemory ? totals.MemoryBytes : totals.MemoryBytes + totals.FileBytes,
                    isInMemory ? options.MemoryLimit : options.SizeLimit, IsUnstored: unstored > 0);
            }
        }
    }

    /// <summary>The queue directory does not answer; null says that there is none.</summary>
    public bool? IsHanging => folder?.IsHanging;

    /// <summary>Compressed bytes held, in memory and on disk, those in flight included.</summary>
    public long Bytes { get { lock (gate) return totals.MemoryBytes + totals.FileBytes; } }

    public int Count { get { lock (gate) return totals.Count; } }

    /// <summary>Scrapes from before the start whose time lies more than <see cref="MostAhead"/> ahead of the clock of then.</summary>
    public int Ahead { get { lock (gate) return totals.Ahead; } }

    /// <summary>A scrape of the target waits for the one before it: what is added now is not sent soon.</summary>
    public bool IsBehind(Target target)
    {
        lock (gate)
            return targets.TryGetValue(target.Key, out var line) && line.First is not null;
    }

    /// <summary>
    /// True where the queue is full although the receiver accepts: another scrape would only have one dropped, and would take the processor
    /// time that sending lacks. The one that is not made is counted as dropped.
    /// </summary>
    /// <param name="samples">Of the target's scrape before.</param>
    public bool LeavesOut(Target target, int samples)
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            var room = Room;
            if (totals.Count < 2 || room.Bytes + room.Bytes / totals.Count <= room.Limit || now - lastDelivered > AcceptsFor)
                return false;
            (lastDropped, droppingSince) = (now, droppingSince ?? now);
            CountDropped(samples, DropReason.QueueSize);
            log.Recurring(LogLevel.Error, "queue left out", "The queue is full though the receiver accepts: a target is not scraped this time",
                ("target", target.Url), ("waiting", totals.Count), ("limit", Sizes.Format(room.Limit)),
                ("remedy", "give the process more processor time, raise SIDECAR_REMOTE_WRITE_CONCURRENCY, or scrape less often"));
            return true;
        }
    }

    /// <summary>Queues a scrape, which is the queue's from then on, and has it stored where there is a folder. Never waits.</summary>
    public QueuedScrape Add(ScrapeResult scrape)
    {
        var entry = new QueuedScrape(scrape);
        lock (gate)
        {
            var line = LineOf(entry.Target);
            line.Add(entry);
            totals.Add(entry);
            metrics.QueueHighestTimestampSeconds.Raise(entry.Timestamp / 1000.0);
            Store(entry);
            DropOverLimit(entry);
            DropOverAge();
            Report();
        }
        Wake();
        return entry;
    }

    /// <summary>
    /// The oldest scrape of a target that nobody is sending. Waits for one, but for the disk only if no other target's is in memory. Null
    /// when the queue has ended and is empty. Stays accounted for until completed, returned or set aside.
    /// </summary>
    public async Task<QueuedScrape?> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            lock (gate)
            {
                if (DropOverAge())
                    Report();
                if (Next() is { } line)
                {
                    var taken = line.InFlight = line.TakeFirst();
                    NoLongerLoaded(taken);
                    return taken;
                }
                if (ended && totals.Count == 0)
                {
                    Wake(); // for the next one who waits
                    return null;
                }
            }
            await ready.WaitAsync(cancellation);
        }
    }

    /// <summary>All of the scrape was accepted, or refused for good: it is let go.</summary>
    public void Complete(QueuedScrape entry)
    {
        lock (gate)
        {
            if (!IsTaken(entry))
                return; // given up meanwhile
            if (droppingSince is not null && time.GetUtcNow() - lastDropped > DropSpell)
                droppingSince = null;
            lastDelivered = time.GetUtcNow();
            Leave(entry, QueueExit.Delivered);
            Report();
        }
        Wake();
    }

    /// <summary>The scrape was not sent: it is the next one of its target again.</summary>
    public void Return(QueuedScrape entry)
    {
        lock (gate)
        {
            if (!IsTaken(entry))
                return;
            var line = LineOf(entry.Target);
            line.InFlight = null;
            entry.Attempts++;
            line.PutBack(entry);
        }
        Wake();
    }

    /// <summary>The scrape can never be sent: it is counted as damaged, and its file is kept aside.</summary>
    /// <param name="cause">For the log: what it provokes.</param>
    public void SetAside(QueuedScrape entry, string cause)
    {
        lock (gate)
        {
            if (!IsTaken(entry))
                return;
            CountDropped(entry.Samples, DropReason.Damaged);
            log.Error("A scrape cannot be sent and is given up", ("target", entry.Target.Url),
                ("scraped", DateTimeOffset.FromUnixTimeMilliseconds(entry.Timestamp)), ("samples", entry.Samples), ("error", cause),
                ("remedy", "report it; where there is a queue directory, damaged/ has the scrape"));
            entry.Cause = cause;
            Leave(entry, QueueExit.SetAside);
            Report();
        }
        Wake();
    }

    /// <summary>Targets that the folder knows from before and that nobody has asked for yet. Each is named once.</summary>
    /// <param name="isWanted">Whose they are; called under the queue's lock.</param>
    public List<Target> TakeRemembered(Predicate<Target> isWanted)
    {
        lock (gate)
        {
            var taken = remembered.FindAll(isWanted);
            remembered.RemoveAll(isWanted);
            return taken;
        }
    }

    /// <summary>Nothing more is added: who takes gets what is left, and then null.</summary>
    public void End()
    {
        lock (gate)
            ended = true;
        Wake();
    }

    /// <summary>At the end: scrapes in the folder wait for the next start, the others are counted as lost.</summary>
    public (int Lost, int Kept) DropRest()
    {
        lock (gate)
        {
            var lost = 0;
            var kept = 0;
            foreach (var entry in targets.Values.SelectMany(line => line.All))
            {
                if (entry.File is not null)
                {
                    kept++;
                    continue;
                }
                lost++;
                CountDropped(entry.Samples, DropReason.Shutdown);
            }
            targets.Clear();
            byAge.Clear();
            totals = default;
            Report();
            return (lost, kept);
        }
    }

    public void Dispose()
    {
        folder?.Dispose();
        ready.Dispose();
    }

    private void Wake()
    {
        if (ready.CurrentCount < MostWakes)
            ready.Release();
    }

    private TargetLine LineOf(Target target)
    {
        if (!targets.TryGetValue(target.Key, out var line))
            targets.Add(target.Key, line = new TargetLine(byAge));
        return line;
    }

    private bool IsTaken(QueuedScrape entry) =>
        entry.Exit == QueueExit.None && targets.TryGetValue(entry.Target.Key, out var line) && line.InFlight == entry;

    /// <summary>The line whose first is to be sent next; of those that are in their files alone, the next is asked for.</summary>
    private TargetLine? Next()
    {
        if (IsHeldBack)
            return null;
        var shortest = takes % 2 == 1;
        TargetLine? next = null;
        TargetLine? onDisk = null;
        for (var node = byAge.First; node is not null; node = node.Next)
        {
            var line = node.Value;
            if (IsBusy(line))
                continue;
            if (line.First is { IsInMemory: true })
                next = Better(next, line);
            else if (line.First is { IsLoading: false, Retry: null })
                onDisk = Better(onDisk, line);
            if (next is not null && (!shortest || next.Count == 1))
                break; // those behind it are newer, and no line is shorter
        }
        if (onDisk is not null && (next is null || (shortest && onDisk.Count != next.Count
            ? onDisk.Count < next.Count : onDisk.First!.Timestamp < next.First!.Timestamp)))
            Load(onDisk.First!);
        if (next is not null)
            takes++;
        return next;

        TargetLine Better(TargetLine? older, TargetLine line) =>
            older is null || (shortest && line.Count < older.Count) ? line : older;
    }

    private void DropOverLimit(QueuedScrape? newest)
    {
        DropOverLimit(newest, isStored: false);
        DropOverLimit(newest, isStored: true);
    }

    private void DropOverLimit(QueuedScrape? newest, bool isStored)
    {
        while (isStored ? totals.FileBytes > options.SizeLimit : totals.MemoryBytes > MemoryLimit)
        {
            var node = byAge.First;
            while (node is not null && (node.Value.First == newest || node.Value.First!.File is not null != isStored))
                node = node.Next;
            if (node?.Value is not { } oldest)
                return;
            var size = isStored ? oldest.First!.File!.Size : oldest.First!.Size;
            Drop(oldest, DropReason.QueueSize, "The queue is full: the oldest scrape is dropped",
                newest is not null && size > options.SizeLimit / 2
                ? $"raise SIDECAR_QUEUE_SIZE_LIMIT: {Sizes.Format(options.SizeLimit)} do not hold two scrapes of {Sizes.Format(size)}"
                : folder is not null && !isStored
                    ? "fix the volume of SIDECAR_QUEUE_DIRECTORY: meanwhile scrapes wait in "
                        + $"{Sizes.Format(options.MemoryLimit)} of memory (SIDECAR_QUEUE_SIZE_LIMIT sets that too)"
                    : "raise SIDECAR_QUEUE_SIZE_LIMIT, or find out why the receiver does not keep up");
        }
    }

    /// <summary>True when any went.</summary>
    private bool DropOverAge()
    {
        if (options.AgeLimit == TimeSpan.Zero)
            return false;
        var before = totals.Count;
        var limit = time.GetUtcNow().Subtract(options.AgeLimit).ToUnixTimeMilliseconds();
        while (byAge.First?.Value is { } line && line.First!.Timestamp < limit)
            Drop(line, DropReason.QueueAge, "A scrape waited longer than SIDECAR_QUEUE_AGE_LIMIT and is dropped",
                "find out why the receiver does not keep up");
        return totals.Count < before;
    }

    private void Drop(TargetLine line, DropReason reason, string message, string remedy)
    {
        var entry = line.TakeFirst();
        lastDropped = time.GetUtcNow();
        droppingSince ??= lastDropped;
        CountDropped(entry.Samples, reason);
        Leave(entry, QueueExit.Dropped);
        log.Recurring(LogLevel.Error, $"queue {reason}", message,
            ("target", entry.Target.Url), ("scraped", DateTimeOffset.FromUnixTimeMilliseconds(entry.Timestamp)),
            ("samples", entry.Samples), ("waiting", totals.Count),
            ("limit", reason == DropReason.QueueSize ? Sizes.Format(options.SizeLimit) : null),
            ("remedy", remedy));
    }

    private void CountDropped(int samples, DropReason reason)
    {
        metrics.QueueDroppedScrapes.Increment(reason);
        metrics.SamplesDroppedTotal.Add(reason, samples);
    }

    private void Report()
    {
        totals.Report(metrics);
        // With thousands of targets in line, a walk at each step would take longer than the step.
        if (targets.Count > ManyLines && totals.Count > 0 && ++reports % ManyLines != 0)
            return;
        long? oldest = null;
        foreach (var (key, line) in targets)
        {
            if (line.IsEmpty)
                targets.Remove(key); // allowed while enumerating
            else if (line.Oldest is { } first)
                oldest = Math.Min(oldest ?? long.MaxValue, first.Timestamp);
        }
        metrics.QueueOldestTimestampSeconds.Set((oldest ?? 0) / 1000.0);
    }
}
