namespace Sidecar.Relabeling;

/// <summary>The rules that every series goes through between scrape and receiver. Used by one thread.</summary>
/// <param name="Metric">For what is scraped, with the target's labels.</param>
/// <param name="Write">For what is sent, with the external labels; the report series of a scrape are subject to them too.</param>
internal sealed record SeriesRules(RelabelRules Metric, RelabelRules Write)
{
    /// <summary>Null where there is no rule.</summary>
    public static SeriesRules? Of(RelabelRules metric, RelabelRules write) => metric.IsEmpty && write.IsEmpty ? null : new(metric, write);
}

/// <summary>What becomes of a series.</summary>
internal enum SeriesFate
{
    Sent,
    /// <summary>Write relabeling drops it: it counts as scraped, and is not sent.</summary>
    Unsent,
    /// <summary>Metric relabeling drops it.</summary>
    Dropped,
    /// <summary>It fails the scrape.</summary>
    Failed,
}
