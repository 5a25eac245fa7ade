using Sidecar.Exposition;
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
            context.Reader.Open(last.Body.OpenRead(), sizeLimit: 0, last.Body.Format, last.Body.Reading);
    }

    /// <inheritdoc cref="PassStep{T}"/>
    public bool TryFinish(out bool isKnown)
    {
        isKnown = last.Body is not null;
        if (last.Body is null)
            return true;
        var (reader, encoder) = (context.Reader, context.Encoder);
        while (reader.Read())
        {
            var sample = reader.Sample;
            if (encoder.Begin(sample, out var hash) is SeriesOutcome.Dropped or SeriesOutcome.Failed)
                continue;
            series.Known.Recall(hash, sample.HasTimestamp && series.Options.HonorTimestamps ? sample.Timestamp : null);
        }
        if (reader.IsPaused)
            return false;
        series.LastBody = last.Body.AddReference();
        return true;
    }
}
