using Cluster;
using Sidecar.Requests;
using Sidecar.Sending;

namespace Sidecar.Tests.Sending;

/// <summary>
/// Minutes of scrapes, each of some requests, against a receiver that refuses: how many requests it sees, and what arrives.
/// </summary>
public sealed class RequestDeliveryTests : DeliveryTest
{
    public static TheoryData<int> Versions => [1, 2];

    [Theory, MemberData(nameof(Versions))]
    [Trait("Speed", "Slow")]
    public async Task Of_one_bad_series_that_one_alone_is_lost_scrape_after_scrape(int version)
    {
        using var run = Run(version, request =>
            request.Any(s => s == "m5_3") ? new ReceiverAnswer(400, "bad label") : new ReceiverAnswer());
        var first = await run.ScrapeAsync();
        Assert.InRange(first, RequestsOfScrape, RequestsOfScrape + 2 * Math.Log2(Series) + 2);
        for (var minute = 0; minute < 30; minute++)
        {
            for (var scrape = 0; scrape < ScrapesOfMinute; scrape++)
            {
                arrived.Clear();
                var seen = await run.ScrapeAsync();
                Assert.Equal(RequestsOfScrape * Series - 1, arrived.Count);
                Assert.InRange(seen, RequestsOfScrape, RequestsOfScrape + 1);
            }
        }
        Assert.Contains("The receiver refuses a series; it is dropped", log.ToString());
        Assert.Contains("m5_3", log.ToString());
        Assert.Contains("bad label", log.ToString());
        Assert.Contains("level=error", log.ToString());
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task A_series_that_is_mended_comes_back_within_ten_minutes(int version)
    {
        var isBad = true;
        using var run = Run(version, request =>
            isBad && request.Any(s => s == "m5_3") ? new ReceiverAnswer(400, "bad label") : new ReceiverAnswer());
        for (var scrape = 0; scrape < 15 * ScrapesOfMinute; scrape++)
            await run.ScrapeAsync();
        isBad = false;
        arrived.Clear();
        for (var scrape = 0; scrape <= 10 * ScrapesOfMinute; scrape++)
            await run.ScrapeAsync();
        Assert.Contains("m5_3", arrived);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Speed", "Slow")]
    public async Task A_receiver_that_refuses_all_sees_hardly_more_than_a_healthy_one(bool wordsDiffer)
    {
        var words = 0;
        using var run = Run(1, _ => new ReceiverAnswer(400, wordsDiffer ? $"words {words++}" : "words"));
        for (var minute = 0; minute < 60; minute++)
        {
            var seen = 0;
            for (var scrape = 0; scrape < ScrapesOfMinute; scrape++)
                seen += await run.ScrapeAsync();
            var healthy = RequestsOfScrape * ScrapesOfMinute;
            Assert.InRange(seen, healthy, minute == 0 ? healthy + RefusalBudget.MostPerMinute : healthy * 1.1);
        }
        Assert.True(run.State.IsRefusing);
        Assert.Null(run.State.Now.LastAccepted);
        Assert.NotNull(run.State.Now.LastAttempt);
        Assert.Equal(60L * ScrapesOfMinute * RequestsOfScrape * Series, run.Dropped);
    }

    /// <summary>Taking a request apart costs three times what making it did. These bytes cannot be taken apart.</summary>
    [Fact]
    public async Task A_refused_request_is_not_taken_apart_where_no_search_may_follow()
    {
        using var run = Run(1, _ => new ReceiverAnswer(400, "words"));
        await run.ScrapeAsync(); // its search was futile
        var dropped = run.Dropped;
        var message = new byte[100];
        Array.Fill(message, (byte)0xff);
        var request = EncodedRequest.Compress(WriteVersion.One, message);
        request.Samples = Series;
        receiver.Answer = _ => new ReceiverAnswer(400, "words");
        Assert.Equal(Delivered.Refused, await run.DeliverAsync(request));
        Assert.Equal(dropped + Series, run.Dropped);
    }

    [Fact]
    public async Task What_is_well_again_is_not_held_up_by_the_refusals_of_before()
    {
        var refuses = true;
        using var run = Run(1, _ => refuses ? new ReceiverAnswer(400, "words") : new ReceiverAnswer());
        for (var scrape = 0; scrape < 40; scrape++)
            await run.ScrapeAsync();
        refuses = false;
        Assert.Equal(RequestsOfScrape, await run.ScrapeAsync());
        Assert.Equal(RequestsOfScrape * Series, arrived.Count);
        Assert.False(run.State.IsRefusing);
    }

    /// <summary>As Mimir: what is below the limit is taken, and the request is answered with 400 for the rest.</summary>
    [Theory, MemberData(nameof(Versions))]
    [Trait("Speed", "Slow")]
    public async Task Of_a_tenant_limit_that_takes_parts_of_requests_all_that_it_takes_arrives(int version)
    {
        var limit = new HashSet<string>();
        const int Most = RequestsOfScrape * Series / 2 + 3;
        using var run = Run(version, request =>
        {
            var over = 0;
            foreach (var one in request)
            {
                if (limit.Contains(one) || (limit.Count < Most && limit.Add(one)))
                    arrived.Add(one);
                else
                    over++;
            }
            return over == 0 ? new ReceiverAnswer() : new ReceiverAnswer(400, "per-user series limit exceeded");
        });
        await LimitHoldsAsync(run, Most);
    }

    /// <summary>Requests that would go over the limit are refused whole.</summary>
    [Theory, MemberData(nameof(Versions))]
    [Trait("Speed", "Slow")]
    public async Task Of_a_tenant_limit_that_refuses_whole_requests_all_others_arrive(int version)
    {
        var limit = new HashSet<string>();
        const int Most = RequestsOfScrape * Series / 2 + 6;
        using var run = Run(version, request =>
        {
            if (limit.Union(request).Count() > Most)
                return new ReceiverAnswer(400, "series limit exceeded");
            limit.UnionWith(request);
            return new ReceiverAnswer();
        });
        await LimitHoldsAsync(run, Most - 1); // the last ones by the rule of halves
    }

    [Theory, MemberData(nameof(Versions))]
    public async Task A_size_that_is_refused_is_learned_and_everything_arrives(int version)
    {
        using var run = Run(version, _ => new ReceiverAnswer(), sizeLimit: 2);
        var first = await run.ScrapeAsync();
        Assert.Equal(RequestsOfScrape * Series, arrived.Count);
        Assert.DoesNotContain("it is dropped", log.ToString());
        var refused = run.TooLarge;
        Assert.InRange(refused, 1, 30);
        for (var scrape = 0; scrape < 8 * ScrapesOfMinute; scrape++)
        {
            arrived.Clear();
            Assert.InRange(await run.ScrapeAsync(), RequestsOfScrape, 5 * RequestsOfScrape);
            Assert.Equal(RequestsOfScrape * Series, arrived.Count);
        }
        Assert.Equal(refused, run.TooLarge);
    }

    [Theory]
    [InlineData("add 5 samples: out of order sample", true)]
    [InlineData("add 1 series: out of order labels", false)]
    public async Task Of_a_409_the_words_decide(string words, bool isDelivered)
    {
        using var run = Run(1, _ => new ReceiverAnswer(409, words));
        Assert.Equal(isDelivered ? Delivered.Accepted : Delivered.Refused, await run.DeliverAsync(0));
        Assert.Equal(isDelivered ? 0 : Series, run.Dropped);
        Assert.Contains(words, log.ToString());
        Assert.Equal(1, requests);
    }

    private async Task LimitHoldsAsync(DeliveryRun run, int most)
    {
        var healthy = RequestsOfScrape * ScrapesOfMinute;
        for (var minute = 0; minute < 20; minute++)
        {
            var seen = 0;
            for (var scrape = 0; scrape < ScrapesOfMinute; scrape++)
            {
                arrived.Clear();
                seen += await run.ScrapeAsync();
                Assert.InRange(arrived.Count, most - Series / 2, most + 1);
            }
            Assert.InRange(seen, 1, healthy + RefusalBudget.MostPerMinute);
        }
        Assert.False(run.State.IsRefusing && run.State.Now.LastAccepted is null);
    }
}
