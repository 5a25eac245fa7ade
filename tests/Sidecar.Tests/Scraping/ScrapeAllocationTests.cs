using System.Globalization;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>Nothing allocates for a sample: what a warm scrape allocates does not depend on its size.</summary>
public sealed class ScrapeAllocationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_warm_scrape_allocates_the_same_for_two_thousand_samples_and_for_twenty_thousand(bool vanishes)
    {
        var few = Allocated(2_000, vanishes);
        var many = Allocated(20_000, vanishes);
        // Far below a byte a sample; a pooled buffer may be missing because tests run side by side.
        Assert.True(Math.Abs(many - few) < 16_000, $"{few} and {many} bytes");
    }

    private static long Allocated(int samples, bool vanishes)
    {
        using var fixture = new ScrapeFixture(samplesPerRequest: 500);
        var body = ScrapeFixture.Body(Text(samples));
        var shorter = vanishes ? ScrapeFixture.Body(Text(samples - 1)) : body;
        using var series = new TargetSeries(
            fixture.Target, new TargetLabels(fixture.Target.Labels, [], false), ScrapeFixture.Options, new HeldBudget(0),
            TimeProvider.System);
        var least = long.MaxValue;
        for (var i = 0; i < 14; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var outcome = new ScrapeOutcome();
            var scrape = series.BeginScrape(fixture.Context, i % 2 == 0 ? body : shorter, i, TimeProvider.System.GetTimestamp(), outcome)
                .Finished();
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (i > 2 && i % 2 == 1)
                least = Math.Min(least, allocated);
            Assert.True(outcome.Failure.IsNone);
            Assert.Equal(vanishes && i % 2 == 1 ? 1 : 0, outcome.Vanished);
            scrape.Release();
        }
        return least;
    }

    private static string Text(int samples) => "# TYPE a histogram\n" + string.Concat(Enumerable.Range(0, samples).Select(i =>
        string.Create(CultureInfo.InvariantCulture, $"a_bucket{{verb=\"GET\",code=\"{i}\",job=\"x\",le=\"{i % 7}\"}} {i}.5\n")));
}
