using System.IO.Hashing;
using Sidecar.Discovery;

namespace Sidecar.Scraping;

/// <summary>When a target is scraped: each interval on the monotonic clock, at an offset that spreads the targets.</summary>
internal sealed class ScrapeSchedule
{
    /// <summary>Prometheus's ScrapeTimestampTolerance.</summary>
    private static readonly TimeSpan MostTolerance = TimeSpan.FromMilliseconds(2);

    private readonly TimeSpan interval;
    private readonly TimeProvider time;
    private readonly long tolerance; // milliseconds
    private long nextTick; // time.GetTimestamp()
    private long idealTimestamp = long.MinValue; // milliseconds since the Unix epoch
    private readonly TimeSpan stepToOwn; // between the ticks before the target's own ones
    private int stepsToOwn;
    private bool isOwnTick;

    /// <param name="atOnce">The first tick is now. From there it comes to the target's own ticks in one step or two, each of half an
    /// interval to a whole one: no gap is longer than the interval, and no scrape follows at the heels of another.</param>
    public ScrapeSchedule(Target target, TimeSpan interval, bool atOnce, TimeProvider time)
    {
        this.interval = interval;
        this.time = time;
        tolerance = (long)Math.Min(MostTolerance.TotalMilliseconds, interval.TotalMilliseconds / 100);
        var untilOwn = UntilOwnTick(target, interval, time.GetUtcNow());
        nextTick = time.GetTimestamp();
        isOwnTick = !atOnce;
        if (!atOnce)
            nextTick += Ticks(untilOwn);
        else if (untilOwn >= interval / 2)
            (stepToOwn, stepsToOwn) = (untilOwn, 1);
        else
            (stepToOwn, stepsToOwn) = ((untilOwn + interval) / 2, 2);
    }

    /// <summary>Waits for the next tick. Ticks that passed meanwhile are left out.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        var now = time.GetTimestamp();
        if (nextTick > now)
            await Task.Delay(time.GetElapsedTime(now, nextTick), time, cancellation);
        cancellation.ThrowIfCancellationRequested();
        now = time.GetTimestamp();
        isOwnTick = stepsToOwn == 0;
        do
        {
            nextTick += Ticks(stepsToOwn > 0 ? stepToOwn : interval);
            stepsToOwn = Math.Max(0, stepsToOwn - 1);
        }
        while (nextTick <= now);
    }

    /// <summary>The timestamp of a scrape now: wall clock, snapped to the tick within min(2 ms, 1 %), to compress well.</summary>
    public long Timestamp()
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        if (!isOwnTick)
            return now; // the ticks to come have another phase
        if (idealTimestamp != long.MinValue)
        {
            var length = (long)interval.TotalMilliseconds;
            idealTimestamp += Math.Max(0, (now - idealTimestamp + tolerance) / length) * length;
            if (Math.Abs(now - idealTimestamp) <= tolerance)
                return idealTimestamp;
            if (now > idealTimestamp)
                return now;
        }
        idealTimestamp = now; // the first tick, or the clock was set back
        return now;
    }

    /// <summary>Time until the target's own place in the interval: a hash of its identity, the same after every restart.</summary>
    private static TimeSpan UntilOwnTick(Target target, TimeSpan interval, DateTimeOffset now)
    {
        var offset = (long)(XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(target.Key)) % (ulong)interval.Ticks);
        var within = now.UtcTicks % interval.Ticks;
        return TimeSpan.FromTicks(offset >= within ? offset - within : offset - within + interval.Ticks);
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);
}
