using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;
using Sidecar.Tests.Requests;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Queueing;

/// <summary>The queue directory: what was accepted into it leaves it only when it was sent, whatever happens to process and disk.</summary>
public sealed class ScrapeFolderTests
{
    [Theory]
    [InlineData("a 1\n")]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("a 1\na 2\nb{x=\"y\"} 3 4000\nb{x=\"y\"} 5 4001\n")]
    public async Task A_scrape_comes_back_after_a_restart_as_it_would_have_been_sent(string? text)
    {
        using var target = new ScrapeFixture(external: [("cluster", "prod"), ("job", "no")]);
        using var queue = new QueueFixture();
        var before = target.Scrape("a 0\nold{z=\"\\\"\"} 1\n", 1000);
        await queue.AddAsync(before);
        await queue.SendNextAsync();
        var scrape = target.Scrape(text, 5000);
        var expected = target.Requests(scrape);
        var samples = SentSample.Read(expected);
        await queue.AddAsync(scrape);
        queue.Restart();
        Assert.Equal(1, queue.Queue.Count);
        Assert.Equal(samples, await queue.SendNextAsync());
        Assert.Empty(queue.Files);
    }

    [Fact]
    public async Task Scrapes_are_sent_in_order_before_and_after_a_restart_and_wait_on_disk_alone()
    {
        using var target = new ScrapeFixture();
        using var queue = new QueueFixture();
        for (var i = 1; i <= 5; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        Assert.Equal(5, queue.Files.Length);
        Assert.Equal(["a 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        var second = await queue.TakeAsync();
        queue.Restart(); // the second was not sent to its end
        Assert.NotNull(second);
        for (var i = 2; i <= 5; i++)
            Assert.Equal([$"a {i} @{i}000", $"up 1 @{i}000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        Assert.Equal(0, queue.Queue.Count);
        Assert.Equal(0, queue.Queue.Bytes);
    }

    [Fact]
    public async Task What_waits_behind_another_holds_no_body_in_memory()
    {
        using var target = new ScrapeFixture();
        using var queue = new QueueFixture();
        await queue.AddAsync(target.Scrape("a 1\n", 1000));
        var waiting = target.Scrape("a 2\n", 2000);
        var entry = await queue.AddAsync(waiting);
        Assert.False(entry.IsInMemory);
        Assert.NotNull(entry.File);
    }

    [Fact]
    public async Task A_series_that_vanished_while_the_process_was_down_gets_its_marker()
    {
        using var queue = new QueueFixture();
        using (var target = new ScrapeFixture())
        {
            await queue.AddAsync(target.Scrape("a 1\nb 1\n", 1000));
            await queue.SendNextAsync();
        }
        queue.Restart();
        Assert.Equal("h:1", queue.Queue.TakeRemembered(static _ => true).Single().Labels.Single(l => l.Key == "instance").Value);
        using (var target = new ScrapeFixture())
        {
            var last = await queue.Queue.RecallAsync(target.Target, TestContext.Current.CancellationToken);
            Assert.Equal(1000, last!.Timestamp);
            target.Recall(last);
            last.Release();
            Assert.Equal(["a 2 @2000", "b stale @2000", "up 1 @2000"], target.Sent("a 2\n", 2000));
        }
    }

    [Fact]
    public async Task A_target_belongs_to_its_job_over_restarts_and_its_scrape_is_relabeled_as_the_job_s()
    {
        using var queue = new QueueFixture();
        var (ofA, ofB) = (ScrapeFixture.MakeTarget("h:1", "a"), ScrapeFixture.MakeTarget("h:1", "b"));
        Assert.NotEqual(ofA, ofB);
        using (var target = new ScrapeFixture(target: ofA))
            await queue.AddAsync(target.Scrape("a 1\n", 1000));
        using (var target = new ScrapeFixture(target: ofB))
            await queue.AddAsync(target.Scrape("b 1\n", 1000));
        var asked = new List<string>();
        queue.Restart(job =>
        {
            asked.Add(job);
            return null;
        });
        Assert.Equal(ofB, Assert.Single(queue.Queue.TakeRemembered(static t => t.Job == "b")));
        Assert.Equal(ofA, Assert.Single(queue.Queue.TakeRemembered(static _ => true)));
        await queue.SendNextAsync();
        await queue.SendNextAsync();
        Assert.Equal(["a", "b"], asked.Distinct().Order());
    }

    [Fact]
    public async Task After_a_failed_scrape_nothing_is_recalled_but_the_time()
    {
        using var queue = new QueueFixture();
        using var target = new ScrapeFixture();
        await queue.AddAsync(target.Scrape("a 1\n", 1000));
        await queue.AddAsync(target.Scrape(null, 2000));
        queue.Restart();
        var last = await queue.Queue.RecallAsync(target.Target, TestContext.Current.CancellationToken);
        Assert.Equal(2000, last!.Timestamp);
        Assert.Null(last.Body);
        await queue.SendNextAsync();
        await queue.SendNextAsync(); // all of its series have ended
        queue.Restart();
        Assert.Null(await queue.Queue.RecallAsync(target.Target, TestContext.Current.CancellationToken));
        Assert.Empty(queue.Queue.TakeRemembered(static _ => true));
    }

    [Fact]
    public void A_folder_has_one_writer()
    {
        using var queue = new QueueFixture();
        var log = new Log(TextWriter.Null, LogLevel.Info, LogFormat.Logfmt, queue.Time);
        using var other = new ScrapeFolder(queue.Folder, new FolderCalls(), queue.Metrics, log);
        Assert.False(other.TryLock());
    }

    [Fact]
    public async Task Past_the_bound_the_oldest_files_go()
    {
        using var target = new ScrapeFixture();
        using var queue = new QueueFixture(sizeLimit: 1200);
        for (var i = 1; i <= 10; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        Assert.InRange(queue.Queue.Bytes, 1, 1200);
        Assert.Equal(queue.Queue.Count, queue.Files.Length);
        Assert.InRange(queue.Files.Length, 1, 9);
        Assert.StartsWith("0000000010000-", queue.Files[^1], StringComparison.Ordinal);
        Assert.Contains("The queue is full", queue.Log);
        queue.Restart();
        Assert.Equal(queue.Files.Length, queue.Queue.Count);
    }

    [Fact]
    public async Task What_is_given_back_comes_again_and_what_is_set_aside_is_kept_and_counted()
    {
        using var queue = new QueueFixture();
        using var target = new ScrapeFixture();
        for (var i = 1; i <= 2; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        for (var attempts = 0; attempts < 3; attempts++)
        {
            var entry = await queue.TakeAsync();
            Assert.Equal((1000, attempts), (entry.Timestamp, entry.Attempts));
            queue.Queue.Return(entry);
        }
        var bad = await queue.TakeAsync();
        queue.Queue.SetAside(bad, "it provokes an exception");
        await queue.SettleAsync();
        Assert.Single(queue.Damaged);
        Assert.Equal(1, queue.Metrics.QueueDroppedScrapes[DropReason.Damaged]);
        queue.Queue.Return(bad); // is of no effect any more
        queue.Queue.Complete(bad);
        Assert.Equal(["a 2 @2000", "up 1 @2000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        Assert.Equal((0, 0), (queue.Queue.Count, queue.Queue.Bytes));
    }

    [Fact]
    public async Task A_queue_from_the_future_is_told_and_sent()
    {
        using var queue = new QueueFixture();
        using var target = new ScrapeFixture();
        var now = queue.Time.GetUtcNow().ToUnixTimeMilliseconds();
        await queue.AddAsync(target.Scrape("a 1\n", now + 9 * 60_000));
        await queue.AddAsync(target.Scrape("a 2\n", now + 24 * 3600_000));
        await queue.AddAsync(target.Scrape("a 3\n", now + 24 * 3600_000 + 15_000));
        queue.Restart();
        Assert.Equal((2, 2), (queue.Queue.Ahead, queue.Metrics.QueueAheadScrapes.Value));
        Assert.Contains("are from the future", queue.Log, StringComparison.Ordinal);
        for (var i = 1; i <= 3; i++)
            Assert.StartsWith($"a {i} @", ScrapeFixture.Lines(await queue.SendNextAsync())[0], StringComparison.Ordinal);
        Assert.Equal((0, 0), (queue.Queue.Ahead, queue.Metrics.QueueAheadScrapes.Value));
    }
}
