using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Operation;
using Sidecar.Scraping;

namespace Sidecar.Queueing;

/// <summary>
/// Scrapes that wait to be sent, bounded in bytes: in memory, or with a folder on disk too. Of each target they leave in order, one at a time;
/// between targets the oldest leaves first, and every other time the one with the shortest line, so that a backlog starves nobody. Past
/// the bound the oldest go that nobody is sending; the newest scrape always stays.
/// </summary>
/// <param name="folder">Null without a queue directory.</param>
internal sealed class ScrapeQueue(QueueOptions options, ScrapeFolder? folder, Metrics metrics, Log log, TimeProvider time) : IDisposable
{
    /// <summary>A disk that takes longer hangs: the scrape waits in memory.</summary>
    private static readonly TimeSpan MostWait = TimeSpan.FromSeconds(5);

    /// <summary>Tries to read a file before it is set aside; they take ten seconds.</summary>
    private const int MostReads = 5;

    private readonly Dictionary<string, Waiting> targets = [];
    private readonly SemaphoreSlim ready = new(0); // one for each target that may be taken, and some too many
    private readonly SemaphoreSlim disk = new(1);  // one call at a time, so that a disk that hangs holds one thread
    private readonly List<Target> remembered = [];
    private bool isResumed;
    private int takes;
    private long bytes;       // in memory alone
    private long storedBytes; // in files
    private int count;
    private long samples;
    private bool ended;
    private volatile bool isDropping;

    /// <summary>Something was dropped for its size or age, and nothing was delivered since.</summary>
    public bool IsDropping => isDropping;

    /// <summary>Compressed bytes held, in memory and on disk, those in flight included.</summary>
    public long Bytes
    {
        get
        {
            lock (targets)
                return bytes + storedBytes;
        }
    }

    public int Count
    {
        get
        {
            lock (targets)
                return count;
        }
    }

    /// <summary>Before anything else: what waits in the folder from before is queued. False when another process has the folder.</summary>
    public bool TryOpen()
    {
        if (folder is null)
            return true;
        if (!folder.TryLock())
            return false;
        Resume();
        return true;
    }

    /// <summary>Stores the scrape, where there is a folder, and queues it.</summary>
    public async Task AddAsync(Scrape scrape)
    {
        if (folder is not null)
        {
            if (await disk.WaitAsync(MostWait))
            {
                try
                {
                    if (!isResumed)
                        Resume(); // it could not be read so far
                    folder.Store(scrape);
                }
                finally
                {
                    disk.Release();
                }
            }
            else
            {
                log.Recurring(LogLevel.Error, "queue directory hangs", "The queue directory does not answer; scrapes wait in memory until it does",
                    ("path", folder.Path));
            }
        }
        lock (targets)
        {
            var waiting = WaitingOf(scrape.Target);
            if (waiting.InFlight is not null || waiting.Scrapes.Count > 0)
                scrape.Park();
            waiting.Scrapes.Enqueue(scrape);
            Account(scrape, 1);
            metrics.QueueHighestTimestampSeconds.Raise(scrape.Timestamp / 1000.0);
            DropOverLimit(scrape);
            DropOverAge();
            Report();
        }
        ready.Release();
    }

    /// <summary>
    /// The oldest scrape of a target that nobody is sending; waits for one. Null when the queue has ended and nothing is left. It stays
    /// accounted for until <see cref="CompleteAsync"/>.
    /// </summary>
    public async Task<Scrape?> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Scrape? taken = null;
            lock (targets)
            {
                if (DropOverAge())
                    Report();
                if (Next() is { } waiting)
                    taken = waiting.InFlight = waiting.Scrapes.Dequeue();
                else if (ended && count == 0)
                {
                    ready.Release(); // for the next one who waits
                    return null;
                }
            }
            if (taken is null)
                await ready.WaitAsync(cancellation);
            else if (!taken.IsParked || await LoadAsync(taken, cancellation))
                return taken;
            else
                Lose(taken);
        }
    }

    /// <summary>All of the scrape was accepted, or refused for good: it is let go.</summary>
    public async Task CompleteAsync(Scrape scrape)
    {
        if (scrape.File is not null)
        {
            // First the file, so that the next scrape of the target is taken when this one can no longer come back.
            await OnDiskAsync(() =>
            {
                folder!.Remove(scrape, wasSent: true);
                return true;
            }, CancellationToken.None);
        }
        lock (targets)
        {
            if (!targets.TryGetValue(scrape.Target.Key, out var waiting) || waiting.InFlight != scrape)
                return; // given up meanwhile
            waiting.InFlight = null;
            isDropping = false;
            Account(scrape, -1);
            Report();
        }
        scrape.Release();
        ready.Release();
    }

    /// <summary>Targets that the folder knows from before and that nobody has asked for yet. Each is named once.</summary>
    public Target[] TakeRemembered()
    {
        lock (targets)
        {
            var taken = remembered.ToArray();
            remembered.Clear();
            return taken;
        }
    }

    /// <summary>
    /// The newest scrape of the target from before this process, sent or not, with its body if it was good; null for none. Asked before the first
    /// one is added; released by the caller.
    /// </summary>
    public async Task<Scrape?> RecallAsync(Target target, CancellationToken cancellation)
    {
        if (folder is null)
            return null;
        return await OnDiskAsync(
            () =>
            {
                Scrape? newest;
                lock (targets)
                    newest = targets.TryGetValue(target.Key, out var waiting) ? waiting.Scrapes.LastOrDefault() ?? waiting.InFlight : null;
                return folder.Recall(target, newest);
            },
            cancellation);
    }

    /// <summary>Another target has the series now: what the folder knows of this one is of no use.</summary>
    public async Task ForgetAsync(Target target)
    {
        if (folder is not null)
        {
            await OnDiskAsync(
                () =>
                {
                    folder.Forget(target);
                    return true;
                },
                CancellationToken.None);
        }
    }

    /// <summary>Nothing more is added: who takes gets what is left, and then null.</summary>
    public void End()
    {
        lock (targets)
            ended = true;
        ready.Release();
    }

    /// <summary>What nobody will send any more: what is in the folder waits there for the next start, the rest is counted as lost.</summary>
    public (int Lost, int Kept) DropRest()
    {
        lock (targets)
        {
            var lost = 0;
            var kept = 0;
            foreach (var waiting in targets.Values)
            {
                foreach (var scrape in waiting.InFlight is { } inFlight ? waiting.Scrapes.Prepend(inFlight) : waiting.Scrapes)
                {
                    if (scrape.File is not null)
                    {
                        kept++;
                        continue;
                    }
                    lost++;
                    metrics.QueueDroppedScrapes.Increment(DropReason.Shutdown);
                    metrics.SamplesDroppedTotal.Add(DropReason.Shutdown, scrape.Samples);
                }
            }
            targets.Clear();
            bytes = storedBytes = count = 0;
            samples = 0;
            Report();
            return (lost, kept);
        }
    }

    public void Dispose()
    {
        ready.Dispose();
        disk.Dispose();
        folder?.Dispose();
    }

    private void Resume()
    {
        if (folder!.List() is not var (waiting, last))
            return;
        isResumed = true;
        lock (targets)
        {
            foreach (var byTarget in waiting.GroupBy(s => s.Target.Key))
            {
                var line = WaitingOf(byTarget.First().Target);
                Scrape[] newer = [.. line.Scrapes]; // while the folder could not be read
                line.Scrapes.Clear();
                foreach (var scrape in byTarget.Concat(newer))
                    line.Scrapes.Enqueue(scrape);
                foreach (var scrape in byTarget)
                {
                    Account(scrape, 1);
                    metrics.QueueHighestTimestampSeconds.Raise(scrape.Timestamp / 1000.0);
                }
                remembered.Add(byTarget.First().Target);
                ready.Release();
            }
            remembered.AddRange(last.Select(s => s.Target).ExceptBy(remembered.Select(t => t.Key), t => t.Key));
            DropOverLimit(newest: null);
            DropOverAge();
            Report();
            if (count > 0)
            {
                log.Info("Scrapes that wait in the queue directory are sent first", ("scrapes", count), ("bytes", storedBytes),
                    ("oldest", DateTimeOffset.FromUnixTimeMilliseconds(waiting[0].Timestamp)));
            }
        }
    }

    /// <summary>Reads a parked scrape back, a few times where the disk fails, since that may pass.</summary>
    private async Task<bool> LoadAsync(Scrape scrape, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await OnDiskAsync(() => folder!.Load(scrape, isLastTry: tries == MostReads), cancellation);
            }
            catch (IOException) when (tries < MostReads)
            {
                await Task.Delay(TimeSpan.FromSeconds(tries), time, cancellation);
            }
        }
    }

    private async Task<T> OnDiskAsync<T>(Func<T> call, CancellationToken cancellation)
    {
        await disk.WaitAsync(cancellation);
        try
        {
            return call();
        }
        finally
        {
            disk.Release();
        }
    }

    private Waiting WaitingOf(Target target)
    {
        if (!targets.TryGetValue(target.Key, out var waiting))
            targets.Add(target.Key, waiting = new Waiting());
        return waiting;
    }

    /// <summary>Its file is damaged: there is nothing to send.</summary>
    private void Lose(Scrape scrape)
    {
        lock (targets)
        {
            if (!targets.TryGetValue(scrape.Target.Key, out var waiting) || waiting.InFlight != scrape)
                return;
            waiting.InFlight = null;
            Account(scrape, -1);
            metrics.QueueDroppedScrapes.Increment(DropReason.Damaged);
            metrics.SamplesDroppedTotal.Add(DropReason.Damaged, scrape.Samples);
            Report();
        }
    }

    private Waiting? Next()
    {
        var shortest = takes++ % 2 == 1;
        Waiting? next = null;
        foreach (var waiting in targets.Values)
        {
            if (waiting.InFlight is not null || !waiting.Scrapes.TryPeek(out var first))
                continue;
            if (next is null || (shortest && waiting.Scrapes.Count != next.Scrapes.Count
                ? waiting.Scrapes.Count < next.Scrapes.Count
                : first.Timestamp < next.Scrapes.Peek().Timestamp))
                next = waiting;
        }
        return next;
    }

    private void DropOverLimit(Scrape? newest)
    {
        DropOverLimit(newest, isStored: false, options.MemoryLimit);
        DropOverLimit(newest, isStored: true, options.SizeLimit);
    }

    private void DropOverLimit(Scrape? newest, bool isStored, long limit)
    {
        while ((isStored ? storedBytes : bytes) > limit)
        {
            Waiting? oldest = null;
            foreach (var waiting in targets.Values)
            {
                if (waiting.Scrapes.TryPeek(out var first) && first != newest && first.File is not null == isStored
                    && !(oldest?.Scrapes.Peek().Timestamp <= first.Timestamp))
                    oldest = waiting;
            }
            if (oldest is null)
                return;
            Drop(oldest, DropReason.QueueSize, "The queue is full: the oldest scrape is dropped",
                "raise SIDECAR_QUEUE_SIZE_LIMIT, or find out why the receiver does not keep up");
        }
    }

    /// <summary>True when any went.</summary>
    private bool DropOverAge()
    {
        if (options.AgeLimit == TimeSpan.Zero)
            return false;
        var before = count;
        var limit = time.GetUtcNow().Subtract(options.AgeLimit).ToUnixTimeMilliseconds();
        foreach (var waiting in targets.Values)
        {
            while (waiting.Scrapes.TryPeek(out var first) && first.Timestamp < limit)
            {
                Drop(waiting, DropReason.QueueAge, "A scrape waited longer than SIDECAR_QUEUE_AGE_LIMIT and is dropped",
                    "find out why the receiver does not keep up");
            }
        }
        return count < before;
    }

    private void Drop(Waiting waiting, DropReason reason, string message, string remedy)
    {
        var scrape = waiting.Scrapes.Dequeue();
        isDropping = true;
        Account(scrape, -1);
        metrics.QueueDroppedScrapes.Increment(reason);
        metrics.SamplesDroppedTotal.Add(reason, scrape.Samples);
        log.Recurring(LogLevel.Warn, $"queue {reason}", message,
            ("target", scrape.Target.Url), ("scraped", DateTimeOffset.FromUnixTimeMilliseconds(scrape.Timestamp)),
            ("samples", scrape.Samples), ("waiting", count), ("remedy", remedy));
        folder?.Remove(scrape, wasSent: false);
        scrape.Release();
    }

    private void Account(Scrape scrape, int sign)
    {
        if (scrape.FileSize > 0)
            storedBytes += sign * scrape.FileSize;
        else
            bytes += sign * scrape.Size;
        count += sign;
        samples += sign * scrape.Samples;
    }

    private void Report()
    {
        metrics.QueueScrapes.Set(count);
        metrics.QueueBytes.Set(bytes + storedBytes);
        metrics.SamplesPending.Set(samples);
        long? oldest = null;
        foreach (var (key, waiting) in targets)
        {
            if (waiting.InFlight is null && waiting.Scrapes.Count == 0)
                targets.Remove(key); // allowed while enumerating
            else
                oldest = Math.Min(oldest ?? long.MaxValue, (waiting.InFlight ?? waiting.Scrapes.Peek()).Timestamp);
        }
        metrics.QueueOldestTimestampSeconds.Set((oldest ?? 0) / 1000.0);
    }

    /// <summary>What one target has in the queue.</summary>
    private sealed class Waiting
    {
        public Queue<Scrape> Scrapes { get; } = [];

        public Scrape? InFlight { get; set; }
    }
}
