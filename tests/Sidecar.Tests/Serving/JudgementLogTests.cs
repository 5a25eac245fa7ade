using Microsoft.Extensions.Time.Testing;
using Sidecar.Primitives;
using Sidecar.Serving;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>The log follows the judgement: what begins to be lost and when that is over, and that the first scrapes have arrived.</summary>
public sealed class JudgementLogTests : IDisposable
{
    private readonly FakeTimeProvider time = new(SomeOverview.Now);
    private readonly StringWriter output = new();
    private readonly Metrics metrics = SomeOverview.Metrics();
    private readonly JudgementLog follower;
    private ProcessFacts facts;

    public JudgementLogTests()
    {
        var log = new Log(output, LogLevel.Info, LogFormat.Logfmt, time);
        facts = SomeOverview.Facts([SomeOverview.Target("a", isScraped: false), SomeOverview.Target("b", isScraped: false)], metrics);
        follower = new JudgementLog(() => Judgement.Of(facts with { Now = time.GetUtcNow() }), log,
            new InternalErrors(metrics, log, time), time);
    }

    public void Dispose()
    {
        follower.Dispose();
        output.Dispose();
    }

    private void AllIsWell() =>
        facts = SomeOverview.Facts([SomeOverview.Target("a"), SomeOverview.Target("b")], metrics) with { HasSent = true };

    /// <summary>What is written while so many looks are taken.</summary>
    private string After(int looks)
    {
        output.GetStringBuilder().Clear();
        for (; looks > 0; looks--)
            time.Advance(JudgementLog.Interval);
        return output.ToString();
    }

    [Fact]
    public void The_first_deliveries_are_told_once_when_every_target_was_scraped()
    {
        Assert.Equal("", After(10));
        facts = SomeOverview.Facts([SomeOverview.Target("a"), SomeOverview.Target("b", isScraped: false)], metrics) with { HasSent = true };
        Assert.Equal("", After(10));
        AllIsWell();
        facts = facts with { OldestWaiting = time.GetUtcNow() - TimeSpan.FromSeconds(10) };
        Assert.Equal("", After(10)); // some of it waits
        facts = facts with { OldestWaiting = null };
        Assert.Contains("level=info msg=\"First scrapes delivered: 299,642 samples of 2 targets\"\n", After(10));
        Assert.Equal("", After(10));
    }

    [Fact]
    public void A_target_that_fails_does_not_hold_the_line_back_and_is_counted_in_it()
    {
        facts = SomeOverview.Facts([SomeOverview.Target("a"), SomeOverview.Target("b", "away")], metrics) with { HasSent = true };
        Assert.Contains("msg=\"First scrapes delivered: 149,821 samples of 1 target\" failing=1\n", After(2));
    }

    [Fact]
    public void What_is_lost_is_an_error_from_when_it_holds_twice_until_it_is_over()
    {
        AllIsWell();
        After(2);
        var lossless = facts;
        facts = facts with { Sending = SomeOverview.Failing("400: bad tenant", 400), IsAllRefused = true };
        Assert.Equal("", After(1));
        var line = Assert.Single(After(5).TrimEnd().Split('\n'));
        Assert.Contains("level=error msg=\"The receiver refuses all that it is sent, and all of it is lost.\" condition=all_refused", line);
        Assert.Contains("since=2026-11-23T14:00:22.000Z error=\"400: bad tenant\" remedy=\"look at the receiver's log\"", line);
        facts = lossless;
        Assert.Contains("level=info msg=\"Over: The receiver refuses all that it is sent, and all of it is lost.\" condition=all_refused lasted=3m",
            After(5));
        Assert.Equal("", After(5));
    }

    [Fact]
    public void What_lasts_for_one_look_alone_and_what_the_log_tells_elsewhere_is_not_written()
    {
        AllIsWell();
        After(2);
        var lossless = facts;
        facts = facts with { DroppingSince = time.GetUtcNow() };
        Assert.Equal("", After(1));
        facts = lossless;
        Assert.Equal("", After(3));
        facts = facts with { Sending = SomeOverview.Failing("503", 503) }; // it waits: sending itself tells of that
        Assert.Equal("", After(3));
    }

    [Fact]
    public void A_bug_in_it_is_reported_and_it_goes_on()
    {
        facts = null!;
        Assert.Contains("A bug in the sidecar", After(1));
        AllIsWell();
        Assert.Contains("First scrapes delivered", After(2));
    }
}
