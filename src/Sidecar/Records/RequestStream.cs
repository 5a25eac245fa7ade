using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>
/// Makes the requests of a scrape from its body, one at a time as they are asked for, leaving out those that are held. It has its context
/// to its end.
/// </summary>
internal sealed class RequestStream
{
    private readonly Scrape scrape;
    private readonly SampleReader reader;
    private readonly SeriesEncoder encoder;
    private readonly HeldRequests? held;
    private SkippedSamples.Cursor skipped;
    private Part part;
    private int ordinal; // of the next sample of the body
    private int other;   // of the next marker or report sample
    private int report;  // of the next report sample

    /// <param name="held">What needs not be made again; null for nothing.</param>
    public RequestStream(Scrape scrape, HeldRequests? held, PassContext context)
    {
        this.scrape = scrape;
        reader = context.Reader;
        encoder = context.Encoder;
        encoder.Begin(scrape.Labels);
        this.held = held;
        skipped = (scrape.Skipped ?? SkippedSamples.None).Start();
        if (scrape.Body is not null)
            reader.Open(scrape.Body.OpenRead(), sizeLimit: 0, scrape.Format, scrape.Reading);
    }

    private enum Part
    {
        Body,
        Vanished,
        Report,
        End,
    }

    /// <summary>The next request; null at the end. False when the slice is over: then there is none yet.</summary>
    public bool TryNext(out EncodedRequest? request)
    {
        request = null;
        while (part != Part.End)
        {
            var isFull = part switch
            {
                Part.Body => ReadBody(),
                Part.Vanished => ReadVanished(),
                _ => AddReport(),
            };
            if (isFull)
                break;
            if (reader.IsPaused)
                return false;
            // It was read to its end before it was queued: what cannot be read now was damaged since, and is not passed off as sent.
            if (IsReading && reader.Error != ReadError.None)
                throw new InvalidDataException($"a body in the queue is damaged: {reader.ErrorMessage}");
            part++;
            if (part == Part.Vanished && scrape.Vanished is not null)
                reader.Open(scrape.Vanished.OpenRead(), sizeLimit: 0);
        }
        request = encoder.Take();
        return true;
    }

    private bool IsReading => part == Part.Body ? scrape.Body is not null : part == Part.Vanished && scrape.Vanished is not null;

    /// <summary>False when the body is at its end, or the slice over; true when the request is full.</summary>
    private bool ReadBody()
    {
        while (!encoder.IsFull)
        {
            if (scrape.Body is null || !reader.Read())
                return false;
            var sample = reader.Sample;
            var skip = skipped.Skips(ordinal);
            if (ordinal++ >= (held?.BodySamples ?? 0) && !skip && encoder.TryBegin(sample, out _))
            {
                var own = sample.HasTimestamp && scrape.HonorTimestamps;
                encoder.Commit(sample, own ? sample.Timestamp : scrape.Timestamp);
            }
        }
        return true;
    }

    private bool ReadVanished()
    {
        while (!encoder.IsFull)
        {
            if (scrape.Vanished is null || !reader.Read())
                return false;
            if (!IsOtherHeld() && encoder.TryBegin(reader.Sample, out _))
                encoder.Commit(FloatText.StaleNaN, scrape.Timestamp);
        }
        return true;
    }

    private bool AddReport()
    {
        for (; report < ReportSeries.Count; report++)
        {
            if (encoder.IsFull)
                return true;
            if (!IsOtherHeld() && scrape.Report.TryBegin(encoder, report, out var value))
                encoder.Commit(value, scrape.Timestamp);
        }
        return false;
    }

    private bool IsOtherHeld() => other++ < (held?.OtherSamples ?? 0);
}
