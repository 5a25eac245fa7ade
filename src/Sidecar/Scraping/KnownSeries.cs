using System.Runtime.CompilerServices;
using Sidecar.Memory;

namespace Sidecar.Scraping;

/// <summary>A target's series and their last explicit timestamps: tells new, repeated, older samples. One pass at a time.</summary>
internal sealed class KnownSeries(bool tracksTimestamps) : IDisposable
{
    /// <summary>Prometheus's maxAheadTime (scrape/scrape.go).</summary>
    private const long MostAheadMilliseconds = 10 * 60 * 1000;

    private readonly SeriesTable table = new();
    private Dictionary<ulong, long> timestamps = []; // last explicit timestamp of each series that brings its own
    private Dictionary<ulong, long> timestampsNow = [];
    private int lastCount;

    /// <summary>Of the last samples without one of their own, markers included.</summary>
    public long LastTimestamp { get; set; }

    /// <summary>This scrape has shown every series that is known.</summary>
    public bool IsAllSeen => table.Seen == table.Count;

    /// <summary>A scrape begins, or what it has shown so far does not count.</summary>
    public void BeginScrape()
    {
        table.ClearSeen();
        timestampsNow.Clear();
    }

    /// <summary>A scrape ended.</summary>
    /// <param name="isGood">It had a body, and what it has shown is what is known from here on.</param>
    public void EndScrape(bool isGood)
    {
        table.DropIndex();
        if (isGood)
        {
            (timestamps, timestampsNow) = (timestampsNow, timestamps);
            if (table.Count > lastCount + lastCount / 4)
                NativeHeap.Trim();
            lastCount = table.Count;
        }
        else if (table.Count > lastCount * 2 + 1000)
            table.Clear(); // a target that fails again and again must not fill it
    }

    /// <summary>The clock was set back for good: what is older than the samples of before is in order from now on.</summary>
    public void ForgetTimes()
    {
        timestamps.Clear();
        LastTimestamp = 0;
    }

    /// <summary>A series of a scrape before this process.</summary>
    /// <param name="own">Its own timestamp; null for the scrape's.</param>
    public void Recall(ulong hash, long? own)
    {
        if (own is { } timestamp)
            timestamps[hash] = Math.Max(timestamps.GetValueOrDefault(hash), timestamp);
        if (own is null || tracksTimestamps)
            table.Add(hash);
        lastCount = table.Count;
    }

    /// <summary>This scrape has shown the series, without a timestamp of its own.</summary>
    public bool IsSeen(ulong hash) => table.Contains(hash, out var isSeen) && isSeen;

    /// <summary>A sample with the timestamp of the scrape: the first of its series, and newer than its last explicit timestamp.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Accept(ulong hash, long timestamp, ScrapeOutcome outcome)
    {
        if (timestampsNow.Count > 0 && timestampsNow.ContainsKey(hash))
        {
            outcome.Duplicates++;
            return false;
        }
        var isExplicit = timestamps.TryGetValue(hash, out var last);
        if (isExplicit && last >= timestamp)
        {
            timestampsNow[hash] = last;
            outcome.OutOfOrder++;
            return false;
        }
        switch (table.Add(hash))
        {
            case SeriesTable.Added.Duplicate:
                outcome.Duplicates++;
                return false;
            case SeriesTable.Added.New when !isExplicit:
                outcome.Added++;
                return true;
            default:
                return true;
        }
    }

    /// <summary>A sample with its own timestamp must be newer than the last one of its series, as in Prometheus's agent.</summary>
    /// <param name="ordered">Becomes true where the series occurs more than once.</param>
    public bool AcceptOwn(ulong hash, long own, long timestamp, ScrapeOutcome outcome, ref bool ordered)
    {
        if (own > timestamp + MostAheadMilliseconds)
        {
            outcome.OutOfBounds++;
            return false;
        }
        var before = true;
        var isAgain = timestampsNow.TryGetValue(hash, out var last);
        if (isAgain)
            ordered = true;
        else if (!timestamps.TryGetValue(hash, out last))
        {
            // Perhaps it had none so far.
            before = table.Contains(hash, out var isSeen);
            last = isSeen ? timestamp : LastTimestamp;
            ordered |= isSeen;
        }
        if (!before)
            outcome.Added++;
        // What repeats its timestamp has not vanished.
        if (tracksTimestamps)
            table.Add(hash);
        timestampsNow[hash] = before ? Math.Max(last, own) : own;
        if (!before || own > last)
            return true;
        outcome.OutOfOrder++;
        if (own == last && !isAgain)
            outcome.Repeated++; // the target has nothing newer yet, as cAdvisor between two of its looks
        return false;
    }

    /// <summary>True once for a series that this scrape has not shown.</summary>
    /// <param name="forget">It is known no longer.</param>
    public bool TakeVanished(ulong hash, bool forget) => table.TakeUnseen(hash, remove: forget);

    /// <summary>Whether this scrape has shown the series with timestamps of its own, the newest of them <paramref name="own"/>.</summary>
    public bool HasOwn(ulong hash, out long own) => timestampsNow.TryGetValue(hash, out own);

    /// <summary>All series that this scrape has not shown are known no longer.</summary>
    public void ForgetVanished() => table.RemoveUnseen();

    public void Dispose() => table.Dispose();
}
