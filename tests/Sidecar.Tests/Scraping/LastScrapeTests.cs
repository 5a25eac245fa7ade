using Sidecar.Primitives;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>What is remembered of a target from scrape to scrape.</summary>
public sealed class LastScrapeTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    /// <summary>A scrape every 15 s from <see cref="Start"/>: each letter one of them, u for up and d for down.</summary>
    private static LastScrape After(string scrapes)
    {
        var last = new LastScrape();
        for (var i = 0; i < scrapes.Length; i++)
        {
            var failure = scrapes[i] == 'u' ? default : new Failure(FailureReason.Timeout, "late");
            var outcome = new ScrapeOutcome { Failure = failure, Scraped = i };
            last = last.Next(Start + TimeSpan.FromSeconds(15 * i), TimeSpan.FromSeconds(1), outcome, sent: i + 5, size: 1000);
        }
        return last;
    }

    [Theory]
    [InlineData("", 0, null, null)]
    [InlineData("u", 0, null, 0)]
    [InlineData("d", 1, 0, null)]
    [InlineData("uudd", 2, 30, 15)]
    [InlineData("uddu", 2, null, 45)]
    [InlineData("ddud", 3, 45, 30)]
    public void It_knows_since_when_it_fails_and_when_it_last_succeeded(string scrapes, int failures, int? failingSince, int? lastGood)
    {
        var last = After(scrapes);
        Assert.Equal(failures, last.Failures);
        Assert.Equal(failingSince is null ? null : Start.AddSeconds(failingSince.Value), last.FailingSince);
        Assert.Equal(lastGood is null ? null : Start.AddSeconds(lastGood.Value), last.LastGood);
    }

    [Fact]
    public void A_minute_with_one_failure_is_down_and_moves_out_of_the_hour()
    {
        var hour = After("uuuu" + "uduu" + "uuuu").Hour;
        Assert.Equal(0b111ul, hour.Scraped);
        Assert.Equal(0b010ul, hour.Down);
        var later = hour.At(Start + TimeSpan.FromMinutes(60));
        Assert.Equal(0b010ul << 58, later.Down);
        Assert.Equal((0ul, 0ul), (hour.At(Start.AddHours(3)).Scraped, hour.At(Start.AddHours(3)).Down));
        Assert.Equal(hour, hour.At(Start.AddHours(-3))); // the clock was set back
    }
}
