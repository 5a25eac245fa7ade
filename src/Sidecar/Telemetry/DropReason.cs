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

/// <summary>The words.</summary>
internal static class DropReasons
{
    /// <summary>The reason as a label value: <c>queue_size</c>.</summary>
    public static string Word(DropReason reason) => reason switch
    {
        DropReason.QueueSize => "queue_size",
        DropReason.QueueAge => "queue_age",
        DropReason.TooFarInFuture => "too_far_in_future",
        DropReason.Rejected => "rejected",
        DropReason.Shutdown => "shutdown",
        DropReason.Damaged => "damaged",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}
