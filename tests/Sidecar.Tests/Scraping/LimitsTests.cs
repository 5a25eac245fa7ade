using Sidecar.Primitives;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// A limit that is exceeded fails the whole scrape, as in Prometheus (scrape/scrape.go: limitAppender, verifyLabelLimits).
/// </summary>
public sealed class LimitsTests
{
    [Fact]
    public void As_many_samples_as_the_sample_limit_are_good()
    {
        using var target = new ScrapeFixture(sampleLimit: 2);
        Assert.Equal(["a 1 @1000", "b 2 @1000", "up 1 @1000"], target.Sent("a 1\nb 2\n", 1000));
        Assert.False(target.Outcome.IsOverSampleLimit);
    }

    [Fact]
    public void One_sample_more_fails_the_scrape_and_all_are_counted()
    {
        using var target = new ScrapeFixture(sampleLimit: 2);
        target.Sent("a 1\nb 2\n", 1000);
        Assert.Equal(["a stale @2000", "b stale @2000", "up 0 @2000"], target.Sent("a 1\nc 2\nd 3\ne 4\n", 2000));
        var outcome = target.Outcome;
        Assert.Equal((FailureReason.SampleLimit, true, 4, 4, 1),
            (outcome.Failure.Reason, outcome.IsOverSampleLimit, outcome.Scraped, outcome.PostRelabeling, outcome.Added));
        Assert.Equal("the target has 4 samples, and SIDECAR_SAMPLE_LIMIT is 2", outcome.Failure.Message);
        Assert.Equal(["a 1 @3000", "b 2 @3000", "up 1 @3000"], target.Sent("a 1\nb 2\n", 3000));
    }

    [Fact]
    public void Repeated_series_do_not_count_towards_the_sample_limit()
    {
        using var target = new ScrapeFixture(sampleLimit: 2);
        Assert.Equal(["a 1 @1000", "b 3 @1000", "up 1 @1000"], target.Sent("a 1\na 2\nb 3\nb 4\na 5\n", 1000));
        Assert.Equal(3, target.Outcome.Duplicates);
        Assert.Equal(["a stale @2000", "b stale @2000", "up 0 @2000"], target.Sent("a 1\na 2\nb 3\nb 4\nc 5\n", 2000));
    }

    [Fact]
    public void Samples_that_are_left_out_for_their_time_count_towards_the_sample_limit()
    {
        using var target = new ScrapeFixture(sampleLimit: 2);
        Assert.Equal(["up 0 @1000"], target.Sent("a 1\nb 2 9999999999999\nc 3\n", 1000));
        Assert.Equal(FailureReason.SampleLimit, target.Outcome.Failure.Reason);
    }

    [Fact]
    public void An_error_behind_the_limit_is_the_reason_and_the_limit_is_counted_still()
    {
        using var target = new ScrapeFixture(sampleLimit: 1);
        Assert.Equal(["up 0 @1000"], target.Sent("a 1\nb 2\nbroken\n", 1000));
        Assert.Equal((FailureReason.Parse, true, 2),
            (target.Outcome.Failure.Reason, target.Outcome.IsOverSampleLimit, target.Outcome.Scraped));
    }

    public static TheoryData<string, int, int, int, string?> LabelCases => new()
    {
        // The name, job and instance count too.
        { "a 1\n", 3, 0, 0, null },
        { "a{b=\"c\"} 1\n", 4, 0, 0, null },
        { "a{b=\"c\"} 1\n", 3, 0, 0, "sample 1, a: the series has 4 labels, and SIDECAR_LABEL_LIMIT is 3" },
        { "a{b=\"\"} 1\n", 3, 0, 0, null }, // empty is no label
        { "a{job=\"x\"} 1\n", 3, 0, 0, "the series has 4 labels" }, // exported_job
        { "a 1\n", 0, 8, 0, null }, // __name__ and instance
        { "a 1\n", 0, 7, 0, "the label name __name__ has 8 bytes, and SIDECAR_LABEL_NAME_LENGTH_LIMIT is 7" },
        { "a{b23456789=\"c\"} 1\n", 0, 9, 0, null },
        { "a{b234567890=\"c\"} 1\n", 0, 9, 0, "sample 1, a: the label name b234567890 has 10 bytes" },
        { "a{job=\"x\"} 1\n", 0, 11, 0, "the label name exported_job has 12 bytes" },
        { "ok 1\na{b=\"12345\"} 1\n", 0, 0, 5, null },
        { "ok 1\na{b=\"123456\"} 1\n", 0, 0, 5,
        "sample 2, a: the value of the label b has 6 bytes, and SIDECAR_LABEL_VALUE_LENGTH_LIMIT is 5: 123456" },
        { "a23456 1\n", 0, 0, 5, "the value of the label __name__ has 6 bytes" },
        { "a{b=\"ééé\"} 1\n", 0, 0, 5, "has 6 bytes" }, // bytes, not characters
        { "a 1\n", 0, 0, 2, "the value of the label instance has 3 bytes" },
    };

    [Theory, MemberData(nameof(LabelCases))]
    public void Label_limits_hold_for_every_label_as_it_is_stored(string body, int count, int name, int value, string? failure)
    {
        using var target = new ScrapeFixture(labelLimits: new LabelLimits(count, name, value),
            external: [("a_long_external_label", "of a long value")]);
        var up = target.Sent(body, 1000)[^1];
        Assert.EndsWith(failure is null ? " 1 @1000" : " 0 @1000", up);
        Assert.Equal(failure is null ? FailureReason.None : FailureReason.LabelLimit, target.Outcome.Failure.Reason);
        Assert.Contains(failure ?? "", target.Outcome.Failure.Message ?? "");
    }

    [Fact]
    public void A_label_limit_ends_the_counting()
    {
        using var target = new ScrapeFixture(labelLimits: new LabelLimits(3, 0, 0));
        Assert.Equal(["up 0 @1000"], target.Sent("a 1\nb{c=\"d\"} 2\ne 3\n", 1000));
        Assert.Equal((2, 1, 1), (target.Outcome.Scraped, target.Outcome.PostRelabeling, target.Outcome.Added));
    }
}
