using Microsoft.Extensions.Time.Testing;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;
using Sidecar.Tests.Requests;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Queueing;

/// <summary>A queue on a folder of its own, which can be closed and opened again as if the process had ended.</summary>
internal sealed class QueueFixture : IDisposable
{
    private readonly string parent = CreateFolder();
    private readonly LogText log = new();
    private Func<string, SeriesRules?>? rules;
    private FolderThread? folder;

    public QueueFixture(Action<FolderCall, string>? before = null, long sizeLimit = 1 << 30)
    {
        Before = before;
        SizeLimit = sizeLimit;
        Metrics = new Metrics(new Uri("http://receiver/"), "j", TimeSpan.FromSeconds(15), Time);
        Queue = Open();
    }

    public Action<FolderCall, string>? Before { get; set; }

    public long SizeLimit { get; }

    public string Folder => Path.Combine(parent, "q");

    /// <summary>Nothing that is taken may need another try.</summary>
    public bool ClockStands { get; set; }

    public FakeTimeProvider Time { get; } = new(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));

    public Metrics Metrics { get; }

    public ScrapeQueue Queue { get; private set; }

    public string Log => log.ToString();

    public string[] Files => [.. Directory.GetFiles(Folder, "*.scrape").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    public string[] Damaged => Directory.Exists(Path.Combine(Folder, "damaged"))
        ? [.. Directory.GetFiles(Path.Combine(Folder, "damaged")).Select(f => Path.GetFileName(f)!)] : [];

    /// <summary>The process ends, whatever it was doing, and begins again.</summary>
    /// <param name="ofJob">The rules of then, by the job's name.</param>
    public void Restart(Func<string, SeriesRules?>? ofJob = null)
    {
        folder!.Dispose();
        rules = ofJob;
        Queue = Open();
    }

    /// <summary>Adds the scrape and waits until the folder has seen to it.</summary>
    public async Task<QueuedScrape> AddAsync(ScrapeResult scrape)
    {
        var entry = Queue.Add(scrape);
        await SettleAsync();
        return entry;
    }

    /// <summary>Waits until the folder has nothing left to do.</summary>
    public async Task SettleAsync()
    {
        for (var waits = 0; !folder!.IsIdle || folder.IsHanging; waits++)
        {
            Assert.True(waits < 20_000, "the folder is not done");
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    public async Task<QueuedScrape> TakeAsync()
    {
        var taken = Queue.TakeAsync(TestContext.Current.CancellationToken);
        for (var waits = 0; !taken.IsCompleted && waits < 3000; waits++)
        {
            if (!ClockStands && (folder!.IsIdle || folder.IsHanging))
                Time.Advance(TimeSpan.FromSeconds(1)); // between tries to read
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        return (await taken.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken))!;
    }

    /// <summary>What is sent of the next scrape, which is then let go.</summary>
    public async Task<List<SentSample>> SendNextAsync()
    {
        var scrape = await TakeAsync();
        var requests = new List<EncodedRequest>(scrape.Held?.Requests ?? []);
        if (scrape.Held is not { IsComplete: true })
        {
            var stream = new RequestStream(scrape.Scrape, scrape.Held, new PassContext(2000));
            while (stream.TryNext(out var request) && request is not null)
                requests.Add(request);
        }
        var samples = SentSample.Read(requests);
        Queue.Complete(scrape);
        await SettleAsync();
        return samples;
    }

    public void Dispose()
    {
        folder?.Dispose();
        Assert.Equal(0, Metrics.InternalErrors[ProcessLoop.Disk]);
        Directory.Delete(parent, recursive: true);
    }

    /// <summary>In memory where that can be had: each file is flushed, and disks differ a hundredfold in how long that takes.</summary>
    private static string CreateFolder()
    {
        const string Memory = "/dev/shm";
        if (!Directory.Exists(Memory) || new DriveInfo(Memory).AvailableFreeSpace < 32 << 20)
            return Directory.CreateTempSubdirectory("queue").FullName;
        return Directory.CreateDirectory(Path.Combine(Memory, $"queue{Guid.NewGuid():N}")).FullName;
    }

    /// <summary>A process that ends does not wait long for its folder's thread, which may have the lock for a moment yet.</summary>
    private ScrapeQueue Open()
    {
        for (var tries = 0; ; tries++)
        {
            if (TryOpen() is { } queue)
                return queue;
            folder!.Dispose();
            Assert.True(tries < 100, "the folder stays locked");
            Thread.Sleep(50);
        }
    }

    private ScrapeQueue? TryOpen()
    {
        var lines = new Log(log, LogLevel.Info, LogFormat.Logfmt, Time);
        var calls = new FolderCalls { Before = (call, path) => Before?.Invoke(call, path) };
        folder = new FolderThread(new ScrapeFolder(Folder, calls, Metrics, lines, rules), Metrics, lines, TimeProvider.System,
            new InternalErrors(Metrics, lines, Time));
        var queue = new ScrapeQueue(
            new QueueOptions { Directory = Folder, SizeLimit = SizeLimit, AgeLimit = TimeSpan.Zero }, folder, Metrics, lines, Time);
        return queue.OpenAsync().GetAwaiter().GetResult() ? queue : null;
    }
}
