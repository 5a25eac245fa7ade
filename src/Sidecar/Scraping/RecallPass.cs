using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Scraping;

/// <summary>The pass after a start: reads from a target's newest scrape which series the target had.</summary>
internal sealed class RecallPass
{
    private readonly TargetSeries series;
    private readonly PassContext context;
    private readonly Scrape last;

    public RecallPass(TargetSeries series, PassContext context, Scrape last)
    {
        (this.series, this.context, this.last) = (series, context, last);
        series.Known.LastTimestamp = last.Timestamp;
        context.Encoder.Begin(series.Labels);
        if (last.Body is not null)
            context.Body.Open(last.Body);
    }

    /// <inheritdoc cref="PassStep{T}"/>
    public bool TryFinish(out bool isKnown)
    {
        isKnown = last.Body is not null;
        if (last.Body is null)
            return true;
        var walk = context.Body;
        while (walk.Next())
        {
            if (walk.Outcome is SeriesOutcome.Dropped or SeriesOutcome.Failed)
                continue;
            series.Known.Recall(walk.Hash, walk.Sample.HasTimestamp && series.Options.HonorTimestamps ? walk.Sample.Timestamp : null);
        }
        if (context.Reader.IsPaused)
            return false;
        series.LastBody = last.Body.AddReference();
        return true;
    }
}
