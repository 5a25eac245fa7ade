using Sidecar.Exposition;
using Sidecar.Scraping;

namespace Sidecar.RemoteWrite;

/// <summary>Makes the requests of a scrape from its body, one at a time as they are asked for, leaving out those that are held.</summary>
internal sealed class RequestStream
{
    private readonly Scrape scrape;
    private readonly SampleReader reader;
    private readonly SeriesEncoder encoder;
    private readonly int heldSamples;
    private SkippedSamples.Cursor skipped;
    private Part part;
    private int ordinal;

    public RequestStream(Scrape scrape, PassContext context)
    {
        this.scrape = scrape;
        reader = context.Reader;
        encoder = context.Encoder;
        encoder.Begin(scrape.Labels);
        heldSamples = scrape.Held?.BodySamples ?? 0;
        skipped = (scrape.Skipped ?? new SkippedSamples()).Start();
        if (scrape.Body is not null)
            reader.Open(scrape.Body.OpenRead(), sizeLimit: 0);
    }

    private enum Part
    {
        Body,
        Vanished,
        Report,
        End,
    }

    /// <summary>Null at the end.</summary>
    public EncodedRequest? Next()
    {
        while (part != Part.End)
        {
            if (part == Part.Body && !ReadBody())
            {
                part = Part.Vanished;
                if (scrape.Vanished is not null)
                    reader.Open(scrape.Vanished.OpenRead(), sizeLimit: 0);
            }
            else if (part == Part.Vanished && !ReadVanished())
                part = Part.Report;
            else if (part == Part.Report)
            {
                scrape.Report.Encode(encoder, scrape.Timestamp);
                part = Part.End;
            }
            if (encoder.IsFull || part == Part.End)
                return encoder.Take();
        }
        return null;
    }

    /// <summary>False when the body is at its end; true when the request is full.</summary>
    private bool ReadBody()
    {
        while (!encoder.IsFull)
        {
            if (scrape.Body is null || !reader.Read())
                return false;
            var sample = reader.Sample;
            var skip = skipped.Skips(ordinal);
            if (ordinal++ >= heldSamples && !skip && encoder.TryBegin(sample, out _))
            {
                var own = sample.HasTimestamp && scrape.HonorTimestamps;
                encoder.Commit(sample.Value, own ? sample.Timestamp : scrape.Timestamp);
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
            if (encoder.TryBegin(reader.Sample, out _))
                encoder.Commit(FloatText.StaleNaN, scrape.Timestamp);
        }
        return true;
    }
}
