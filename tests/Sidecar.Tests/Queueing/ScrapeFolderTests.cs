using Sidecar.Configuration;
using Sidecar.Operation;
using Sidecar.Queueing;
using Sidecar.Scraping;
using Sidecar.Tests.RemoteWrite;
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
        Assert.Equal("h:1", queue.Queue.TakeRemembered().Single().Labels.Single(l => l.Key == "instance").Value);
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
        Assert.Empty(queue.Queue.TakeRemembered());
    }

    /// <summary>Every length that a file can be cut to, and every bit that can flip: set aside, counted, named, and the next one is sent.</summary>
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
            .Concat(Enumerable.Range(0, whole.Length * 8).Select(bit => whole.Select((b, i) => (byte)(i == bit / 8 ? b ^ (1 << bit % 8) : b)).ToArray()));
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
        await File.WriteAllTextAsync(Path.Combine(queue.Folder, "0000000001000-00000000000000ff.scrape"), content, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(queue.Folder, "README"), "of somebody", TestContext.Current.CancellationToken);
        queue.Restart();
        Assert.Equal(["0000000001000-00000000000000ff.scrape"], queue.Damaged);
        Assert.Contains(cause, queue.Log);
        Assert.Equal(content, await File.ReadAllTextAsync(Path.Combine(queue.Folder, "damaged", queue.Damaged[0]), TestContext.Current.CancellationToken));
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

    /// <summary>Each call fails, once at its first and once at its third time, or for good; nothing is lost as long as the process lives, and what was stored is there after it.</summary>
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
            Assert.Equal(Enumerable.Range(1, 6).Select(i => $"a {i} @{i}000"), sent.Where(s => s.StartsWith("a ", StringComparison.Ordinal)));
            queue.Restart();
            while (queue.Queue.Count > 0)
                sent.AddRange(ScrapeFixture.Lines(await queue.SendNextAsync()));
            Assert.Empty(queue.Files);
            if (failing is FolderCall.Create or FolderCall.Flush or FolderCall.Rename)
                Assert.Contains(errno == 28 ? "no space left" : "input/output error", queue.Log);
        }
    }

    /// <summary>The power goes after every call in turn: what was not flushed is gone, renames that the folder did not flush are undone.</summary>
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
            foreach (var file in Directory.GetFiles(queue.Folder, "*.scrape").Concat(Directory.GetFiles(queue.Folder, "*.new")).Where(f => !flushed.Contains(f) && !flushed.Contains(f + ".new")))
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
}
