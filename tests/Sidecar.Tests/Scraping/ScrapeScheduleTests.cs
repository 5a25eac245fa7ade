using Microsoft.Extensions.Time.Testing;
using Sidecar.Discovery;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// When targets are scraped, and the timestamps of their samples (semantics of Prometheus's scrape/scrape.go and scrape/target.go).
/// </summary>
public sealed class ScrapeScheduleTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private readonly FakeTimeProvider time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123));

    [Theory]
    [InlineData(15_000, 0, true)]
    [InlineData(15_000, 2, true)]
    [InlineData(15_000, -2, true)]
    [InlineData(15_000, 3, false)]
    [InlineData(100, 1, true)] // 1 % of the interval
    [InlineData(100, 2, false)]
    public void The_timestamp_is_snapped_to_the_ideal_tick_when_it_is_near(int interval, int late, bool isSnapped)
    {
        var schedule = new ScrapeSchedule(ScrapeFixture.MakeTarget("h:1"), TimeSpan.FromMilliseconds(interval), atOnce: false, time);
        var first = schedule.Timestamp();
        Assert.Equal(1_700_000_000_123, first);
        time.Advance(TimeSpan.FromMilliseconds((3 * interval) + late));
        Assert.Equal(first + (3 * interval) + (isSnapped ? 0 : late), schedule.Timestamp());
    }

    [Fact]
    public async Task Each_target_has_an_offset_of_its_own_that_a_restart_does_not_change()
    {
        var places = new HashSet<long>();
        for (var i = 0; i < 20; i++)
        {
            var target = ScrapeFixture.MakeTarget($"h:{i}");
            Assert.InRange(await FirstTickAsync(target, atOnce: false), 0, Interval.TotalMilliseconds);
            var place = Place();
            time.Advance(TimeSpan.FromSeconds(7.3));
            await FirstTickAsync(target, atOnce: false);
            Assert.InRange(Place(), place - 1, place + 1);
            places.Add(place);
        }
        Assert.InRange(places.Count, 15, 20);
    }

    [Fact]
    public async Task The_very_first_scrape_comes_at_once_where_there_are_few_targets() =>
        Assert.Equal(0, await FirstTickAsync(ScrapeFixture.MakeTarget("h:1"), atOnce: true));

    [Fact]
    public async Task After_a_first_scrape_at_once_the_target_goes_to_its_own_place()
    {
        for (var i = 0; i < 10; i++)
        {
            var target = ScrapeFixture.MakeTarget($"h:{i}");
            await FirstTickAsync(target, atOnce: false);
            var place = Place();
            time.Advance(TimeSpan.FromSeconds(1.3 * i));
            var schedule = new ScrapeSchedule(target, Interval, atOnce: true, time);
            await schedule.WaitAsync(TestContext.Current.CancellationToken);
            // No gap is longer than the interval, and no scrape follows at the heels of another.
            Assert.InRange(await NextTickAsync(schedule), 7_499, 15_001);
            if (Math.Abs(Place() - place) > 1)
                Assert.InRange(await NextTickAsync(schedule), 7_499, 15_001);
            Assert.InRange(Place(), place - 1, place + 1);
            Assert.Equal(15_000, await NextTickAsync(schedule), 1.0);
        }
    }

    [Fact]
    public async Task Timestamps_are_snapped_after_a_first_scrape_at_once_too()
    {
        var schedule = new ScrapeSchedule(ScrapeFixture.MakeTarget("h:1"), Interval, atOnce: true, time);
        for (var i = 0; i < 4; i++)
        {
            await NextTickAsync(schedule);
            schedule.Timestamp();
        }
        var before = schedule.Timestamp();
        await NextTickAsync(schedule);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(before + 15_000, schedule.Timestamp());
    }

    [Fact]
    public async Task Ticks_that_passed_meanwhile_are_left_out()
    {
        var schedule = new ScrapeSchedule(ScrapeFixture.MakeTarget("h:1"), Interval, atOnce: false, time);
        await NextTickAsync(schedule);
        time.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(0, await NextTickAsync(schedule)); // the one that is due
        Assert.Equal(5000, await NextTickAsync(schedule), 1.0);
    }

    /// <summary>Milliseconds within the interval.</summary>
    private long Place() => time.GetUtcNow().ToUnixTimeMilliseconds() % 15_000;

    private Task<double> FirstTickAsync(Target target, bool atOnce) => NextTickAsync(new ScrapeSchedule(target, Interval, atOnce, time));

    /// <summary>Milliseconds until the next tick; the time passes.</summary>
    private async Task<double> NextTickAsync(ScrapeSchedule schedule)
    {
        var before = time.GetUtcNow();
        var waiting = schedule.WaitAsync(TestContext.Current.CancellationToken);
        while (!waiting.IsCompleted)
            time.Advance(TimeSpan.FromMilliseconds(1));
        await waiting;
        return (time.GetUtcNow() - before).TotalMilliseconds;
    }
}
