using Sidecar.Queueing;

namespace Sidecar.Scraping;

/// <summary>
/// Keeps the timestamps of one target in order when the wall clock is set back: nothing is scraped until it has caught up, but for ten
/// minutes at most. Then scraping goes on by the clock of now, and whether it takes what is older than it has is the receiver's word.
/// </summary>
internal sealed class ClockGuard(TimeProvider time)
{
    /// <summary>The longest silence; also how far ahead what is known from before may lie and still count.</summary>
    public static readonly TimeSpan MostSilence = ScrapeQueue.MostAhead;

    private long? silentSince;

    /// <summary>Of the last scrape, in milliseconds since the Unix epoch; null before the first.</summary>
    public long? Last { get; private set; }

    /// <summary>Whether a scrape may be made now.</summary>
    /// <param name="isSetBack">The silence is over although the clock has not caught up: earlier timestamps mean nothing any more.</param>
    public bool Allows(long timestamp, out bool isSetBack)
    {
        isSetBack = false;
        if (Last is not { } last || timestamp > last)
        {
            silentSince = null;
            return true;
        }
        silentSince ??= time.GetTimestamp();
        isSetBack = time.GetElapsedTime(silentSince.Value) >= MostSilence;
        return isSetBack;
    }

    /// <summary>A scrape was made.</summary>
    public void Made(long timestamp)
    {
        Last = timestamp;
        silentSince = null;
    }

    /// <summary>What was made before this process counts, unless it was made by a clock that was far ahead.</summary>
    public bool TryRecall(long timestamp)
    {
        if (timestamp > (time.GetUtcNow() + MostSilence).ToUnixTimeMilliseconds())
            return false;
        Last = timestamp;
        return true;
    }
}
