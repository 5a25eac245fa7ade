using Sidecar.Records;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>Samples that bring timestamps of their own.</summary>
public sealed class ExplicitTimestampTests
{
    [Fact]
    public void Explicit_timestamps_are_used_with_honor_timestamps()
    {
        using var target = new ScrapeFixture();
        Assert.Equal(["a 1 @900", "b 2 @1000", "up 1 @1000"], target.Sent("a 1 900\nb 2\n", 1000));
        AssertDropped(target, added: 2);
        Assert.Equal(["a 1 @1900", "b 2 @2000", "up 1 @2000"], target.Sent("a 1 1900\nb 2\n", 2000));
        AssertDropped(target, added: 0);
    }

    [Fact]
    public void Explicit_timestamps_are_ignored_without_honor_timestamps()
    {
        using var target = new ScrapeFixture(honorTimestamps: false);
        Assert.Equal(["a 1 @1000", "up 1 @1000"], target.Sent("a 1 900\na 2 950\n", 1000));
        Assert.Equal(1, target.Outcome.Duplicates);
        Assert.Equal(["a stale @2000", "up 1 @2000"], target.Sent("", 2000));
    }

    [Fact]
    public void A_sample_not_newer_than_the_last_of_its_series_is_dropped_and_counted()
    {
        using var target = new ScrapeFixture();
        target.Sent("a 1 900\n", 1000);
        Assert.Equal(["up 1 @2000"], target.Sent("a 1 900\n", 2000));
        AssertDropped(target, outOfOrder: 1);
        Assert.Equal(["up 1 @3000"], target.Sent("a 1 899\n", 3000));
        AssertDropped(target, outOfOrder: 1);
        Assert.Equal(["a 1 @901", "up 1 @4000"], target.Sent("a 1 901\n", 4000));
        AssertDropped(target);
        target.Sent(null, 5000);
        Assert.Equal(["up 1 @6000"], target.Sent("a 1 901\n", 6000)); // a failed scrape forgets nothing
        AssertDropped(target, outOfOrder: 1);
    }

    [Fact]
    public void One_series_may_come_with_several_rising_timestamps()
    {
        using var target = new ScrapeFixture();
        var scrape = target.Scrape("a 1 700\na 2 800\na 3 750\na 4 800\nb 5\na 6 900\n", 1000);
        Assert.True(scrape.Scrape.IsOrdered);
        Assert.Equal(["a 1 @700", "a 2 @800", "b 5 @1000", "a 6 @900", "up 1 @1000"], ScrapeFixture.Lines(target.Send(scrape)));
        AssertDropped(target, outOfOrder: 2, added: 2);
        var plain = target.Scrape("a 1 901\nb 5\n", 2000);
        Assert.False(plain.Scrape.IsOrdered);
        plain.Release();
    }

    [Fact]
    public void More_than_ten_minutes_in_the_future_is_dropped_and_counted()
    {
        using var target = new ScrapeFixture();
        Assert.Equal(["a 1 @601000", "c 3 @1000", "up 1 @1000"], target.Sent("a 1 601000\nb 2 601001\nc 3\n", 1000));
        AssertDropped(target, outOfBounds: 1, added: 2);
        Assert.Equal(["b 2 @5000", "c 3 @2000", "up 1 @2000"], target.Sent("a 1 601000\nb 2 5000\nc 3\n", 2000));
        AssertDropped(target, outOfOrder: 1, added: 1);
    }

    [Fact]
    public void Series_with_explicit_timestamps_get_no_markers()
    {
        using var target = new ScrapeFixture();
        target.Sent("a 1 900\nb 2\n", 1000);
        Assert.Equal(["b 2 @2000", "up 1 @2000"], target.Sent("b 2\n", 2000));
        target.Sent("a 1 2900\nb 2\n", 3000);
        Assert.Equal(["b stale @4000", "up 0 @4000"], target.Sent(null, 4000));
        target.Sent("a 1 4900\nb 2\n", 5000);
        Assert.Equal(["b stale @6000", "up stale @6000"], ScrapeFixture.Lines(target.Send(target.End(6000))));
    }

    [Fact]
    public void Series_with_explicit_timestamps_get_markers_when_they_are_tracked()
    {
        using var target = new ScrapeFixture(trackTimestamps: true);
        target.Sent("a 1 900\nb 2\n", 1000);
        Assert.Equal(["b 2 @2000", "a stale @2000", "up 1 @2000"], target.Sent("b 2\n", 2000));
        Assert.Equal(["b 2 @3000", "up 1 @3000"], target.Sent("b 2\n", 3000));
        Assert.Equal(["a 1 @3900", "b 2 @4000", "up 1 @4000"], target.Sent("a 1 3900\nb 2\n", 4000));
        Assert.Equal(["a stale @5000", "b stale @5000", "up 0 @5000"], target.Sent(null, 5000));
    }

    [Fact]
    public void A_tracked_series_that_repeats_its_timestamp_has_not_vanished()
    {
        using var target = new ScrapeFixture(trackTimestamps: true);
        target.Sent("a 1 900\n", 1000);
        Assert.Equal(["up 1 @2000"], target.Sent("a 1 900\n", 2000));
        AssertDropped(target, outOfOrder: 1);
        Assert.Equal(["a stale @3000", "up 1 @3000"], target.Sent("", 3000));
    }

    [Theory]
    [InlineData(1999, "a 5 @1999|a stale @2000|up 1 @2000")]
    // Markers must not go back in time, nor meet a sample of the same time.
    [InlineData(2000, "a 5 @2000|up 1 @2000")]
    [InlineData(2001, "a 5 @2001|up 1 @2000")]
    // As old as the last scrape, or older: out of order.
    [InlineData(1000, "a stale @2000|up 1 @2000")]
    [InlineData(999, "a stale @2000|up 1 @2000")]
    public void A_series_that_goes_over_to_explicit_timestamps_gets_a_marker(long own, string expected)
    {
        using var target = new ScrapeFixture();
        target.Sent("a 1\n", 1000);
        var scrape = target.Scrape($"a 5 {own}\n", 2000);
        var lines = ScrapeFixture.Lines(target.Send(scrape));
        Assert.Equal(expected.Split('|'), lines);
        Assert.True(scrape.Scrape.IsOrdered || lines.Count(l => l.StartsWith("a ", StringComparison.Ordinal)) == 1);
        AssertDropped(target, outOfOrder: own <= 1000 ? 1 : 0);
        Assert.Equal(["up 1 @3000"], target.Sent("", 3000));
    }

    [Fact]
    public void A_series_that_goes_over_to_the_scrape_s_timestamps_keeps_its_order()
    {
        using var target = new ScrapeFixture();
        target.Sent("a 1 900\nb 1 2000\nc 1 9000\n", 1000);
        Assert.Equal(["a 2 @2000", "up 1 @2000"], target.Sent("a 2\nb 2\nc 2\n", 2000));
        AssertDropped(target, outOfOrder: 2);
        Assert.Equal(["b 3 @3000", "a stale @3000", "up 1 @3000"], target.Sent("b 3\n", 3000));
    }

    [Theory]
    [InlineData("a 1 900\na 2\n", "a 1 @900|up 1 @1000", 1, 0)] // the first wins
    [InlineData("a 1\na 2 900\n", "a 1 @1000|up 1 @1000", 0, 1)]
    [InlineData("a 1\na 2 1000\n", "a 1 @1000|up 1 @1000", 0, 1)]
    [InlineData("a 1\na 2 1100\n", "a 1 @1000|a 2 @1100|up 1 @1000", 0, 0)]
    public void One_series_with_and_without_timestamps_keeps_its_order(string text, string expected, int duplicates, int outOfOrder)
    {
        using var target = new ScrapeFixture();
        Assert.Equal(expected.Split('|'), target.Sent(text, 1000));
        AssertDropped(target, outOfOrder: outOfOrder, added: 1);
        Assert.Equal(duplicates, target.Outcome.Duplicates);
    }

    private static void AssertDropped(ScrapeFixture target, int outOfOrder = 0, int outOfBounds = 0, int added = 0)
    {
        var outcome = target.Outcome;
        Assert.True(outcome.Failure.IsNone);
        Assert.Equal((outOfOrder, outOfBounds, added), (outcome.OutOfOrder, outcome.OutOfBounds, outcome.Added));
    }
}
