using Microsoft.Extensions.Time.Testing;
using Sidecar.Primitives;
using Sidecar.Sending;

namespace Sidecar.Tests.Sending;

public sealed class RefusedSeriesTests
{
    private static readonly Failure Refusal = new(FailureReason.HttpStatus, "no");

    private readonly FakeTimeProvider time = new();
    private readonly RefusedSeries known;

    public RefusedSeriesTests() => known = new RefusedSeries(time);

    [Fact]
    public void A_series_is_left_out_longer_each_time_up_to_ten_minutes()
    {
        foreach (var minutes in (int[])[1, 2, 4, 8, 10, 10])
        {
            known.Add(7, "t", 3, Refusal);
            time.Advance(TimeSpan.FromMinutes(minutes) - TimeSpan.FromMilliseconds(1));
            Assert.True(known.IsLeftOut(7, out var words));
            Assert.Equal(Refusal, words);
            time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.False(known.IsLeftOut(7, out _));
            Assert.True(known.Contains(7)); // suspected first, should it be refused again
        }
        known.Remove([7], i => (ulong)i);
        Assert.False(known.Contains(7));
        Assert.False(known.MayBeIn("t", 3));
    }

    [Fact]
    public void It_is_looked_for_where_it_was_and_beside()
    {
        Assert.False(known.MayBeIn("t", 3));
        known.Add(7, "t", 3, Refusal);
        Assert.Equal([false, true, true, true, false], Enumerable.Range(1, 5).Select(request => known.MayBeIn("t", request)));
        Assert.False(known.MayBeIn("other", 3));
    }

    [Fact]
    public void Memory_is_bounded_and_what_is_long_gone_makes_room()
    {
        for (var i = 0; i < RefusedSeries.Most + 5; i++)
            known.Add((ulong)i, "t", i / 2000, Refusal);
        Assert.Equal(RefusedSeries.Most, known.Count);
        Assert.False(known.Contains(RefusedSeries.Most));
        time.Advance(TimeSpan.FromMinutes(61));
        known.Add(RefusedSeries.Most, "t", 9, Refusal);
        Assert.Equal(1, known.Count);
        Assert.False(known.MayBeIn("t", 0));
        Assert.True(known.MayBeIn("t", 9));
    }
}
