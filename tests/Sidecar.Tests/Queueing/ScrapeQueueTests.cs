using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Exposition;
using Sidecar.Memory;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Queueing;

public sealed class ScrapeQueueTests
{
    /// <summary>Bytes that a scrape of up to one block holds.</summary>
    private const int One = 256 + BlockPool.BlockSize;

    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    private readonly FakeTimeProvider time = new(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));
    private readonly Metrics metrics;

    public ScrapeQueueTests() => metrics = new Metrics(new Uri("http://receiver/"), "j", TimeSpan.FromSeconds(15), time);

    [Fact]
    public async Task Scrapes_of_a_target_leave_in_order_and_one_at_a_time()
    {
        using var queue = Make();
        var first = Add(queue, "a", 1);
        var second = Add(queue, "a", 2);
        Assert.Same(first, await queue.TakeAsync(Cancellation));
        var next = queue.TakeAsync(Cancellation);
        await Task.Delay(20, Cancellation);
        Assert.False(next.IsCompleted);
        queue.Complete(first);
        Assert.Same(second, await next);
        queue.Complete(second);
        Assert.Equal(0, queue.Count);
        Assert.Equal(0, queue.Bytes);
    }

    [Fact]
    public async Task Between_targets_the_oldest_leaves_first()
    {
        using var queue = Make();
        var scrapes = new[] { Add(queue, "b", 5), Add(queue, "a", 3), Add(queue, "c", 4), Add(queue, "a", 6) };
        Assert.Same(scrapes[1], await queue.TakeAsync(Cancellation));
        Assert.Same(scrapes[2], await queue.TakeAsync(Cancellation));
        Assert.Same(scrapes[0], await queue.TakeAsync(Cancellation));
        queue.Complete(scrapes[1]);
        Assert.Same(scrapes[3], await queue.TakeAsync(Cancellation));
    }

    [Fact]
    public async Task Past_the_bound_the_oldest_go_that_nobody_is_sending()
    {
        using var queue = Make(sizeLimit: 3 * One);
        var inFlight = Add(queue, "a", 1, 1000);
        Assert.Same(inFlight, await queue.TakeAsync(Cancellation));
        Add(queue, "a", 2, 1000, samples: 70);
        var third = Add(queue, "b", 3, 1000);
        Assert.Equal(0, metrics.QueueDroppedScrapes[DropReason.QueueSize]);
        var fourth = Add(queue, "a", 4, 1000);
        Assert.Equal(1, metrics.QueueDroppedScrapes[DropReason.QueueSize]);
        Assert.Equal(70, metrics.SamplesDroppedTotal[DropReason.QueueSize]);
        Assert.Equal(3, queue.Count);
        Assert.Equal(3 * One, queue.Bytes);
        Assert.Same(third, await queue.TakeAsync(Cancellation));
        queue.Complete(inFlight);
        Assert.Same(fourth, await queue.TakeAsync(Cancellation));
    }

    [Fact]
    public async Task The_newest_scrape_stays_even_when_it_is_too_large_alone()
    {
        using var queue = Make(sizeLimit: 100);
        Add(queue, "a", 1, 1000);
        var newest = Add(queue, "b", 2, 5000);
        Assert.Equal(1, queue.Count);
        Assert.Same(newest, await queue.TakeAsync(Cancellation));
        var next = Add(queue, "b", 3, 5000);
        Assert.Equal(2, queue.Count);
        queue.Complete(newest);
        Assert.Same(next, await queue.TakeAsync(Cancellation));
    }

    [Fact]
    public async Task Scrapes_older_than_the_age_limit_go()
    {
        using var queue = Make(ageLimit: TimeSpan.FromSeconds(10));
        Add(queue, "a", 1_000_000);
        Add(queue, "a", 1_005_000);
        var last = Add(queue, "b", 1_008_000);
        time.Advance(TimeSpan.FromSeconds(16));
        Assert.Same(last, await queue.TakeAsync(Cancellation));
        Assert.Equal(2, metrics.QueueDroppedScrapes[DropReason.QueueAge]);
        time.Advance(TimeSpan.FromHours(1));
        Add(queue, "b", time.GetUtcNow().ToUnixTimeMilliseconds());
        Assert.Equal(2, metrics.QueueDroppedScrapes[DropReason.QueueAge]); // not what is in flight
    }

    [Fact]
    public async Task Gauges_follow_what_is_in_the_queue()
    {
        using var queue = Make(ageLimit: TimeSpan.FromSeconds(10));
        Add(queue, "a", 1_000_000, 1000, samples: 7);
        var second = Add(queue, "b", 1_008_000, 1000, samples: 8);
        Assert.Equal((2, 2.0 * One, 15, 1000), Gauges());
        time.Advance(TimeSpan.FromSeconds(11));
        Assert.Same(second, await queue.TakeAsync(Cancellation));
        Assert.Equal((1, One, 8, 1008), Gauges());
        Assert.Equal(1008, metrics.QueueHighestTimestampSeconds.Value);
        queue.Complete(second);
        Assert.Equal((0, 0, 0, 0), Gauges());

        (double, double, double, double) Gauges() => (metrics.QueueScrapes.Value, metrics.QueueBytes.Value, metrics.SamplesPending.Value,
            metrics.QueueOldestTimestampSeconds.Value);
    }

    [Fact]
    public async Task At_the_end_what_is_left_is_taken_and_then_all_takers_get_null()
    {
        using var queue = Make();
        var first = Add(queue, "a", 1);
        var second = Add(queue, "a", 2);
        Assert.Same(first, await queue.TakeAsync(Cancellation));
        var takers = Enumerable.Range(0, 5).Select(_ => queue.TakeAsync(Cancellation)).ToList();
        queue.End();
        await Task.Delay(20, Cancellation);
        Assert.DoesNotContain(takers, t => t.IsCompleted);
        queue.Complete(first);
        var got = await Task.WhenAny(takers);
        Assert.Same(second, await got);
        takers.Remove(got);
        queue.Complete(second);
        Assert.All(await Task.WhenAll(takers), Assert.Null);
        Assert.Null(await queue.TakeAsync(Cancellation));
    }

    [Fact]
    public async Task Waiting_can_be_cancelled()
    {
        using var queue = Make();
        using var source = new CancellationTokenSource();
        var taken = queue.TakeAsync(source.Token);
        source.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => taken);
        var scrape = Add(queue, "a", 1);
        Assert.Same(scrape, await queue.TakeAsync(Cancellation));
    }

    [Fact]
    public async Task What_leaves_is_released()
    {
        using var queue = Make(sizeLimit: 1);
        var dropped = Add(queue, "a", 1, 10);
        var sent = Add(queue, "a", 2, 10);
        Assert.False(dropped.IsInMemory);
        Assert.Same(sent, await queue.TakeAsync(Cancellation));
        var body = sent.Scrape.Body!;
        Assert.Equal(10, body.Length);
        queue.Complete(sent);
        Assert.False(sent.IsInMemory);
        Assert.Equal(0, body.Length); // the last reference is given back
    }

    [Fact]
    public async Task No_scrape_and_no_wake_up_is_lost_among_many()
    {
        const int Targets = 5, Each = 300;
        using var queue = Make();
        var taken = new ConcurrentDictionary<string, List<long>>();
        var inFlight = new ConcurrentDictionary<string, bool>();
        var consumers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (await queue.TakeAsync(Cancellation) is { } scrape)
            {
                Assert.True(inFlight.TryAdd(scrape.Target.Key, true), "two of one target in flight");
                taken.GetOrAdd(scrape.Target.Key, _ => []).Add(scrape.Timestamp);
                await Task.Yield();
                inFlight.TryRemove(scrape.Target.Key, out var _);
                queue.Complete(scrape);
            }
        }, Cancellation)).ToList();
        await Task.WhenAll(Enumerable.Range(0, Targets).Select(target => Task.Run(async () =>
        {
            for (var i = 0; i < Each; i++)
            {
                Add(queue, $"t{target}", i);
                if (i % 7 == 0)
                    await Task.Yield();
            }
        }, Cancellation)));
        queue.End();
        await Task.WhenAll(consumers).WaitAsync(TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal(Targets, taken.Count);
        Assert.All(taken.Values, timestamps => Assert.Equal(Enumerable.Range(0, Each).Select(i => (long)i), timestamps));
        Assert.Equal(0, queue.Count);
    }

    /// <summary>A scrape is not made only where it would have another dropped although the receiver accepts.</summary>
    [Theory]
    [InlineData(4, true, 0, true)]
    [InlineData(4, true, 9, true)]
    [InlineData(4, true, 11, false)] // the receiver may be away by now: then the newest stay
    [InlineData(4, false, 0, false)]
    [InlineData(3, true, 0, false)] // there is room for one more
    [InlineData(1, true, 0, false)]
    public async Task A_full_queue_leaves_scrapes_out_while_the_receiver_accepts(int waiting, bool accepts, int seconds, bool leavesOut)
    {
        using var queue = Make(sizeLimit: 4 * One + 10);
        if (accepts)
        {
            Add(queue, "a", 1, 1000);
            queue.Complete((await queue.TakeAsync(Cancellation))!);
        }
        for (var i = 0; i < waiting; i++)
            Add(queue, $"t{i}", 2 + i, 1000);
        time.Advance(TimeSpan.FromSeconds(seconds));
        Assert.Equal(leavesOut, queue.LeavesOut(ScrapeFixture.MakeTarget("b"), samples: 7));
        Assert.Equal((leavesOut ? 1 : 0, leavesOut ? 7 : 0, leavesOut), (metrics.QueueDroppedScrapes[DropReason.QueueSize],
            metrics.SamplesDroppedTotal[DropReason.QueueSize], queue.DroppingSince is not null));
        Assert.Equal(waiting, queue.Count);
    }

    /// <summary>Beside a walk over all that waits: of targets with lines of many lengths, what is taken and what is dropped.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_order_is_that_of_a_walk_over_all_targets(int seed)
    {
        const int Limit = 12;
        var random = new Random(seed);
        using var queue = Make(sizeLimit: Limit * One);
        var waiting = new Dictionary<string, List<QueuedScrape>>();
        var inFlight = new Dictionary<string, QueuedScrape>();
        var (takes, drops) = (0, 0);
        for (var at = 0; at < 2000; at++)
        {
            switch (random.Next(5))
            {
                case 0 or 1:
                    var target = "t" + Math.Min(random.Next(8), random.Next(8)); // some more often than others
                    var added = Add(queue, target, at, 1000);
                    waiting.TryAdd(added.Target.Key, []);
                    waiting[added.Target.Key].Add(added);
                    while (waiting.Values.Sum(l => l.Count) + inFlight.Count > Limit
                        && Heads().Where(h => h != added).MinBy(h => h.Timestamp) is { } oldest)
                    {
                        waiting[oldest.Target.Key].Remove(oldest);
                        Assert.Equal(QueueExit.Dropped, oldest.Exit);
                        drops++;
                    }
                    break;
                case 2 or 3 when Heads().Any(h => !inFlight.ContainsKey(h.Target.Key)):
                    var free = Heads().Where(h => !inFlight.ContainsKey(h.Target.Key));
                    var next = takes++ % 2 == 0 ? free.MinBy(h => h.Timestamp)!
                        : free.OrderBy(h => waiting[h.Target.Key].Count).ThenBy(h => h.Timestamp).First();
                    Assert.Same(next, await queue.TakeAsync(Cancellation));
                    waiting[next.Target.Key].Remove(next);
                    inFlight[next.Target.Key] = next;
                    break;
                case 4 when inFlight.Count > 0:
                    var (key, taken) = inFlight.ElementAt(random.Next(inFlight.Count));
                    inFlight.Remove(key);
                    if (random.Next(3) > 0)
                    {
                        queue.Complete(taken);
                        break;
                    }
                    queue.Return(taken);
                    waiting[key].Insert(0, taken);
                    break;
            }
            Assert.Equal(waiting.Values.Sum(l => l.Count) + inFlight.Count, queue.Count);
        }
        Assert.True(takes > 100 && drops > 100, $"{takes} takes, {drops} drops");

        IEnumerable<QueuedScrape> Heads() => waiting.Values.Where(l => l.Count > 0).Select(l => l[0]);
    }

    private ScrapeQueue Make(long sizeLimit = long.MaxValue, TimeSpan ageLimit = default) => new(
        new QueueOptions { SizeLimit = sizeLimit, AgeLimit = ageLimit }, folder: null, metrics,
        new Log(TextWriter.Null, LogLevel.Info, LogFormat.Logfmt, time), time);

    private static QueuedScrape Add(ScrapeQueue queue, string target, long timestamp, int size = 0, int samples = 1)
    {
        var body = new CompressedBody();
        body.OpenWrite().Write(new byte[size]);
        return queue.Add(new ScrapeResult(new Scrape
        {
            Target = ScrapeFixture.MakeTarget(target),
            Labels = new TargetLabels([], [], false),
            Timestamp = timestamp,
            Body = body,
            Vanished = null,
            Skipped = null,
            Report = default,
            Samples = samples,
            HonorTimestamps = true,
            IsOrdered = false,
        }));
    }
}
