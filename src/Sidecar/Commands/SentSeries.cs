using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary>The samples of one scrape as they would be sent: walks its body through relabeling and encoder, one sample at a time.</summary>
internal sealed class SentSeries : IDisposable
{
    private readonly Scrape scrape;
    private readonly SampleReader reader;
    private readonly SeriesEncoder encoder;
    private SkippedSamples.Cursor skipped;
    private bool isBodyRead;
    private bool isOfBody; // and not one that the scrape reports of itself
    private int ordinal;
    private int report;

    /// <param name="labels">The target's labels with other rules than the scrape's own; null for those.</param>
    public SentSeries(Scrape scrape, PassContext context, TargetLabels? labels = null)
    {
        this.scrape = scrape;
        reader = context.Reader;
        encoder = context.Encoder;
        encoder.Begin(labels ?? scrape.Labels);
        skipped = (scrape.Skipped ?? SkippedSamples.None).Start();
        isBodyRead = scrape.Body is null;
        if (scrape.Body is not null)
            reader.Open(scrape.Body.OpenRead(), sizeLimit: 0, scrape.Format, scrape.Reading);
    }

    /// <summary>Its labels. Good until the next one.</summary>
    public SeriesLabels Labels => encoder.Labels;

    public double Value { get; private set; }

    /// <summary>Milliseconds since the Unix epoch.</summary>
    public long Timestamp { get; private set; }

    /// <summary>The timestamp is the sample's own, and not the scrape's.</summary>
    public bool HasOwnTimestamp { get; private set; }

    /// <summary>Instead of the value; null for nearly all.</summary>
    public NativeHistogram? Histogram => isOfBody && reader.Sample.HasHistogram ? reader.Sample.Histogram : null;

    /// <summary>What the body says of the metric; null for the series that a scrape reports of itself.</summary>
    public MetricFamily? Family { get; private set; }

    /// <summary>The next sample; false at the end.</summary>
    public bool Next()
    {
        while (!isBodyRead && reader.Read())
        {
            var sample = reader.Sample;
            if (skipped.Skips(ordinal++) || !encoder.TryBegin(sample, out _))
                continue;
            Value = sample.Value;
            HasOwnTimestamp = sample.HasTimestamp && scrape.HonorTimestamps;
            Timestamp = HasOwnTimestamp ? sample.Timestamp : scrape.Timestamp;
            Family = sample.Family;
            isOfBody = true;
            return true;
        }
        isBodyRead = true;
        isOfBody = false;
        Family = null;
        HasOwnTimestamp = false;
        Timestamp = scrape.Timestamp;
        while (report < ReportSeries.Count)
        {
            if (!scrape.Report.TryBegin(encoder, report++, out var value))
                continue;
            Value = value;
            return true;
        }
        return false;
    }

    /// <summary>Puts the sample into the request that is being made, which is returned when it is full; to be released.</summary>
    public EncodedRequest? Encode()
    {
        if (isOfBody)
            encoder.Commit(reader.Sample, Timestamp);
        else
            encoder.Commit(Value, Timestamp);
        return encoder.IsFull ? encoder.Take() : null;
    }

    /// <summary>The last request; null when there is nothing left for it.</summary>
    public EncodedRequest? TakeRest() => encoder.Take();

    public void Dispose()
    {
        reader.Dispose();
        encoder.Drop();
    }
}
