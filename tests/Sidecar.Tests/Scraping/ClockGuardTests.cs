using Microsoft.Extensions.Time.Testing;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>A clock that is wrong keeps scrapes from being made for ten minutes at most, and what is from the future not at all.</summary>
public sealed class ClockGuardTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData(-3600, true)]
    [InlineData(0, true)]
    [InlineData(600, true)]
    [InlineData(601, false)]
    [InlineData(86_400, false)]
    public void What_was_made_before_counts_unless_it_is_from_the_future(int secondsAhead, bool counts)
    {
        var guard = new ClockGuard(time);
        Assert.Equal(counts, guard.TryRecall(Now(secondsAhead)));
        Assert.Equal(counts ? Now(secondsAhead) : null, guard.Last);
        Assert.Equal(!counts || secondsAhead < 0, guard.Allows(Now(), out _));
        Assert.True(guard.Allows(Now(601), out var isSetBack));
        Assert.False(isSetBack);
    }

    [Fact]
    public void A_clock_that_is_set_back_makes_ten_minutes_of_silence_and_then_scraping_goes_on()
    {
        var guard = new ClockGuard(time);
        guard.Made(Now());
        time.SetUtcNow(time.GetUtcNow().AddSeconds(1)); // FakeTimeProvider does not go back: the timestamps do
        var silent = 0;
        var back = -24 * 3600;
        while (!guard.Allows(Now(back), out var isSetBack))
        {
            Assert.False(isSetBack);
            Assert.True(++silent <= 40, "silent for longer than ten minutes");
            time.Advance(TimeSpan.FromSeconds(15));
        }
        Assert.Equal(40, silent);
        Assert.True(guard.Allows(Now(back), out var isOver));
        Assert.True(isOver);
        guard.Made(Now(back));
        time.Advance(TimeSpan.FromSeconds(15));
        Assert.True(guard.Allows(Now(back), out isOver));
        Assert.False(isOver);
    }

    [Fact]
    public void A_clock_that_catches_up_ends_the_silence()
    {
        var guard = new ClockGuard(time);
        guard.Made(Now());
        Assert.False(guard.Allows(Now(-60), out _));
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.True(guard.Allows(Now(-60), out var isSetBack));
        Assert.False(isSetBack);
    }

    private long Now(int secondsAhead = 0) => time.GetUtcNow().AddSeconds(secondsAhead).ToUnixTimeMilliseconds();
}
