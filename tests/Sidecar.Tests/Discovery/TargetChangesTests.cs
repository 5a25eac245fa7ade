using Microsoft.Extensions.Time.Testing;
using Sidecar.Discovery;

namespace Sidecar.Tests.Discovery;

/// <summary>How many targets there were at most in the last hour, and the last changes.</summary>
public sealed class TargetChangesTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 24, 0, 0, 30, TimeSpan.Zero));
    private readonly TargetChanges changes;

    public TargetChangesTests() => changes = new TargetChanges(time);

    private void Have(int count, bool isFirst = false) =>
        changes.Note(count, isFirst ? null : new TargetChange(time.GetUtcNow(), count, 0, 1, $"-{count}"));

    [Fact]
    public void A_target_that_is_gone_is_remembered_for_an_hour()
    {
        Assert.Equal(0, changes.Highest);
        Have(3, isFirst: true);
        Assert.Empty(changes.Last);
        time.Advance(TimeSpan.FromHours(5));
        Assert.Equal(3, changes.Highest);
        Have(2);
        time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(3, changes.Highest);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(2, changes.Highest);
        Assert.Equal("-2", Assert.Single(changes.Last).Names);
    }

    /// <summary>An API server that is replaced: less for a minute, and then as many as before.</summary>
    [Fact]
    public void A_short_dip_and_a_short_peak_count_with_the_minute_in_which_they_were()
    {
        Have(3, isFirst: true);
        time.Advance(TimeSpan.FromMinutes(90));
        Have(2);
        Have(3);
        Have(4);
        Have(3);
        Assert.Equal(4, changes.Highest);
        time.Advance(TimeSpan.FromMinutes(61));
        Assert.Equal(3, changes.Highest);
    }

    [Fact]
    public void Only_the_last_changes_are_kept_newest_first()
    {
        for (var i = 0; i < 1000; i++)
            Have(i);
        Assert.Equal(Enumerable.Range(0, TargetChanges.Most).Select(i => 999 - i), changes.Last.Select(c => c.Count));
        Assert.Equal(999, changes.Highest);
    }

    [Fact]
    public void A_clock_that_is_set_back_changes_nothing()
    {
        Have(3, isFirst: true);
        Have(2);
        time.AdjustTime(time.GetUtcNow() - TimeSpan.FromHours(3));
        Assert.Equal(3, changes.Highest);
        Have(1);
        Assert.Equal(3, changes.Highest);
    }
}
