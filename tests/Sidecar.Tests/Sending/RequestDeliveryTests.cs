using System.Collections.Concurrent;
using Cluster;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Sending;
using Sidecar.Telemetry;
using Sidecar.Tests.Requests;
using Sidecar.Tests.Scraping;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Sending;

/// <summary>
/// Minutes of scrapes, each of some requests, against a receiver that refuses: how many requests it sees, and what arrives.
/// </summary>
public sealed class RequestDeliveryTests : IAsyncLifetime
{
    private const int RequestsOfScrape = 40;
    private const int Series = 8; // of a request
    private const int ScrapesOfMinute = 4;

    private readonly TimeWithTimers time = new();
    private readonly LogText log = new();
    private readonly Receiver receiver = new();
    private readonly ScrapeFixture fixture = new();
    private readonly HashSet<string> arrived = [];
    private int requests;

    public static TheoryData<int> Versions => [1, 2];

    public async ValueTask InitializeAsync() => await receiver.StartAsync();

    public async ValueTask DisposeAsync()
    {
        fixture.Dispose();
        await receiver.DisposeAsync();
    }

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
        Assert.Null(run.State.LastAccepted);
        Assert.NotNull(run.State.LastAttempt);
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
    [InlineData(404, "404 page not found")]
    [InlineData(405, "Method Not Allowed")]
    [InlineData(400, "unsupported path requested: \"/\"")]
    public async Task A_path_that_is_not_there_waits_and_settles_no_version(int status, string words)
    {
        var isThere = false;
        using var run = Run(0, _ => isThere ? new ReceiverAnswer() : new ReceiverAnswer(status, words));
        var delivered = run.DeliverAsync(0);
        await WaitForAsync(() => log.ToString().Contains("this path, which may be wrong", StringComparison.Ordinal));
        isThere = true;
        await PassTimeAsync(delivered);
        Assert.Equal(Delivered.Accepted, await delivered);
        Assert.Equal(WriteVersion.Two, run.Protocol.Current);
        Assert.True(run.Protocol.IsSettled); // by the answer that accepted
        Assert.Contains("this path, which may be wrong", log.ToString());
        Assert.Contains(status == 400 ? "/api/v1/write" : "/prometheus/v1/write", log.ToString()); // only one says 400
        Assert.Equal(0, run.Dropped);
        Assert.NotNull(run.State.NextTry);
    }

    /// <summary>An outage changes its face: each cause is told at once, with what to do, and again only after a minute.</summary>
    [Fact]
    public async Task Each_cause_of_one_outage_is_told_once_a_minute()
    {
        ReceiverAnswer[] faces =
        [
            new(500, "boom"), new(500, "boom again"), new(401, "who are you"), new(503, "busy"), new(429, "slow down"), new(500, "boom"),
            new(307, ""), new(401, "who are you"),
        ];
        using var run = Run(1, _ => requests <= faces.Length ? faces[requests - 1] : new ReceiverAnswer());
        var delivered = run.DeliverAsync(0);
        for (var (i, idle) = (0, 0); i < 10_000 && !delivered.IsCompleted; i++)
        {
            // All of it in less than a minute: no time passes while a request is under way, however long that takes. What is waited for
            // may have begun a moment after it was announced, so that it goes on where nothing else does.
            if (run.State.NextTry > time.GetUtcNow() || ++idle % 50 == 0)
                time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        Assert.Equal(Delivered.Accepted, await delivered);
        var lines = log.ToString().Split('\n').Where(l => l.Contains("Sending failed")).ToList();
        Assert.Equal(["500", "401", "503", "429", "307"], lines.Select(l => l.Split("answers ")[1][..3]));
        Assert.All(lines, l => Assert.Contains(" remedy=", l));
        Assert.Contains("failures=8", log.ToString()); // of all causes, when it accepts again
        Assert.Null(run.State.Now.FailingSince);
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

    [Fact]
    public async Task Where_a_redirect_leads_is_said_without_its_credentials()
    {
        var moved = true;
        using var run = Run(1, _ => moved
            ? new ReceiverAnswer(302) { Location = "http://user:secret@elsewhere:8428/login?token=abc" } : new ReceiverAnswer());
        var delivered = run.DeliverAsync(0);
        await WaitForAsync(() => log.ToString().Contains("it redirects to http://elsewhere:8428/login", StringComparison.Ordinal));
        moved = false;
        await PassTimeAsync(delivered);
        Assert.Equal(Delivered.Accepted, await delivered);
        Assert.DoesNotContain("secret", log.ToString());
        Assert.DoesNotContain("abc", log.ToString());
    }

    [Fact]
    public async Task Retry_after_an_hour_is_a_minute_and_the_log_says_so()
    {
        var isBusy = true;
        using var run = Run(1, _ => isBusy ? new ReceiverAnswer(429, RetryAfter: "3600") : new ReceiverAnswer());
        var delivered = run.DeliverAsync(0);
        await WaitForAsync(() => log.ToString().Contains("retry_after=1h0m0s next_try_in=1m0s", StringComparison.Ordinal));
        isBusy = false;
        await WaitForAsync(() => time.HasTimer(TimeSpan.FromMinutes(1)));
        time.Advance(TimeSpan.FromSeconds(59));
        var other = run.DeliverAsync(1); // is not posted before either
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.Equal(1, requests);
        time.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(Delivered.Accepted, await delivered.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Equal(Delivered.Accepted, await other.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Equal(3, requests);
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
        Assert.False(run.State.IsRefusing && run.State.LastAccepted is null);
    }

    private static async Task WaitForAsync(Func<bool> condition)
    {
        for (var i = 0; i < 3000 && !condition(); i++)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.True(condition());
    }

    /// <summary>Until it is delivered, through all waits between tries.</summary>
    private async Task PassTimeAsync(Task delivered)
    {
        for (var i = 0; i < 3000 && !delivered.IsCompleted; i++)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
        Assert.True(delivered.IsCompleted);
    }

    /// <param name="version">0 for one that is not known yet.</param>
    /// <param name="sizeLimit">413 above this many series.</param>
    private DeliveryRun Run(int version, Func<List<string>, ReceiverAnswer> answer, int? sizeLimit = null)
    {
        var run = new DeliveryRun(this, version);
        receiver.Answer = request =>
        {
            lock (arrived)
            {
                requests++;
                var names = request.Message.Timeseries.Select(s => s.Labels.Single(l => l.Name == "__name__").Value).ToList();
                if (names.Count > sizeLimit)
                {
                    run.TooLarge++;
                    return new ReceiverAnswer(413, "request too large");
                }
                var answered = answer(names);
                if (answered.Status / 100 == 2)
                    arrived.UnionWith(names);
                return answered;
            }
        };
        return run;
    }

    /// <summary>A clock that knows what is waited for: what is announced in the log begins a moment later.</summary>
    private sealed class TimeWithTimers() : FakeTimeProvider(DateTimeOffset.UtcNow)
    {
        private readonly ConcurrentDictionary<TimeSpan, bool> due = new();

        public bool HasTimer(TimeSpan wait) => due.ContainsKey(wait);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            due[dueTime] = true;
            return timer;
        }
    }

    private sealed class DeliveryRun : IDisposable
    {
        private readonly RequestDeliveryTests test;
        private readonly PeerClient client;
        private readonly ScrapeQueue queue;
        private readonly Metrics metrics;
        private readonly RequestDelivery delivery;
        private readonly Scrape scrape;

        public DeliveryRun(RequestDeliveryTests test, int version)
        {
            this.test = test;
            Protocol = new ReceiverProtocol((WriteProtocol)version);
            var options = new RemoteWriteOptions
            {
                Url = test.receiver.WriteUrl,
                Headers = [],
                Http = new HttpOptions(),
                Timeout = TimeSpan.FromSeconds(30),
                MaxSamplesPerSend = 2000,
                Concurrency = 1,
                MinBackoff = TimeSpan.FromMilliseconds(30),
                MaxBackoff = TimeSpan.FromSeconds(5),
            };
            metrics = new Metrics(options.Url, "j", TimeSpan.FromSeconds(15), test.time);
            var lines = new Log(test.log, LogLevel.Info, LogFormat.Logfmt, test.time);
            client = new PeerClient(options.Http, 4, test.time);
            queue = new ScrapeQueue(new QueueOptions { SizeLimit = 1 << 20, AgeLimit = TimeSpan.Zero }, null, metrics, lines, test.time);
            delivery = new RequestDelivery(new WriteReceiver(options, Protocol, client, metrics, lines, test.time, default), Protocol,
                queue, metrics, lines, test.time);
            scrape = test.fixture.Scrape("a 1\n", 1000).Scrape;
        }

        public ReceiverProtocol Protocol { get; }

        public SendingState State => delivery.Receiver.State;

        public int TooLarge { get; set; }

        /// <summary>Samples.</summary>
        public long Dropped => metrics.SamplesDroppedTotal[DropReason.Rejected];

        /// <summary>All requests of a scrape, and then 15 seconds; returns how many the receiver saw.</summary>
        public async Task<int> ScrapeAsync()
        {
            var before = test.requests;
            for (var request = 0; request < RequestsOfScrape; request++)
                await DeliverAsync(request);
            test.time.Advance(TimeSpan.FromSeconds(60.0 / ScrapesOfMinute));
            return test.requests - before;
        }

        public Task<Delivered> DeliverAsync(int place) => delivery.DeliverAsync(
            OpenedRequestTests.Make(Series, Protocol.Current == WriteVersion.One ? 1 : 2, $"m{place}_"), scrape, place,
            TestContext.Current.CancellationToken);

        public Task<Delivered> DeliverAsync(EncodedRequest request) =>
            delivery.DeliverAsync(request, scrape, place: 0, TestContext.Current.CancellationToken);

        public void Dispose()
        {
            scrape.Release();
            queue.Dispose();
            client.Dispose();
        }
    }
}
