using System.IO.Hashing;
using System.Text;
using Sidecar.Discovery;

namespace Sidecar.Scraping;

/// <summary>
/// When a target is scraped: every interval on the monotonic clock, at an offset of its own, so that many targets do not fire at once.
/// </summary>
internal sealed class ScrapeSchedule
{
    /// <summary>Prometheus's ScrapeTimestampTolerance.</summary>
    private static readonly TimeSpan MostTolerance = TimeSpan.FromMilliseconds(2);

    private readonly TimeSpan interval;
    private readonly TimeProvider time;
    private readonly long tolerance; // milliseconds
    private long nextTick; // time.GetTimestamp()
    private long idealTimestamp = long.MinValue; // milliseconds since the Unix epoch

    /// <param name="atOnce">The first tick is now, and the second the target's own one that is at least half an interval away.</param>
    public ScrapeSchedule(Target target, TimeSpan interval, bool atOnce, TimeProvider time)
    {
        this.interval = interval;
        this.time = time;
        tolerance = (long)Math.Min(MostTolerance.TotalMilliseconds, interval.TotalMilliseconds / 100);
        var untilOwn = UntilOwnTick(target, interval, time.GetUtcNow());
        nextTick = time.GetTimestamp();
        if (atOnce)
            FirstInterval = untilOwn >= interval / 2 ? untilOwn : untilOwn + interval;
        else
            nextTick += Ticks(untilOwn);
    }

    /// <summary>Between the first tick and the second, where the first was at once.</summary>
    private TimeSpan? FirstInterval { get; set; }

    /// <summary>Waits for the next tick. Ticks that passed meanwhile are left out.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        var now = time.GetTimestamp();
        if (nextTick > now)
            await Task.Delay(time.GetElapsedTime(now, nextTick), time, cancellation);
        cancellation.ThrowIfCancellationRequested();
        now = time.GetTimestamp();
        var step = Ticks(FirstInterval ?? interval);
        if (FirstInterval is not null)
        {
            // The ticks to come have another phase: this one was out of turn.
            idealTimestamp = long.MinValue;
            FirstInterval = null;
        }
        do
        {
            nextTick += step;
            step = Ticks(interval);
        }
        while (nextTick <= now);
    }

    /// <summary>
    /// The timestamp of a scrape that begins now, in milliseconds: the wall clock's time, snapped to the ideal tick when it is within
    /// min(2 ms, 1 % of the interval) of it, which makes timestamps compress well.
    /// </summary>
    public long Timestamp()
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
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
