namespace Sidecar.Telemetry;

/// <summary>Why samples or whole scrapes were not delivered: a closed set, the words of label <c>reason</c>.</summary>
internal enum DropReason
{
    /// <summary>The queue was full; the oldest scrapes went.</summary>
    QueueSize,
    /// <summary>The scrape was older than SIDECAR_QUEUE_AGE_LIMIT.</summary>
    QueueAge,
    /// <summary>An explicit timestamp more than ten minutes ahead.</summary>
    TooFarInFuture,
    /// <summary>The receiver refused it for good (4xx).</summary>
    Rejected,
    Shutdown,
    /// <summary>The stored scrape is torn or flipped and cannot be read back.</summary>
    Damaged,
}
