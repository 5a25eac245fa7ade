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

    /// <summary>
    /// Every length that a file can be cut to, and every bit that can flip: set aside, counted, named, and the next one is sent.
    /// </summary>
    [Fact]
    public async Task Torn_and_flipped_files_are_set_aside_and_stop_nothing()
    {
        byte[] whole;
        string name;
        using (var target = new ScrapeFixture())
        using (var queue = new QueueFixture())
        {
            await queue.AddAsync(target.Scrape("a 1\n", 1000));
            name = queue.Files.Single();
            whole = await File.ReadAllBytesAsync(Path.Combine(queue.Folder, name), TestContext.Current.CancellationToken);
        }
        using var fixture = new QueueFixture();
        using var next = new ScrapeFixture();
        var damaged = 0;
        var inputs = Enumerable.Range(0, whole.Length).Select(length => whole[..length])
            .Concat(Enumerable.Range(0, whole.Length * 8)
            .Select(bit => whole.Select((b, i) => (byte)(i == bit / 8 ? b ^ (1 << bit % 8) : b)).ToArray()));
        foreach (var input in inputs)
        {
            await File.WriteAllBytesAsync(Path.Combine(fixture.Folder, name), input, TestContext.Current.CancellationToken);
            fixture.Restart();
            await fixture.AddAsync(next.Scrape("b 1\n", 2000 + ++damaged));
            Assert.Equal([$"b 1 @{2000 + damaged}", $"up 1 @{2000 + damaged}"], ScrapeFixture.Lines(await fixture.SendNextAsync()));
            Assert.Equal([name], fixture.Damaged);
            Assert.Equal(damaged, fixture.Metrics.QueueDamagedFiles.Value);
            Assert.Equal(0, fixture.Queue.Count);
        }
        Assert.Contains(name, fixture.Log);
    }

    [Theory]
    [InlineData("not ours", "it was not written by the sidecar")]
    [InlineData("SIDECAR\n\u0002\0\0\0\0\0\0\0", "it was written by another version of the sidecar")]
    public async Task Foreign_files_and_other_versions_are_kept_aside(string content, string cause)
    {
        using var queue = new QueueFixture();
        await File.WriteAllTextAsync(Path.Combine(queue.Folder, "0000000001000-00000000000000ff.scrape"), content,
            TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(queue.Folder, "README"), "of somebody", TestContext.Current.CancellationToken);
        queue.Restart();
        Assert.Equal(["0000000001000-00000000000000ff.scrape"], queue.Damaged);
        Assert.Contains(cause, queue.Log);
        Assert.Equal(content, await File.ReadAllTextAsync(Path.Combine(queue.Folder, "damaged", queue.Damaged[0]),
            TestContext.Current.CancellationToken));
        Assert.True(File.Exists(Path.Combine(queue.Folder, "README")));
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

    public static TheoryData<string, int> Failures
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var call in Enum.GetNames<FolderCall>())
            {
                data.Add(call, 28); // ENOSPC
                data.Add(call, 5);  // EIO
            }
            return data;
        }
    }

    /// <summary>
    /// Each call fails, once at its first and once at its third time, or for good; nothing is lost as long as the process lives, and what
    /// was stored is there after it.
    /// </summary>
    [Theory, MemberData(nameof(Failures))]
    public async Task A_call_that_fails_loses_nothing(string call, int errno)
    {
        var failing = Enum.Parse<FolderCall>(call);
        foreach (var (from, to) in new[] { (1, 1), (3, 3), (1, int.MaxValue) })
        {
            var calls = 0;
            using var queue = new QueueFixture((made, _) =>
            {
                if (made == failing && ++calls >= from && calls <= to)
                    throw new IOException("", errno);
            });
            using var target = new ScrapeFixture();
            var sent = new List<string>();
            for (var i = 1; i <= 6; i++)
            {
                await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
                if (i % 2 == 0 && (failing != FolderCall.Read || to < int.MaxValue))
                    sent.AddRange(ScrapeFixture.Lines(await queue.SendNextAsync()));
            }
            queue.Before = null;
            while (queue.Queue.Count > 0)
                sent.AddRange(ScrapeFixture.Lines(await queue.SendNextAsync()));
            Assert.Equal(Enumerable.Range(1, 6).Select(i => $"a {i} @{i}000"),
                sent.Where(s => s.StartsWith("a ", StringComparison.Ordinal)));
            queue.Restart();
            while (queue.Queue.Count > 0)
                sent.AddRange(ScrapeFixture.Lines(await queue.SendNextAsync()));
            Assert.Empty(queue.Files);
            if (failing is FolderCall.Create or FolderCall.Flush or FolderCall.Rename)
                Assert.Contains(errno == 28 ? "no space left" : "input/output error", queue.Log);
        }
    }

    /// <summary>
    /// The power goes after every call in turn: what was not flushed is gone, renames that the folder did not flush are undone.
    /// </summary>
    [Fact]
    public async Task What_was_accepted_survives_a_loss_of_power()
    {
        for (var calls = 1; calls < 60; calls++)
        {
            var left = calls;
            var flushed = new HashSet<string>();
            var renames = new List<(string From, string To)>();
            var isOff = false;
            using var queue = new QueueFixture((call, path) =>
            {
                if (isOff || --left == 0)
                {
                    isOff = true;
                    throw new IOException("", 5);
                }
                switch (call)
                {
                    case FolderCall.Flush: flushed.Add(path); break;
                    case FolderCall.Rename when path.EndsWith(".new", StringComparison.Ordinal): renames.Add((path, path[..^4])); break;
                    case FolderCall.FlushFolder: renames.Clear(); break;
                }
            });
            using var target = new ScrapeFixture();
            var accepted = new List<string>();
            var sent = new List<string>();
            for (var i = 1; i <= 5 && !isOff; i++)
            {
                var scrape = target.Scrape($"a {i}\n", i * 1000);
                var entry = await queue.AddAsync(scrape);
                if (entry.File is not null)
                    accepted.Add($"a {i} @{i}000");
                if (i == 3 && !isOff)
                    sent.AddRange(ScrapeFixture.Lines(await queue.SendNextAsync()));
            }
            foreach (var (from, to) in renames.Where(r => File.Exists(r.To)))
                File.Move(to, from);
            foreach (var file in Directory.GetFiles(queue.Folder, "*.scrape").Concat(Directory.GetFiles(queue.Folder, "*.new"))
                .Where(f => !flushed.Contains(f) && !flushed.Contains(f + ".new")))
                await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
            queue.Before = null;
            queue.Restart();
            while (queue.Queue.Count > 0)
                sent.AddRange(ScrapeFixture.Lines(await queue.SendNextAsync()));
            Assert.Empty(accepted.Except(sent));
            Assert.Empty(queue.Damaged);
            Assert.Empty(Directory.GetFiles(queue.Folder, "*.new"));
        }
    }

    [Fact]
    public async Task A_folder_that_appears_later_is_resumed_then()
    {
        using var queue = new QueueFixture();
        using var target = new ScrapeFixture();
        await queue.AddAsync(target.Scrape("a 1\n", 1000));
        queue.Before = (call, _) =>
        {
            if (call == FolderCall.List)
                throw new IOException("", 116);
        };
        queue.Restart();
        Assert.Equal(0, queue.Queue.Count);
        Assert.Contains("The queue directory cannot be listed", queue.Log);
        queue.Before = null;
        await queue.AddAsync(target.Scrape("a 2\n", 2000));
        Assert.Equal(["a 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        Assert.Equal(["a 2 @2000", "up 1 @2000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
    }

    /// <summary>
    /// The receiver is away, and the folder cannot be listed for a while although it takes files: nothing is queued twice.
    /// </summary>
    [Fact]
    public async Task What_is_stored_while_the_folder_cannot_be_listed_is_queued_once()
    {
        using var queue = new QueueFixture();
        using var target = new ScrapeFixture();
        for (var i = 1; i <= 3; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        queue.Before = (call, _) =>
        {
            if (call == FolderCall.List)
                throw new IOException("", 5);
        };
        queue.Restart();
        for (var i = 4; i <= 8; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        Assert.Equal(["a 4 @4000", "up 1 @4000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        var inFlight = await queue.TakeAsync();
        queue.Before = null;
        await queue.AddAsync(target.Scrape("a 9\n", 9000));
        Assert.Equal(8, queue.Queue.Count);
        Assert.Equal(8, queue.Files.Length);
        queue.Queue.Complete(inFlight);
        await queue.SettleAsync();
        foreach (var i in new[] { 1, 2, 3, 6, 7, 8, 9 })
            Assert.Equal([$"a {i} @{i}000", $"up 1 @{i}000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        Assert.Equal(0, queue.Queue.Count);
        Assert.Empty(queue.Files);
        Assert.Equal(0, queue.Metrics.QueueDamagedFiles.Value);
        Assert.Equal(0, queue.Metrics.QueueDroppedScrapes[DropReason.Damaged]);
    }

    /// <summary>
    /// What was in the folder is gone and counted; what is in memory and what comes is sent at once, and stored in a folder made anew.
    /// </summary>
    [Fact]
    public async Task A_folder_that_somebody_deletes_holds_nothing_up()
    {
        using var queue = new QueueFixture();
        using var target = new ScrapeFixture();
        for (var i = 1; i <= 3; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        Directory.Delete(queue.Folder, recursive: true);
        await queue.AddAsync(target.Scrape("a 4\n", 4000));
        Assert.Single(queue.Files);
        var before = queue.Time.GetUtcNow();
        Assert.Equal(["a 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(await queue.SendNextAsync())); // was in memory
        Assert.Equal(["a 4 @4000", "up 1 @4000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        Assert.InRange(queue.Time.GetUtcNow() - before, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.Equal(2, queue.Metrics.QueueDroppedScrapes[DropReason.Damaged]);
        Assert.Equal(0, queue.Queue.Count);
        var log = new Log(TextWriter.Null, LogLevel.Info, LogFormat.Logfmt, queue.Time);
        using var other = new ScrapeFolder(queue.Folder, new FolderCalls(), queue.Metrics, log);
        Assert.False(other.TryLock()); // it is ours again
    }

    /// <summary>A scrape that is sent before its file was begun needs none; as the target's last it is kept all the same.</summary>
    [Fact]
    public async Task What_is_sent_before_it_is_stored_becomes_the_last_of_its_target()
    {
        using var hang = new ManualResetEventSlim(true);
        using var queue = new QueueFixture((_, _) => hang.Wait(TimeSpan.FromSeconds(30)));
        using var target = new ScrapeFixture();
        hang.Reset();
        for (var i = 1; i <= 5; i++)
        {
            queue.Queue.Add(target.Scrape($"a {i}\nb{i} 1\n", i * 1000));
            var entry = await queue.Queue.TakeAsync(TestContext.Current.CancellationToken);
            queue.Queue.Complete(entry!);
            if (i == 1)
                await UntilHangingAsync(queue); // the first is in the middle of being written
        }
        Assert.Equal(0, queue.Queue.Count);
        hang.Set();
        await queue.SettleAsync();
        Assert.Empty(queue.Files);
        queue.Restart();
        Assert.Equal(0, queue.Queue.Count);
        var last = await queue.Queue.RecallAsync(target.Target, TestContext.Current.CancellationToken);
        Assert.Equal(5000, last!.Timestamp);
        last.Release();
    }

    /// <summary>A worker never waits for the disk while another target's scrape is in memory.</summary>
    [Fact]
    public async Task While_a_file_cannot_be_read_other_targets_are_sent()
    {
        using var hang = new ManualResetEventSlim(true);
        using var queue = new QueueFixture((call, _) =>
        {
            if (call == FolderCall.Read)
                hang.Wait(TimeSpan.FromSeconds(30));
        });
        using var target = new ScrapeFixture();
        for (var i = 1; i <= 3; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        queue.Restart();
        hang.Reset();
        queue.Queue.Add(Of("other:1", 4000));
        var taken = await queue.Queue.TakeAsync(TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.Equal(4000, taken!.Timestamp);
        hang.Set();
        Assert.Equal(["a 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
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

    private static ScrapeResult Of(string address, long timestamp) => new(new Scrape
    {
        Target = ScrapeFixture.MakeTarget(address),
        Labels = new TargetLabels([], [], false),
        Timestamp = timestamp,
        Body = null,
        Vanished = null,
        Skipped = null,
        Report = default,
        Samples = 5,
        HonorTimestamps = true,
        IsOrdered = false,
    });

    private static async Task UntilHangingAsync(QueueFixture queue)
    {
        for (var waits = 0; queue.Queue.IsHanging != true; waits++)
        {
            Assert.True(waits < 1000, "not within ten seconds");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        Assert.Equal(1, queue.Metrics.QueueDirectoryHanging.Value);
    }
}
