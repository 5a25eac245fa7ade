using Sidecar.Primitives;

namespace Sidecar.Scraping;

/// <summary>The last scrape of a target and what came before it, for people to look at. Never changes.</summary>
internal sealed class LastScrape
{
    /// <summary>Null before the first one ended.</summary>
    public DateTimeOffset? Started { get; init; }

    public TimeSpan Duration { get; init; }
    public Failure Failure { get; init; }

    /// <summary>What the target served.</summary>
    public int Samples { get; init; }

    /// <summary>What was queued of it, markers and report included.</summary>
    public int Sent { get; init; }

    /// <summary>Bytes that it takes in the queue.</summary>
    public long Size { get; init; }

    public long Failures { get; init; }

    /// <summary>Since when no scrape succeeded; null when the last one did.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>When a scrape last succeeded; null for never.</summary>
    public DateTimeOffset? LastGood { get; init; }

    public UpDown Hour { get; init; }

    public LastScrape Next(DateTimeOffset started, TimeSpan duration, ScrapeOutcome outcome, int sent, long size)
    {
        var isGood = outcome.Failure.IsNone;
        return new LastScrape
        {
            Started = started,
            Duration = duration,
            Failure = outcome.Failure,
            Samples = outcome.Scraped,
            Sent = sent,
            Size = size,
            Failures = Failures + (isGood ? 0 : 1),
            FailingSince = isGood ? null : FailingSince ?? started,
            LastGood = isGood ? started : LastGood,
            Hour = Hour.With(started, isGood),
        };
    }
}

/// <summary>Whether a target was up in each minute of an hour: a minute with a failed scrape counts as down.</summary>
/// <param name="Minute">The newest one, since the Unix epoch; it is the lowest bit.</param>
/// <param name="Scraped">Minutes in which a scrape ended.</param>
/// <param name="Down">Those in which one failed.</param>
internal readonly record struct UpDown(long Minute, ulong Scraped, ulong Down)
{
    public const int Minutes = 60;

    public UpDown With(DateTimeOffset at, bool isUp)
    {
        var moved = At(at);
        return moved with { Scraped = moved.Scraped | 1, Down = moved.Down | (isUp ? 0ul : 1) };
    }

    public UpDown At(DateTimeOffset now)
    {
        var minute = now.ToUnixTimeSeconds() / 60;
        var passed = minute - Minute;
        return passed switch
        {
            <= 0 => this, // the clock was set back
            >= Minutes => new UpDown(minute, 0, 0),
            _ => new UpDown(minute, Scraped << (int)passed, Down << (int)passed),
        };
    }
}
