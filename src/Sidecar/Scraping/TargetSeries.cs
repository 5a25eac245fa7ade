using System.IO.Compression;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Relabeling;
using Sidecar.RemoteWrite;

namespace Sidecar.Scraping;

/// <summary>
/// What is known of one target from scrape to scrape: which series it has, and the last good body. Turns a download into a
/// <see cref="Scrape"/>: all of it or nothing, with the markers for what vanished.
/// </summary>
internal sealed class TargetSeries(Target target, TargetLabels labels, ScrapeOptions options, HeldBudget budget, TimeProvider time, ReceiverProtocol? protocol = null) : IDisposable
{
    /// <summary>How often metadata is sent by itself: Prometheus's default metadata_config.send_interval.</summary>
    private static readonly TimeSpan MetadataInterval = TimeSpan.FromMinutes(1);

    /// <summary>Prometheus's maxAheadTime (scrape/scrape.go).</summary>
    private const long MostAheadMilliseconds = 10 * 60 * 1000;

    private readonly SeriesTable table = new();
    private Dictionary<ulong, long> timestamps = []; // last explicit timestamp of each series that brings its own
    private Dictionary<ulong, long> timestampsNow = [];
    private CompressedBody? lastBody;
    private int lastCount;
    private long lastMetadata; // time.GetTimestamp(); 0 for never
    private long lastTimestamp; // of the last samples without one of their own, markers included

    /// <summary>What was known of the target before this process: its series and its last timestamp. Before anything else.</summary>
    /// <param name="last">Its newest scrape; without a body all its series have ended.</param>
    public void Recall(PassContext context, Scrape last)
    {
        lastTimestamp = last.Timestamp;
        if (last.Body is null)
            return;
        context.Encoder.Begin(labels);
        context.Reader.Open(last.Body.OpenRead(), sizeLimit: 0, last.Body.Format);
        while (context.Reader.Read())
        {
            var sample = context.Reader.Sample;
            if (context.Encoder.Begin(sample, out var hash) is SeriesFate.Dropped or SeriesFate.Failed)
                continue;
            var isOwn = sample.HasTimestamp && options.HonorTimestamps;
            if (isOwn)
                timestamps[hash] = Math.Max(timestamps.GetValueOrDefault(hash), sample.Timestamp);
            if (!isOwn || options.TrackTimestampsStaleness)
                table.Add(hash);
        }
        lastCount = table.Count;
        lastBody = last.Body.AddReference();
    }

    /// <summary>A download ended: validates the body, if there is one, and makes the record of it.</summary>
    /// <param name="body">Null when the download failed; the record keeps a reference of its own.</param>
    /// <param name="timestamp">Milliseconds since the Unix epoch.</param>
    /// <param name="started">Of the time provider, at the scrape's start, for its duration.</param>
    /// <param name="outcome">Its failure says why there is no body; the rest is filled in.</param>
    public Scrape Complete(PassContext context, CompressedBody? body, long timestamp, long started, ScrapeOutcome outcome)
    {
        var skipped = new SkippedSamples();
        var held = new HeldRequests(budget);
        var encoding = new HeldEncoding(context.Encoder, held, protocol is null or { IsSettled: true });
        context.Encoder.Begin(labels);
        table.ClearSeen();
        timestampsNow.Clear();
        var ordered = false;
        // In 2.0 it stands beside each series.
        var metadata = protocol is { IsSettled: true, Current: WriteVersion.One } 
            && (lastMetadata == 0 || time.GetElapsedTime(lastMetadata) >= MetadataInterval) ? new MetadataEncoder() : null;
        if (body is not null)
            Validate(context, body, timestamp, skipped, metadata, ref encoding, outcome, out ordered);

        var good = outcome.Failure.IsNone;
        if (!good)
        {
            table.ClearSeen();
            timestampsNow.Clear();
            encoding.Restart();
            skipped = null;
        }
        // An answer without a byte is up, but for what is known it counts as a failure, as in Prometheus.
        var forget = good && outcome.BodyBytes > 0;
        var vanished = MarkVanished(context, forget, timestamp, ref encoding, outcome, ref ordered);
        if (forget)
        {
            (timestamps, timestampsNow) = (timestampsNow, timestamps);
            if (table.Count > lastCount + lastCount / 4)
                NativeHeap.Trim();
            lastCount = table.Count;
        }
        else if (table.Count > lastCount * 2 + 1000)
            table.Clear(); // a target that fails again and again must not fill it
        if (good)
            lastBody = body!.AddReference();
        if (good || vanished is not null)
            lastTimestamp = timestamp;

        var report = new ReportSamples(
            good ? 1 : 0, time.GetElapsedTime(started).TotalSeconds, outcome.Scraped, outcome.PostRelabeling, outcome.Added);
        var scrape = Finish(good ? body : null, vanished, skipped, report, timestamp, ordered, ref encoding, outcome);
        if (metadata is not null && scrape.Body is not null)
        {
            scrape.Metadata = metadata.Take();
            lastMetadata = time.GetTimestamp();
        }
        else
            metadata?.Drop();
        return scrape;
    }

    /// <summary>The target is gone for good: markers for all its series and the five report series.</summary>
    public Scrape End(PassContext context, long timestamp)
    {
        var outcome = new ScrapeOutcome();
        var encoding = new HeldEncoding(context.Encoder, new HeldRequests(budget), protocol is null or { IsSettled: true });
        context.Encoder.Begin(labels);
        table.ClearSeen();
        timestampsNow.Clear();
        var ordered = false;
        var vanished = MarkVanished(context, forget: false, timestamp, ref encoding, outcome, ref ordered);
        return Finish(null, vanished, null, ReportSamples.Stale, timestamp, ordered, ref encoding, outcome);
    }

    public void Dispose()
    {
        lastBody?.Release();
        lastBody = null;
        table.Dispose();
    }

    private void Validate(
        PassContext context, CompressedBody body, long timestamp, SkippedSamples skipped, MetadataEncoder? metadata, ref HeldEncoding encoding,
        ScrapeOutcome outcome, out bool ordered)
    {
        var reader = context.Reader;
        var encoder = context.Encoder;
        var sampleLimit = options.SampleLimit > 0 ? options.SampleLimit : int.MaxValue;
        var hasLabelLimits = !options.LabelLimits.IsNone;
        ordered = false;
        reader.Open(body.OpenRead(), options.BodySizeLimit, body.Format);
        var began = time.GetTimestamp();
        reader.Interrupt = () => time.GetElapsedTime(began) < (target.Timeout ?? options.Timeout) ? null
            : $"reading the body takes longer than SIDECAR_SCRAPE_TIMEOUT, after {reader.BytesRead} bytes uncompressed";
        while (reader.Read())
        {
            var sample = reader.Sample;
            var ordinal = outcome.Scraped++;
            metadata?.Add(sample.Family);
            var fate = encoder.Begin(sample, out var hash);
            if (fate == SeriesFate.Dropped)
                continue;
            if (fate == SeriesFate.Failed)
            {
                outcome.Failure = new Failure(
                    FailureReason.Parse, $"sample {outcome.Scraped}, {Excerpt.Of(sample.Name)}: {encoder.Error}");
                break;
            }
            if (hasLabelLimits && encoder.Exceeded(sample, options.LabelLimits) is { } exceeded)
            {
                outcome.Failure = new Failure(
                    FailureReason.LabelLimit, $"sample {outcome.Scraped}, {Excerpt.Of(sample.Name)}: {exceeded}");
                break;
            }
            outcome.PostRelabeling++;
            if (outcome.PostRelabeling - outcome.Duplicates > sampleLimit)
            {
                // A repeated series does not count. The rest is read to its end, so that the report says how many there are.
                if (!outcome.IsOverSampleLimit && !sample.HasTimestamp && table.Contains(hash, out var isSeen) && isSeen)
                    outcome.Duplicates++;
                else
                    outcome.IsOverSampleLimit = true;
                skipped.Add(ordinal);
                continue;
            }
            if (sample.HasTimestamp && options.HonorTimestamps)
            {
                if (AcceptTimestamp(hash, sample.Timestamp, timestamp, outcome, ref ordered))
                    Commit(sample.Timestamp, ref encoding);
                else
                    skipped.Add(ordinal);
                continue;
            }
            if (AcceptSeries(hash, timestamp, outcome))
                Commit(timestamp, ref encoding);
            else
                skipped.Add(ordinal);

            void Commit(long own, ref HeldEncoding encoding)
            {
                // Write relabeling is decided again when the body is streamed again: nothing needs to be noted.
                if (fate != SeriesFate.Sent)
                    return;
                outcome.Sent++;
                encoding.CommitBody(sample, own, outcome.Scraped);
            }
        }
        outcome.BodyBytes = reader.BytesRead;
        if (outcome.IsOverSampleLimit && outcome.Failure.IsNone)
        {
            outcome.Failure = new Failure(
                FailureReason.SampleLimit, $"the target has {outcome.PostRelabeling} samples, and SIDECAR_SAMPLE_LIMIT is {options.SampleLimit}");
        }
        if (reader.Error != ReadError.None)
        {
            var reason = reader.Error switch
            {
                ReadError.Compression => FailureReason.Truncated,
                ReadError.TooLarge => FailureReason.BodySizeLimit,
                ReadError.TooSlow => FailureReason.Timeout,
                _ => FailureReason.Parse,
            };
            outcome.Failure = new Failure(reason, reader.ErrorMessage);
            // Prometheus parses only what it has read to the end.
            if (reason != FailureReason.Parse)
            {
                outcome.Scraped = outcome.PostRelabeling = outcome.Added = 0;
                outcome.Duplicates = outcome.OutOfOrder = outcome.OutOfBounds = 0;
            }
        }
    }

    /// <summary>A sample with the timestamp of the scrape: the first of its series, and newer than its last explicit timestamp.</summary>
    private bool AcceptSeries(ulong hash, long timestamp, ScrapeOutcome outcome)
    {
        if (timestampsNow.Count > 0 && timestampsNow.ContainsKey(hash))
        {
            outcome.Duplicates++;
            return false;
        }
        var isExplicit = timestamps.TryGetValue(hash, out var last);
        if (isExplicit && last >= timestamp)
        {
            timestampsNow[hash] = last;
            outcome.OutOfOrder++;
            return false;
        }
        switch (table.Add(hash))
        {
            case SeriesTable.Added.Duplicate:
                outcome.Duplicates++;
                return false;
            case SeriesTable.Added.New when !isExplicit:
                outcome.Added++;
                return true;
            default:
                return true;
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
        var before = true;
        if (timestampsNow.TryGetValue(hash, out var last))
            ordered = true;
        else if (!timestamps.TryGetValue(hash, out last))
        {
            // Perhaps it had none so far.
            before = table.Contains(hash, out var isSeen);
            last = isSeen ? timestamp : lastTimestamp;
            ordered |= isSeen;
        }
        if (!before)
            outcome.Added++;
        // What repeats its timestamp has not vanished.
        if (options.TrackTimestampsStaleness)
            table.Add(hash);
        timestampsNow[hash] = before ? Math.Max(last, own) : own;
        if (!before || own > last)
            return true;
        outcome.OutOfOrder++;
        return false;
    }

    /// <summary>Streams the last good body again for the series that are there and not here.</summary>
    /// <param name="forget">What has vanished is known no longer.</param>
    private CompressedBody? MarkVanished(
        PassContext context, bool forget, long timestamp, ref HeldEncoding encoding, ScrapeOutcome outcome, ref bool ordered)
    {
        var previous = lastBody;
        lastBody = null;
        if (previous is null || table.Seen == table.Count)
        {
            // Nothing vanished, or what did was marked when the scrape before failed.
            if (forget)
                table.RemoveUnseen();
            previous?.Release();
            return null;
        }
        var vanished = new CompressedBody();
        using (var text = new GZipStream(vanished.OpenWrite(), CompressionLevel.Fastest))
        {
            context.Reader.Open(previous.OpenRead(), sizeLimit: 0, previous.Format);
            while (context.Reader.Read())
            {
                var sample = context.Reader.Sample;
                var fate = context.Encoder.Begin(sample, out var hash);
                if (fate is SeriesFate.Dropped or SeriesFate.Failed || !table.TakeUnseen(hash, remove: forget) || fate == SeriesFate.Unsent)
                    continue;
                if (timestampsNow.TryGetValue(hash, out var own))
                {
                    // It is there with timestamps of its own now: its marker must be newer than they are, and sent after them.
                    if (own >= timestamp)
                        continue;
                    ordered = true;
                }
                encoding.CommitOther(FloatText.StaleNaN, timestamp);
                SeriesText.Write(text, sample);
                outcome.Vanished++;
            }
        }
        if (forget)
            table.RemoveUnseen();
        previous.Release();
        if (outcome.Vanished > 0)
            return vanished;
        vanished.Release();
        return null;
    }

    private Scrape Finish(
        CompressedBody? body, CompressedBody? vanished, SkippedSamples? skipped, in ReportSamples report, long timestamp, bool ordered,
        ref HeldEncoding encoding, ScrapeOutcome outcome)
    {
        var reported = 0;
        for (var i = 0; i < ReportSamples.Count; i++)
            reported += report.TryBegin(encoding.Encoder, i, out _) ? 1 : 0;
        return new Scrape
        {
            Target = target,
            Labels = labels,
            Timestamp = timestamp,
            Body = body?.AddReference(),
            Vanished = vanished,
            Skipped = skipped is { IsEmpty: false } ? skipped : null,
            Report = report,
            Samples = (body is null ? 0 : outcome.Sent) + outcome.Vanished + reported,
            HonorTimestamps = options.HonorTimestamps,
            IsOrdered = ordered,
            Held = encoding.Finish(report, timestamp),
        };
    }
}
