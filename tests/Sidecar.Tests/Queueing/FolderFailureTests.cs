using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Queueing;

/// <summary>A disk that fails, hangs, loses its power or its folder costs nothing that was accepted.</summary>
public sealed class FolderFailureTests
{
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
            data.Add(nameof(FolderCall.Create), 30); // EROFS
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
                Assert.Contains(errno switch { 28 => "no space left", 30 => "read-only", _ => "input/output error" }, queue.Log);
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
        queue.ClockStands = true;
        Assert.Equal(["a 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(await queue.SendNextAsync())); // was in memory
        Assert.Equal(["a 4 @4000", "up 1 @4000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
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
            .WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(4000, taken!.Timestamp);
        hang.Set();
        Assert.Equal(["a 1 @1000", "up 1 @1000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
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
            Assert.True(waits < 3000, "not within half a minute");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        Assert.Equal(1, queue.Metrics.QueueDirectoryHanging.Value);
    }
}
