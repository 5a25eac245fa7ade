using Microsoft.Extensions.Time.Testing;
using Sidecar.Sending;

namespace Sidecar.Tests.Sending;

public sealed class RetryScheduleTests
{
    private readonly FakeTimeProvider time = new();

    [Theory]
    [InlineData(1, 30)]
    [InlineData(2, 60)]
    [InlineData(3, 120)]
    [InlineData(8, 3840)]
    [InlineData(9, 5000)]
    [InlineData(31, 5000)]
    [InlineData(1_000_000, 5000)]
    public void Backoff_doubles_to_its_maximum_with_jitter(int attempt, int milliseconds)
    {
        var schedule = new RetrySchedule(TimeSpan.FromMilliseconds(30), TimeSpan.FromSeconds(5), time);
        for (var i = 0; i < 100; i++)
            Assert.InRange(schedule.Wait(attempt).TotalMilliseconds, milliseconds / 2.0 - 0.001, milliseconds + 0.001);
    }

    [Fact]
    public void The_longest_backoffs_that_can_be_configured_do_not_overflow()
    {
        var schedule = new RetrySchedule(TimeSpan.FromDays(365), TimeSpan.FromDays(3650), time);
        Assert.InRange(schedule.Wait(100).TotalDays, 1824, 3651);
    }

    [Fact]
    public void Retry_after_is_obeyed_by_all_requests()
    {
        var schedule = new RetrySchedule(TimeSpan.FromMilliseconds(30), TimeSpan.FromSeconds(5), time);
        schedule.Obey(TimeSpan.FromSeconds(60));
        Assert.Equal(60, schedule.Wait(1).TotalSeconds, 0.001);
        time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(40, schedule.Wait(1).TotalSeconds, 0.001);
        Assert.Equal(40, schedule.Wait(7).TotalSeconds, 0.001);
        time.Advance(TimeSpan.FromSeconds(40));
        Assert.InRange(schedule.Wait(1).TotalMilliseconds, 14.9, 30.1);
    }

    [Fact]
    public void A_short_retry_after_does_not_shorten_the_backoff()
    {
        var schedule = new RetrySchedule(TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(4), time);
        schedule.Obey(TimeSpan.FromMilliseconds(1));
        Assert.InRange(schedule.Wait(1).TotalSeconds, 1.99, 4.01);
    }

    [Theory]
    [InlineData(-60)]
    [InlineData(0)]
    public void A_retry_after_that_has_passed_changes_nothing(int seconds)
    {
        var schedule = new RetrySchedule(TimeSpan.FromMilliseconds(30), TimeSpan.FromSeconds(5), time);
        schedule.Obey(TimeSpan.FromSeconds(seconds));
        Assert.InRange(schedule.Wait(1).TotalMilliseconds, 14.9, 30.1);
    }

    [Fact]
    public void A_mistaken_retry_after_is_capped()
    {
        var schedule = new RetrySchedule(TimeSpan.FromMilliseconds(30), TimeSpan.FromSeconds(5), time);
        schedule.Obey(TimeSpan.MaxValue);
        Assert.Equal(RetrySchedule.LongestRetryAfter.TotalSeconds, schedule.Wait(1).TotalSeconds, 0.001);
    }

    /// <summary>Prometheus bounds it by its longest backoff; a minute is what overloaded receivers ask for.</summary>
    [Theory]
    [InlineData(5, 3600, 60)]
    [InlineData(5, 60, 60)]
    [InlineData(5, 20, 20)]
    [InlineData(300, 3600, 300)]
    [InlineData(300, 20, 20)]
    public void Retry_after_is_bounded_by_a_minute_or_the_longest_backoff(int maxBackoff, int asked, int obeyed)
    {
        var schedule = new RetrySchedule(TimeSpan.FromMilliseconds(30), TimeSpan.FromSeconds(maxBackoff), time);
        Assert.Equal(obeyed, schedule.Obey(TimeSpan.FromSeconds(asked)).TotalSeconds);
        Assert.Equal(obeyed, schedule.Wait(0).TotalSeconds, 0.001); // a first attempt waits too
        Assert.Equal(obeyed, schedule.Wait(1).TotalSeconds, 0.001);
        time.Advance(TimeSpan.FromSeconds(obeyed));
        Assert.Equal(TimeSpan.Zero, schedule.Wait(0));
    }

    /// <summary>Also where the answer comes when it has been passed over already.</summary>
    [Fact]
    public void What_is_asked_of_attempts_before_the_end_is_passed_over_and_of_later_ones_obeyed()
    {
        var schedule = new RetrySchedule(TimeSpan.FromMilliseconds(30), TimeSpan.FromSeconds(5), time);
        schedule.Obey(TimeSpan.FromSeconds(20));
        schedule.PassOver();
        schedule.Obey(TimeSpan.FromSeconds(20));
        Assert.Equal(TimeSpan.Zero, schedule.Wait(0));
        schedule.Obey(TimeSpan.FromSeconds(20), isAtEnd: true);
        Assert.Equal(20, schedule.Wait(0).TotalSeconds, 0.001);
    }
}
