using Sidecar.Relabeling;

namespace Sidecar.Requests;

/// <summary>The metric and write relabeling of every series. Immutable, shared by all targets and passes.</summary>
internal sealed class SeriesRules(RelabelRules metric, RelabelRules write)
{
    /// <summary>For what is scraped, with the target's labels.</summary>
    public RelabelRules Metric { get; } = metric;

    /// <summary>For what is sent, with the external labels; the report series of a scrape are subject to them too.</summary>
    public RelabelRules Write { get; } = write;

    /// <summary>Null where there is no rule.</summary>
    public static SeriesRules? Of(RelabelRules metric, RelabelRules write) => metric.IsEmpty && write.IsEmpty ? null : new(metric, write);
}

/// <summary>What becomes of a series.</summary>
internal enum SeriesOutcome
{
    Sent,
    /// <summary>Write relabeling drops it: it counts as scraped, and is not sent.</summary>
    Unsent,
    /// <summary>Metric relabeling drops it.</summary>
    Dropped,
    /// <summary>It fails the scrape.</summary>
    Failed,
}
