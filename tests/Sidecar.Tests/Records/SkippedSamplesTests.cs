using CsCheck;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Records;

public sealed class SkippedSamplesTests
{
    [Fact]
    public void Names_exactly_the_samples_that_were_added() =>
        Gen.Select(Gen.Int[0, 40_000], Gen.OneOf(20, 400, 8000, 160_000).SelectMany(most => Gen.Int[1, most].Array[0, 100]))
        .Sample((first, gaps) =>
        {
            var builder = new SkippedSamples.Builder();
            var expected = new HashSet<int>();
            var ordinal = first;
            foreach (var gap in gaps.TakeWhile(_ => ordinal < 200_000))
            {
                builder.Add(ordinal);
                expected.Add(ordinal);
                ordinal += gap;
            }
            var built = builder.Build();
            Assert.Equal(expected.Count == 0, built is null);
            var skipped = built ?? SkippedSamples.None;
            foreach (var read in new[] { skipped, skipped, SkippedSamples.From(skipped.Bytes) })
            {
                var cursor = read.Start();
                for (var i = 0; i < ordinal + 300; i++)
                    Assert.True(expected.Contains(i) == cursor.Skips(i), $"ordinal {i}");
            }
        }, iter: 100, threads: 1);

    [Fact]
    public void Takes_two_bytes_a_run()
    {
        var scattered = new SkippedSamples.Builder();
        for (var i = 0; i < 1000; i++)
            scattered.Add(i * 100);
        Assert.InRange(scattered.Build()!.Size, 1998, 2000);

        var run = new SkippedSamples.Builder();
        for (var i = 5; i < 1_000_000; i++)
            run.Add(i);
        Assert.InRange(run.Build()!.Size, 2, 5);
    }

    /// <summary>
    /// The queue counts a scrape's bytes when it comes and when it goes: they must be the same, also after it was streamed.
    /// </summary>
    [Fact]
    public void A_scrape_is_as_large_after_it_was_streamed_as_before()
    {
        using var target = new ScrapeFixture(budget: 0);
        var scrape = target.Scrape("a 1\na 2\na 3\n", 1000);
        var before = scrape.Scrape.Size;
        foreach (var request in target.Stream(scrape))
            request.Release();
        Assert.Equal(2, target.Outcome.Duplicates);
        Assert.Equal(before, scrape.Scrape.Size);
        scrape.Release();
    }
}
