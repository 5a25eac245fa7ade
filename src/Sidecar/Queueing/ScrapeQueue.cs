using Sidecar.Configuration;
using Sidecar.Operation;
using Sidecar.Scraping;

namespace Sidecar.Queueing;

/// <summary>
/// Scrapes that wait to be sent, in memory, bounded in bytes. Of each target they leave in order, one at a time; between targets the
/// oldest leaves first. Past the bound the oldest go that nobody is sending; the newest scrape always stays.
/// </summary>
internal sealed class ScrapeQueue(QueueOptions options, Metrics metrics, Log log, TimeProvider time) : IDisposable
{
    private readonly Dictionary<string, Waiting> targets = [];
    private readonly SemaphoreSlim ready = new(0); // one for each target that may be taken, and some too many
    private long bytes;
    private int count;
    private long samples;
    private bool ended;
    private volatile bool isDropping;

    /// <summary>Something was dropped for its size or age, and nothing was delivered since.</summary>
    public bool IsDropping => isDropping;

    /// <summary>Compressed bytes held, those in flight included.</summary>
    public long Bytes
    {
        get
        {
            lock (targets)
                return bytes;
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

    public void Add(Scrape scrape)
    {
        lock (targets)
        {
            if (!targets.TryGetValue(scrape.Target.Key, out var waiting))
                targets.Add(scrape.Target.Key, waiting = new Waiting());
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
    /// accounted for until <see cref="Complete"/>.
    /// </summary>
    public async Task<Scrape?> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            lock (targets)
            {
                if (DropOverAge())
                    Report();
                if (Oldest() is { } waiting)
                {
                    waiting.InFlight = waiting.Scrapes.Dequeue();
                    return waiting.InFlight;
                }
                if (ended && count == 0)
                {
                    ready.Release(); // for the next one who waits
                    return null;
                }
            }
            await ready.WaitAsync(cancellation);
        }
    }

    /// <summary>All of the scrape was accepted, or refused for good: it is let go.</summary>
    public void Complete(Scrape scrape)
    {
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

    /// <summary>Nothing more is added: who takes gets what is left, and then null.</summary>
    public void End()
    {
        lock (targets)
            ended = true;
        ready.Release();
    }

    /// <summary>What nobody will send any more is counted as lost. Returns the number of scrapes.</summary>
    public int DropRest()
    {
        lock (targets)
        {
            var lost = count;
            foreach (var waiting in targets.Values)
            {
                foreach (var scrape in waiting.InFlight is { } inFlight ? waiting.Scrapes.Prepend(inFlight) : waiting.Scrapes)
                {
                    metrics.QueueDroppedScrapes.Increment(DropReason.Shutdown);
                    metrics.SamplesDroppedTotal.Add(DropReason.Shutdown, scrape.Samples);
                }
            }
            targets.Clear();
            bytes = count = 0;
            samples = 0;
            Report();
            return lost;
        }
    }

    public void Dispose() => ready.Dispose();

    private Waiting? Oldest()
    {
        Waiting? oldest = null;
        foreach (var waiting in targets.Values)
        {
            if (waiting.InFlight is null && waiting.Scrapes.TryPeek(out var first) && !(oldest?.Scrapes.Peek().Timestamp <= first.Timestamp))
                oldest = waiting;
        }
        return oldest;
    }

    private void DropOverLimit(Scrape newest)
    {
        while (bytes > options.SizeLimit)
        {
            Waiting? oldest = null;
            foreach (var waiting in targets.Values)
            {
                if (waiting.Scrapes.TryPeek(out var first) && first != newest && !(oldest?.Scrapes.Peek().Timestamp <= first.Timestamp))
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
        scrape.Release();
    }

    private void Account(Scrape scrape, int sign)
    {
        bytes += sign * scrape.Size;
        count += sign;
        samples += sign * scrape.Samples;
    }

    private void Report()
    {
        metrics.QueueScrapes.Set(count);
        metrics.QueueBytes.Set(bytes);
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
