using Sidecar.Discovery;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Queueing;

/// <summary>A queued scrape, in memory, in a file or both; in memory while taken. Changed by the queue alone, under its lock.</summary>
internal sealed class QueuedScrape
{
    private ScrapeResult? content;

    /// <summary>A scrape that was just made, with what was made on the way.</summary>
    public QueuedScrape(ScrapeResult content)
    {
        this.content = content;
        Target = content.Scrape.Target;
        Timestamp = content.Scrape.Timestamp;
        Samples = content.Scrape.Samples;
        IsGood = content.Scrape.IsGood;
        Size = content.Scrape.Size;
    }

    /// <summary>A scrape that waits in the directory from before this process.</summary>
    public QueuedScrape(ScrapeHeader header, StoredFile file)
    {
        Target = header.Target;
        Timestamp = header.Timestamp;
        Samples = header.Samples;
        IsGood = header.IsGood;
        File = file;
    }

    public Target Target { get; }
    public long Timestamp { get; }

    /// <inheritdoc cref="Scrape.Samples"/>
    public int Samples { get; }

    /// <inheritdoc cref="Scrape.IsGood"/>
    public bool IsGood { get; }

    /// <summary>Bytes that it takes in memory, counted once when it comes in.</summary>
    public long Size { get; }

    /// <summary>The record; there while the entry is taken.</summary>
    public Scrape Scrape => content?.Scrape ?? throw new InvalidOperationException("the scrape is in its file alone");

    /// <inheritdoc cref="ScrapeResult.Held"/>
    public HeldRequests? Held => content?.Held;

    /// <inheritdoc cref="ScrapeResult.Metadata"/>
    public IReadOnlyList<EncodedRequest> Metadata => content?.Metadata ?? [];

    /// <summary>How often it was taken and given back unsent by <see cref="ScrapeQueue.Return"/>.</summary>
    public int Attempts { get; internal set; }

    public bool IsInMemory => content is not null;

    /// <summary>Where it is kept on disk; null while it is in memory alone.</summary>
    public StoredFile? File { get; internal set; }

    /// <summary>Its file is to be written, or is being written; null when that is over.</summary>
    internal FolderOrder? Storing { get; set; }

    internal bool IsUnstored { get; set; }
    internal bool IsLoading { get; set; }

    /// <summary>It was read from its file and waits to be taken.</summary>
    internal bool IsLoaded { get; set; }

    internal int FailedReads { get; set; }

    /// <summary>When its file is read again after a failure; null for at once.</summary>
    internal ITimer? Retry { get; set; }

    /// <summary>Its time lies too far ahead of the clock; see <see cref="ScrapeQueue.Ahead"/>.</summary>
    internal bool IsAhead { get; init; }

    internal QueueExit Exit { get; set; }
    internal string? Cause { get; set; }

    internal void Load(Scrape scrape) => content = new ScrapeResult(scrape);

    internal void Release()
    {
        content?.Release();
        content = null;
    }
}

/// <summary>How a scrape left the queue.</summary>
internal enum QueueExit
{
    None,
    Delivered,
    Dropped,
    /// <summary>It cannot be sent; its file is kept in <c>damaged/</c>.</summary>
    SetAside,
    /// <summary>Its file is gone, or was set aside already.</summary>
    Lost,
}
