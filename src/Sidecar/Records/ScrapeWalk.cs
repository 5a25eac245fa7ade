using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>A scrape's samples as sent: body without skipped ones, staleness markers, report. Has its context to the end.</summary>
internal sealed class ScrapeWalk
{
    private readonly Scrape scrape;
    private readonly SampleReader reader;
    private readonly SeriesEncoder encoder;
    private readonly BodyWalk body;
    private SkippedSamples.Cursor skipped;
    private Part part;
    private bool isOpen; // the text of the part
    private int report;  // of the next report sample

    /// <param name="labels">The target's labels with other rules than the scrape's own; null for those.</param>
    public ScrapeWalk(Scrape scrape, PassContext context, TargetLabels? labels = null)
    {
        this.scrape = scrape;
        (reader, encoder, body) = (context.Reader, context.Encoder, context.Body);
        encoder.Begin(labels ?? scrape.Labels);
        skipped = (scrape.Skipped ?? SkippedSamples.None).Start();
    }

    private enum Part
    {
        Body,
        Vanished,
        Report,
    }

    /// <summary>Its labels. Good until the next one.</summary>
    public SeriesLabels Labels => encoder.Labels;

    public double Value { get; private set; }
    public long Timestamp { get; private set; }

    /// <summary>What stands in the body; null for markers and for what a scrape reports of itself.</summary>
    public Sample? Sample { get; private set; }

    /// <summary>The timestamp is the sample's own, and not the scrape's.</summary>
    public bool HasOwnTimestamp => Sample is { HasTimestamp: true } && scrape.HonorTimestamps;

    /// <summary>The slice of the pass was over: <see cref="Next"/> found no sample yet, and goes on when it is called again.</summary>
    public bool IsPaused => part != Part.Report && reader.IsPaused;

    /// <summary>The next sample; false at the end, and when paused.</summary>
    public bool Next()
    {
        for (; part != Part.Report; part++, isOpen = false)
        {
            var text = part == Part.Body ? scrape.Body : scrape.Vanished;
            if (text is null)
                continue;
            if (!isOpen)
                body.Open(text);
            isOpen = true;
            while (body.Next())
            {
                if (part == Part.Body && skipped.Skips(body.Ordinal) || body.Outcome != SeriesOutcome.Sent)
                    continue;
                Sample = part == Part.Body ? body.Sample : null;
                Timestamp = HasOwnTimestamp ? body.Sample.Timestamp : scrape.Timestamp;
                Value = part == Part.Body ? body.Sample.Value : FloatText.StaleNaN;
                return true;
            }
            if (reader.IsPaused)
                return false;
            // It was read to its end before it was queued: what cannot be read now was damaged since, and is not passed off as sent.
            if (reader.Error != ReadError.None)
                throw new InvalidDataException($"a body in the queue is damaged: {reader.ErrorMessage}");
        }
        Sample = null;
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

    public void Commit()
    {
        if (Sample is not null)
            encoder.Commit(Sample, Timestamp);
        else
            encoder.Commit(Value, Timestamp);
    }
}
