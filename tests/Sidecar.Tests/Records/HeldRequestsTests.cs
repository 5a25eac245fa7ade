using Sidecar.Memory;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Tests.Requests;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Records;

/// <summary>Held while it was validated, or streamed again later: the same samples are sent, each once.</summary>
public sealed class HeldRequestsTests
{
    [Fact]
    public void Held_and_streamed_samples_are_the_same()
    {
        var random = new Random(11);
        foreach (var samplesPerRequest in new[] { 1, 3, 7, 50, 2000 })
        {
            foreach (var track in new[] { false, true })
            {
                using var streamed = new ScrapeFixture(trackTimestamps: track, samplesPerRequest: samplesPerRequest);
                using var held = new ScrapeFixture(trackTimestamps: track, samplesPerRequest: samplesPerRequest, budget: 1 << 22);
                var partly = new List<ScrapeFixture>();
                foreach (var budget in new[] { 1, 2, 3, 5, 7, 10, 20 })
                    partly.Add(new ScrapeFixture(trackTimestamps: track, samplesPerRequest: samplesPerRequest,
                        budget: budget * BlockPool.BlockSize));
                for (var scrape = 1; scrape <= 12; scrape++)
                {
                    var text = random.Next(6) == 0 ? null : Body(random, scrape);
                    var one = streamed.Scrape(text, scrape * 1000);
                    Assert.Empty(one.Held!.Requests);
                    Assert.False(one.Held.IsComplete);
                    var expected = SentSample.Read(Checked(streamed.Stream(one), samplesPerRequest));
                    Assert.Equal(one.Scrape.Samples, expected.Count);
                    one.Release();

                    var two = held.Scrape(text, scrape * 1000);
                    Assert.True(two.Held!.IsComplete);
                    Assert.Equal(expected, SentSample.Read(Checked(two.Held.Requests, samplesPerRequest)));
                    two.Release();

                    foreach (var fixture in partly)
                    {
                        var three = fixture.Scrape(text, scrape * 1000);
                        Assert.Equal(expected, SentSample.Read(Checked(fixture.Requests(three), samplesPerRequest)));
                        three.Release();
                    }
                }
                foreach (var fixture in partly)
                    fixture.Dispose();
            }
        }
    }

    [Fact]
    public void Released_scrapes_give_the_budget_back()
    {
        const int Budget = 20 * BlockPool.BlockSize;
        using var target = new ScrapeFixture(budget: Budget, samplesPerRequest: 10);
        for (var i = 1; i <= 200; i++)
        {
            var text = string.Concat(Enumerable.Range(i, 30).Select(n => $"a{n} 1\n"));
            var scrape = target.Scrape(i % 5 == 0 ? text + "broken" : text, i * 1000);
            Assert.True(scrape.Held!.IsComplete);
            scrape.Release();
        }
        Assert.True(target.Budget.TryTake(Budget));
        Assert.False(target.Budget.TryTake(1));
        target.Budget.Give(Budget);
        Assert.False(target.Budget.TryTake(Budget + 1));
        Assert.True(target.Budget.TryTake(Budget));
    }

    [Fact]
    public void A_spent_budget_holds_nothing_more()
    {
        using var target = new ScrapeFixture(budget: 1 << 20);
        Assert.True(target.Budget.TryTake(1 << 20));
        var scrape = target.Scrape("a 1\n", 1000);
        Assert.False(scrape.Held!.IsComplete);
        Assert.Equal(["a 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(target.Send(scrape)));
    }

    /// <summary>Some series, duplicates and explicit timestamps among them.</summary>
    private static string Body(Random random, int scrape) => string.Concat(Enumerable.Range(0, random.Next(120)).Select(_ =>
    {
        var series = random.Next(60);
        var own = random.Next(4) == 0 ? $" {scrape * 1000 + random.Next(-3000, 3000) + (random.Next(20) == 0 ? 600_000 : 0)}" : "";
        return $"m{series % 7}{{s=\"{series}\",job=\"x\"}} {random.Next(1000)}{own}\n";
    }));

    private static IReadOnlyList<EncodedRequest> Checked(IReadOnlyList<EncodedRequest> requests, int most)
    {
        Assert.All(requests, r => Assert.InRange(r.Samples, 1, most));
        return requests;
    }
}
