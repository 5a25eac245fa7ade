using Sidecar.Sending;

namespace Sidecar.Tests.Sending;

public sealed class RefusalSearchTests
{
    /// <summary>
    /// Every position in every size up to 130, and some in larger ones: that series alone is lost, for 2·log₂(n)+2 requests.
    /// </summary>
    [Fact]
    public void One_culprit_is_found_wherever_it_is()
    {
        foreach (var count in Enumerable.Range(1, 130).Concat([255, 256, 257, 1000, 1023, 1999, 2000]))
        {
            foreach (var culprit in Enumerable.Range(0, count).Where(i => count <= 130 || i % 97 == 0 || i == count - 1))
            {
                var run = Run(count, part => part.From <= culprit && culprit < part.To ? "no" : null);
                Assert.Equal([new SeriesRange(culprit, culprit + 1)], run.Search.Found);
                Assert.Empty(run.Search.Unsearched);
                Assert.Equal(Enumerable.Range(0, count).Where(i => i != culprit), run.Accepted.Order());
                Assert.InRange(run.Requests, 0, 2 * Math.Log2(count) + 2);
            }
        }
    }

    /// <summary>
    /// Where the receiver names the series, each has words of its own; both are found unless they are neighbours that halve last.
    /// </summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 1999)]
    [InlineData(999, 1000)]
    [InlineData(500, 700)]
    [InlineData(1024, 1025)]
    public void Two_culprits_with_words_of_their_own_are_both_found(int one, int other)
    {
        var run = Run(2000, part => Has(part, one) ? $"series {one}" : Has(part, other) ? $"series {other}" : null);
        Assert.Equal([one, other], run.Search.Found.SelectMany(Positions).Order());
        Assert.Equal(1998, run.Accepted.Count);
        Assert.InRange(run.Requests, 0, 4 * Math.Log2(2000) + 4);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(100)]
    [InlineData(2000)]
    public void Where_both_halves_are_refused_alike_all_is_lost_at_once(int count)
    {
        var run = Run(count, _ => "the same words");
        Assert.Equal(2, run.Requests);
        Assert.Equal([new SeriesRange(0, count)], run.Search.Found);
        Assert.False(run.Search.HasAccepted);
    }

    [Fact]
    public void Two_culprits_alike_in_one_half_cost_that_part_alone()
    {
        var run = Run(2000, part => Has(part, 100) || Has(part, 900) ? "the same words" : null);
        Assert.Equal([new SeriesRange(0, 1000)], run.Search.Found);
        Assert.Equal(Enumerable.Range(1000, 1000), run.Accepted.Order());
        Assert.Equal(4, run.Requests);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(2000)]
    public void A_receiver_that_refuses_all_with_other_words_each_time_is_not_asked_about_every_series(int count)
    {
        var words = 0;
        var run = Run(count, _ => $"request {words++}");
        Assert.InRange(run.Requests, 2, 2 * Math.Log2(count) + 2);
        Assert.Equal(count, run.Search.Found.Concat(run.Search.Unsearched).Sum(p => p.Count));
        Assert.False(run.Search.HasAccepted);
    }

    /// <summary>413: halves are refused alike until they are small enough, and then all of it is taken.</summary>
    [Theory]
    [InlineData(1000)]
    [InlineData(300)]
    [InlineData(130)]
    public void What_is_refused_for_its_size_is_halved_until_it_fits(int most)
    {
        var run = Run(2000, part => part.Count > most ? "too large" : null, isSize: true, budget: 1000);
        Assert.Equal(2000, run.Accepted.Count);
        Assert.Empty(run.Search.Found);
        Assert.Empty(run.Search.Unsearched);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Without_budget_what_is_not_known_is_lost_and_what_was_taken_stays(int budget)
    {
        var run = Run(2000, part => Has(part, 1234) ? "no" : null, budget: budget);
        Assert.InRange(run.Requests, 0, budget);
        var lost = Assert.Single(run.Search.Unsearched);
        Assert.Contains(1234, Positions(lost));
        Assert.Equal(2000, run.Accepted.Count + lost.Count);
        Assert.Equal(2000 >> budget / 2, lost.Count);
    }

    /// <summary>Whatever the answers are, each series is taken or lost, once.</summary>
    [Fact]
    public void Nothing_is_lost_twice_or_forgotten()
    {
        var random = new Random(4);
        for (var i = 0; i < 2000; i++)
        {
            var count = random.Next(1, 300);
            var share = random.NextDouble();
            var run = Run(count, _ => random.NextDouble() < share ? $"words {random.Next(3)}" : null, random.Next(2) == 0, random.Next(80));
            Assert.Equal(Enumerable.Range(0, count),
                run.Accepted.Concat(run.Search.Found.Concat(run.Search.Unsearched).SelectMany(Positions)).Order());
        }
    }

    private static bool Has(SeriesRange part, int series) => part.From <= series && series < part.To;

    private static IEnumerable<int> Positions(SeriesRange part) => Enumerable.Range(part.From, part.Count);

    private static (RefusalSearch Search, List<int> Accepted, int Requests) Run(
        int count, Func<SeriesRange, string?> receiver, bool isSize = false, int budget = 60)
    {
        var search = new RefusalSearch(count, requests => (budget -= requests) >= 0 || (budget += requests) < 0);
        var accepted = new List<int>();
        var requests = 0;
        while (search.TryNext(out var part))
        {
            requests++;
            var words = receiver(part);
            if (words is null)
                accepted.AddRange(Positions(part));
            search.Answer(new PartAnswer(words, words is not null && isSize));
        }
        return (search, accepted, requests);
    }
}
