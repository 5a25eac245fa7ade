using System.Globalization;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Primitives;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// Bodies made to break or to fill a parser: each fails its scrape with words of bounded length, and the next scrape is good.
/// </summary>
public sealed class HostileBodyTests
{
    public static TheoryData<string, string> Bodies => new()
    {
        { "{A}0", "'=' must follow the label name" }, // ends a Prometheus 3.5.3
        { "{A}", "'=' must follow the label name" },
        { "{A", "'=' must follow the label name" },
        { "{", "a label name or '}' must stand here" },
        { "{}", "the sample has no name" },
        { "{}0", "the sample has no name" },
        { "{,}0", "a label name or '}' must stand here" },
        { "{\"", "never closed" },
        { "{\"a", "never closed" },
        { "{\"a\"", "'=' must follow the label name" },
        { "{\"a\"}", "a number must follow as the value" },
        { "a{", "a label name or '}' must stand here" },
        { "a{b", "'=' must follow the label name" },
        { "a{b=", "a label value in double quotes must follow '='" },
        { "a{b=\"\\", "a backslash stands at the end of the line" },
        { "a{b=\"c\"}", "a number must follow as the value" },
        { "a 1 9223372036854775808", "the timestamp does not fit 64 bits" },
        { "a 1e", "a number must follow as the value" },
        { "\0", "a metric name" },
        { "# TYPE", "" },
        { "# TYPE \"", "never closed" },
        { Labels(1025, 4), "more than 1024 labels" },
        { Labels(60_000, 4), "more than 1024 labels" },
        { Labels(200_000, 4), "is longer than" },
        { Labels(700, 100), "label names are longer than 65536 bytes" },
        { $"a{{{new string('n', 500_000)}=\"1\"}} 1\n", "label names are longer than 65536 bytes" },
        { $"{new string('a', 900_000)}{{b=\"1\",b=\"2\"}} 1\n", "occurs twice" },
        { "a{b=\"" + new string('x', SampleReader.LongestLine) + "\"} 1\n", "is longer than" },
    };

    [Theory, MemberData(nameof(Bodies))]
    public void It_fails_the_scrape_in_a_sentence_and_the_next_one_is_good(string body, string words)
    {
        using var fixture = new ScrapeFixture();
        fixture.Sent("good 1\n", 1000);
        var failed = fixture.Sent(body, 2000);
        if (words.Length > 0)
        {
            Assert.Equal(FailureReason.Parse, fixture.Outcome.Failure.Reason);
            Assert.Contains(words, fixture.Outcome.Failure.Message);
            Assert.InRange(fixture.Outcome.Failure.Message.Length, 1, 600);
            Assert.Contains("up 0 @2000", failed);
        }
        Assert.Contains("good 3 @3000", fixture.Sent("good 3\n", 3000));
    }

    [Fact]
    public void A_thousand_labels_are_read() =>
        Assert.Single(new ScrapeFixture().Sent(Labels(1024, 4), 1000), l => l.Contains("l1023"));

    [Fact]
    public void Of_label_names_without_end_few_are_kept()
    {
        using var fixture = new ScrapeFixture();
        var (reader, encoder) = (fixture.Context.Reader, fixture.Context.Encoder);
        encoder.Begin(new TargetLabels([], [], false));
        var names = ReadNewNames(reader, encoder);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        // All of them take 10 MB.
        Assert.Equal(6000, names.Count);
        Assert.InRange(names.Count(n => n.IsAlive), 1, 1500);
    }

    private static List<WeakReference> ReadNewNames(SampleReader reader, SeriesEncoder encoder)
    {
        var names = new List<WeakReference>();
        reader.Open(ScrapeFixture.Body(
            string.Concat(Enumerable.Range(0, 6000).Select(line => "a{" + string.Join(',', Enumerable.Range(0, 30).Select(label =>
            string.Create(CultureInfo.InvariantCulture, $"l{line}_{label}_{new string('n', 40)}=\"\""))) + "} 1\n"))).OpenRead(),
            sizeLimit: 0);
        while (reader.Read())
        {
            Assert.True(encoder.TryBegin(reader.Sample, out _));
            names.Add(new WeakReference(reader.Sample.Names));
        }
        Assert.Equal(ReadError.None, reader.Error);
        return names;
    }

    [Fact]
    public void One_sample_a_million_times_is_one_sample_and_takes_no_memory()
    {
        using var fixture = new ScrapeFixture();
        var scrape = fixture.Scrape(string.Concat(Enumerable.Repeat("a 1\n", 1_000_000)), 1000);
        Assert.Equal(999_999, fixture.Outcome.Duplicates);
        Assert.InRange(scrape.Scrape.Skipped!.Size, 1, 10);
        Assert.Equal(["a 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(fixture.Send(scrape)).Order());
    }

    [Fact]
    public void A_body_that_takes_longer_than_the_timeout_ends_the_scrape()
    {
        using var fixture = new ScrapeFixture();
        var target = ScrapeFixture.MakeTarget("h:1");
        var options = ScrapeFixture.Options with { Timeout = TimeSpan.Zero };
        using var series = new TargetSeries(target, new TargetLabels(target.Labels, [], false), options, new HeldBudget(0), fixture.Time);
        var body = ScrapeFixture.Body("a 1\n");
        var outcome = new ScrapeOutcome();
        series.BeginScrape(fixture.Context, body, 1000, fixture.Time.GetTimestamp(), outcome).Finished().Release();
        Assert.Equal(FailureReason.Timeout, outcome.Failure.Reason);
        Assert.Contains("SIDECAR_SCRAPE_TIMEOUT", outcome.Failure.Message);
    }

    private static string Labels(int count, int length) =>
        "a{" + string.Join(',', Enumerable.Range(0, count)
        .Select(i => string.Create(CultureInfo.InvariantCulture, $"l{i}{new string('n', length)}=\"v\""))) + "} 1\n";
}
