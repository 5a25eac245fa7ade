using System.IO.Compression;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.RemoteWrite;

namespace Sidecar.Scraping;

/// <summary>
/// What is known of one target from scrape to scrape: which series it has, and the last good body. Turns a download into a
/// <see cref="Scrape"/>: all of it or nothing, with the markers for what vanished.
/// </summary>
internal sealed class TargetSeries(Target target, TargetLabels labels, ScrapeOptions options, HeldBudget budget, TimeProvider time) : IDisposable
{
    /// <summary>Prometheus's maxAheadTime (scrape/scrape.go).</summary>
    private const long MostAheadMilliseconds = 10 * 60 * 1000;

    private readonly SeriesTable table = new();
    private Dictionary<ulong, long> timestamps = []; // last explicit timestamp of each series that brings its own
    private Dictionary<ulong, long> timestampsNow = [];
    private CompressedBody? lastBody;
    private int lastCount;

    /// <summary>A download ended: validates the body, if there is one, and makes the record of it.</summary>
    /// <param name="body">Null when the download failed; the record keeps a reference of its own.</param>
    /// <param name="timestamp">Milliseconds since the Unix epoch.</param>
    /// <param name="started">Of the time provider, at the scrape's start, for its duration.</param>
    /// <param name="outcome">Its failure says why there is no body; the rest is filled in.</param>
    public Scrape Complete(PassContext context, CompressedBody? body, long timestamp, long started, ScrapeOutcome outcome)
    {
        var skipped = new SkippedSamples();
        var held = new HeldRequests(budget);
        var encoding = new Encoding(context.Encoder, held);
        context.Encoder.Begin(labels);
        table.ClearSeen();
        timestampsNow.Clear();
        var ordered = false;
        if (body is not null)
            Validate(context, body, timestamp, skipped, ref encoding, outcome, out ordered);

        var good = outcome.Failure.IsNone;
        if (!good)
        {
            table.ClearSeen();
            encoding.Restart();
            skipped = null;
        }
        var vanished = MarkVanished(context, good, timestamp, ref encoding, outcome);
        if (good)
        {
            (timestamps, timestampsNow) = (timestampsNow, timestamps);
            lastCount = table.Count;
            lastBody = body!.AddReference();
        }
        else if (table.Count > lastCount * 2 + 1000)
            table.Clear(); // a target that fails again and again must not fill it

        var report = new ReportSamples(
            good ? 1 : 0, time.GetElapsedTime(started).TotalSeconds, outcome.Scraped, outcome.PostRelabeling, outcome.Added);
        return Finish(good ? body : null, vanished, skipped, report, timestamp, ordered, ref encoding, outcome);
    }

    /// <summary>The target is gone for good: markers for all its series and the five report series.</summary>
    public Scrape End(PassContext context, long timestamp)
    {
        var outcome = new ScrapeOutcome();
        var encoding = new Encoding(context.Encoder, new HeldRequests(budget));
        context.Encoder.Begin(labels);
        table.ClearSeen();
        var vanished = MarkVanished(context, good: false, timestamp, ref encoding, outcome);
        return Finish(null, vanished, null, ReportSamples.Stale, timestamp, false, ref encoding, outcome);
    }

    public void Dispose()
    {
        lastBody?.Release();
        lastBody = null;
        table.Dispose();
    }

    private void Validate(
        PassContext context, CompressedBody body, long timestamp, SkippedSamples skipped, ref Encoding encoding, ScrapeOutcome outcome,
        out bool ordered)
    {
        var reader = context.Reader;
        var encoder = context.Encoder;
        ordered = false;
        reader.Open(body.OpenRead(), options.BodySizeLimit);
        while (reader.Read())
        {
            var sample = reader.Sample;
            var ordinal = outcome.Scraped++;
            if (!encoder.TryBegin(sample, out var hash))
            {
                outcome.Failure = new Failure(
                    FailureReason.Parse, $"sample {outcome.Scraped}, {System.Text.Encoding.UTF8.GetString(sample.Name)}: {encoder.Error}");
                break;
            }
            outcome.PostRelabeling++;
            if (sample.HasTimestamp && options.HonorTimestamps)
            {
                if (!AcceptTimestamp(hash, sample.Timestamp, timestamp, outcome, ref ordered))
                {
                    skipped.Add(ordinal);
                    continue;
                }
                if (options.TrackTimestampsStaleness)
                    table.Add(hash);
                encoding.Commit(sample.Value, sample.Timestamp, outcome.Scraped);
                continue;
            }
            switch (table.Add(hash))
            {
                case SeriesTable.Added.Duplicate:
                    outcome.Duplicates++;
                    skipped.Add(ordinal);
                    continue;
                case SeriesTable.Added.New:
                    outcome.Added++;
                    break;
            }
            encoding.Commit(sample.Value, timestamp, outcome.Scraped);
        }
        outcome.BodyBytes = reader.BytesRead;
        if (reader.Error != ReadError.None)
        {
            var reason = reader.Error switch
            {
                ReadError.Compression => FailureReason.Truncated,
                ReadError.TooLarge => FailureReason.BodySizeLimit,
                _ => FailureReason.Parse,
            };
            outcome.Failure = new Failure(reason, reader.ErrorMessage);
        }
    }

    /// <summary>A sample with its own timestamp must be newer than the last one of its series, as in Prometheus's agent.</summary>
    private bool AcceptTimestamp(ulong hash, long own, long timestamp, ScrapeOutcome outcome, ref bool ordered)
    {
        if (own > timestamp + MostAheadMilliseconds)
        {
            outcome.OutOfBounds++;
            return false;
        }
        var before = timestamps.TryGetValue(hash, out var last);
        if (timestampsNow.TryGetValue(hash, out var lastNow))
        {
            before = true;
            last = lastNow;
            ordered = true;
        }
        if (!before)
            outcome.Added++;
        timestampsNow[hash] = before ? Math.Max(last, own) : own;
        if (!before || own > last)
            return true;
        outcome.OutOfOrder++;
        return false;
    }

    /// <summary>Streams the last good body again for the series that are there and not here.</summary>
    private CompressedBody? MarkVanished(PassContext context, bool good, long timestamp, ref Encoding encoding, ScrapeOutcome outcome)
    {
        var previous = lastBody;
        lastBody = null;
        if (previous is null || table.Seen == table.Count)
        {
            // Nothing vanished, or what did was marked when the scrape before failed.
            if (good)
                table.RemoveUnseen();
            previous?.Release();
            return null;
        }
        var vanished = new CompressedBody();
        using (var text = new GZipStream(vanished.OpenWrite(), CompressionLevel.Fastest))
        {
            context.Reader.Open(previous.OpenRead(), sizeLimit: 0);
            while (context.Reader.Read())
            {
                var sample = context.Reader.Sample;
                if (!context.Encoder.TryBegin(sample, out var hash) || !table.TakeUnseen(hash, remove: good))
                    continue;
                encoding.Commit(FloatText.StaleNaN, timestamp, outcome.Scraped);
                SeriesText.Write(text, sample);
                outcome.Vanished++;
            }
        }
        if (good)
            table.RemoveUnseen();
        previous.Release();
        if (outcome.Vanished > 0)
            return vanished;
        vanished.Release();
        return null;
    }

    private Scrape Finish(
        CompressedBody? body, CompressedBody? vanished, SkippedSamples? skipped, in ReportSamples report, long timestamp, bool ordered,
        ref Encoding encoding, ScrapeOutcome outcome)
    {
        var sent = body is null ? 0 : outcome.Scraped - (skipped?.Count ?? 0);
        return new Scrape
        {
            Target = target,
            Labels = labels,
            Timestamp = timestamp,
            Body = body?.AddReference(),
            Vanished = vanished,
            Skipped = skipped is { Count: > 0 } ? skipped : null,
            Report = report,
            Samples = sent + outcome.Vanished + ReportSamples.Count,
            HonorTimestamps = options.HonorTimestamps,
            IsOrdered = ordered,
            Held = encoding.Finish(report, timestamp, outcome.Scraped),
        };
    }

    /// <summary>Encodes into held requests for as long as the budget lasts.</summary>
    private struct Encoding(SeriesEncoder encoder, HeldRequests held)
    {
        private bool holds = true;

        /// <param name="bodySamples">Samples of the body read so far, this one included.</param>
        public void Commit(double value, long timestamp, int bodySamples)
        {
            if (!holds)
                return;
            encoder.Commit(value, timestamp);
            if (encoder.IsFull)
                Hold(bodySamples);
        }

        /// <summary>What was encoded is not to be sent.</summary>
        public void Restart()
        {
            encoder.Drop();
            held.Release();
            holds = true;
        }

        public HeldRequests Finish(in ReportSamples report, long timestamp, int bodySamples)
        {
            if (holds)
            {
                report.Encode(encoder, timestamp);
                Hold(bodySamples);
            }
            held.IsComplete = holds;
            return held;
        }

        private void Hold(int bodySamples)
        {
            if (encoder.Take() is { } request && !held.TryAdd(request, bodySamples))
                holds = false;
        }
    }
}
