using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;
using Sidecar.Exposition;
using Sidecar.Primitives;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Scraping;

/// <summary>
/// The pass after a download: turns it into a <see cref="Scrape"/>, all of it or nothing, with the markers for what vanished. Goes on slice
/// by slice.
/// </summary>
[SuppressMessage("Design", "CA1001",
    Justification = "TryFinish disposes of the text, at the end of its stage or when something is thrown.")]
internal sealed class ScrapePass
{
    /// <summary>How often metadata is sent by itself: Prometheus's default metadata_config.send_interval.</summary>
    private static readonly TimeSpan MetadataInterval = TimeSpan.FromMinutes(1);

    private readonly TargetSeries series;
    private readonly KnownSeries known;
    private readonly SampleReader reader;
    private readonly SeriesEncoder encoder;
    private readonly BodyWalk walk;
    private readonly CompressedBody? body;
    private readonly long timestamp;
    private readonly long started;
    private readonly ScrapeOutcome outcome;
    private readonly SkippedSamples.Builder skipped = new();
    private readonly HeldRequests held;
    private readonly MetadataEncoder? metadata;
    private readonly int sampleLimit;
    private HeldEncoding encoding; // changes in place: never copied
    private TimeSpan worked; // before the present slice
    private long resumed;    // of the time provider
    private Stage stage;
    private bool ordered;
    private bool isGood;
    private CompressedBody? previous; // is streamed again for what vanished
    private CompressedBody? vanished;
    private GZipStream? vanishedText;

    public ScrapePass(TargetSeries series, PassContext context, CompressedBody? body, long timestamp, long started, ScrapeOutcome outcome,
        bool mayHold)
    {
        (this.series, this.body, this.timestamp, this.started, this.outcome) = (series, body, timestamp, started, outcome);
        (known, reader, encoder, walk) = (series.Known, context.Reader, context.Encoder, context.Body);
        sampleLimit = series.Options.SampleLimit > 0 ? series.Options.SampleLimit : int.MaxValue;
        held = new HeldRequests(series.Budget);
        encoding = new HeldEncoding(encoder, held, mayHold && series.Protocol is null or { IsSettled: true });
        encoder.Begin(series.Labels);
        known.BeginScrape();
        // In 2.0 it stands beside each series.
        if (series.Protocol is { IsSettled: true, Current: WriteVersion.One }
            && (series.LastMetadata == 0 || series.Time.GetElapsedTime(series.LastMetadata) >= MetadataInterval))
            metadata = new MetadataEncoder();
        if (body is not null)
            Open(body);
    }

    /// <summary>The target is gone: there is no body, and the report series end too.</summary>
    public bool IsEnd { get; init; }

    private enum Stage
    {
        Body,
        Vanished,
        Done,
    }

    /// <summary>A good scrape replaces the known series; an empty answer is up but does not, as in Prometheus.</summary>
    private bool Forgets => isGood && outcome.BodyBytes > 0;

    /// <inheritdoc cref="PassStep{T}"/>
    public bool TryFinish([NotNullWhen(true)] out ScrapeResult? scrape)
    {
        scrape = null;
        resumed = series.Time.GetTimestamp();
        try
        {
            if (stage == Stage.Body)
            {
                if (body is not null && !ReadBody())
                {
                    worked += series.Time.GetElapsedTime(resumed);
                    return false;
                }
                EndBody();
            }
            if (stage == Stage.Vanished)
            {
                if (previous is not null && !ReadVanished())
                    return false;
                EndVanished();
            }
            scrape = Finish();
            return true;
        }
        catch
        {
            Abandon();
            throw;
        }
    }

    /// <summary>To the end, for whoever has a thread for it.</summary>
    public ScrapeResult Finished() =>
        TryFinish(out var scrape) ? scrape
        : throw new InvalidOperationException("the pass was paused although it has its thread for itself");

    private void Open(CompressedBody text)
    {
        var options = series.Options;
        walk.Open(text, options.BodySizeLimit);
        reader.Interrupt = () => worked + series.Time.GetElapsedTime(resumed) < (series.Target.Timeout ?? options.Timeout) ? null
            : $"reading the body takes longer than SIDECAR_SCRAPE_TIMEOUT, after {reader.BytesRead} bytes uncompressed";
    }

    /// <summary>False when the slice is over.</summary>
    private bool ReadBody()
    {
        var hasLabelLimits = !series.Options.LabelLimits.IsNone;
        while (outcome.Failure.IsNone && walk.Next())
        {
            var sample = walk.Sample;
            outcome.Scraped++;
            metadata?.Add(sample.Family);
            if (walk.Outcome == SeriesOutcome.Dropped)
                continue;
            if (walk.Outcome == SeriesOutcome.Failed)
                Fail(FailureReason.Parse, sample, encoder.Error);
            else if (hasLabelLimits && encoder.Exceeded(sample, series.Options.LabelLimits) is { } exceeded)
                Fail(FailureReason.LabelLimit, sample, exceeded);
            else if (!Accept(sample, walk.Hash, out var own))
                skipped.Add(walk.Ordinal);
            else if (walk.Outcome == SeriesOutcome.Sent)
            {
                // Write relabeling is decided again when the body is streamed again: nothing needs to be noted.
                outcome.Sent++;
                encoding.Commit(sample, own);
            }
        }
        return !reader.IsPaused;
    }

    private void Fail(FailureReason reason, Sample sample, string cause) =>
        outcome.Failure = new Failure(reason, $"sample {outcome.Scraped}, {Excerpt.Of(sample.Name)}: {cause}");

    /// <summary>False for a sample that is left out.</summary>
    /// <param name="own">The timestamp that it is sent with.</param>
    private bool Accept(Sample sample, ulong hash, out long own)
    {
        own = timestamp;
        outcome.PostRelabeling++;
        if (outcome.PostRelabeling - outcome.Duplicates > sampleLimit)
        {
            // A repeated series does not count. The rest is read to its end, so that the report says how many there are.
            if (!outcome.IsOverSampleLimit && !sample.HasTimestamp && known.IsSeen(hash))
                outcome.Duplicates++;
            else
                outcome.IsOverSampleLimit = true;
            return false;
        }
        if (!sample.HasTimestamp || !series.Options.HonorTimestamps)
            return known.Accept(hash, timestamp, outcome);
        own = sample.Timestamp;
        return known.AcceptOwn(hash, own, timestamp, outcome, ref ordered);
    }

    private void EndBody()
    {
        if (body is not null)
            Judge();
        isGood = outcome.Failure.IsNone && body is not null;
        if (!isGood)
        {
            known.BeginScrape();
            encoding.Restart();
        }
        stage = Stage.Vanished;
        (previous, series.LastBody) = (series.LastBody, null);
        if (previous is null || known.IsAllSeen)
        {
            // Nothing vanished, or what did was marked when the scrape before failed.
            previous?.Release();
            previous = null;
            return;
        }
        vanished = new CompressedBody();
        vanishedText = new GZipStream(vanished.OpenWrite(), CompressionLevel.Fastest);
        walk.Open(previous);
    }

    /// <summary>What the end of the body says of the scrape.</summary>
    private void Judge()
    {
        outcome.BodyBytes = reader.BytesRead;
        outcome.Unconverted = reader.Unconverted;
        if (outcome.IsOverSampleLimit && outcome.Failure.IsNone)
            outcome.Failure = new Failure(FailureReason.SampleLimit,
                $"the target has {outcome.PostRelabeling} samples, and SIDECAR_SAMPLE_LIMIT is {series.Options.SampleLimit}");
        if (reader.Error == ReadError.None)
            return;
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
            outcome.Duplicates = outcome.OutOfOrder = outcome.Repeated = outcome.OutOfBounds = 0;
        }
    }

    /// <summary>Streams the last good body again for the series that are there and not here. False when the slice is over.</summary>
    private bool ReadVanished()
    {
        while (walk.Next())
        {
            if (walk.Outcome is SeriesOutcome.Dropped or SeriesOutcome.Failed || !known.TakeVanished(walk.Hash, Forgets)
                || walk.Outcome == SeriesOutcome.Unsent)
                continue;
            if (known.HasOwn(walk.Hash, out var own))
            {
                // It is there with timestamps of its own now: its marker must be newer than they are, and sent after them.
                if (own >= timestamp)
                    continue;
                ordered = true;
            }
            encoding.Commit(FloatText.StaleNaN, timestamp);
            SeriesText.Write(vanishedText!, walk.Sample);
            outcome.Vanished++;
        }
        return !reader.IsPaused;
    }

    private void EndVanished()
    {
        if (Forgets)
            known.ForgetVanished();
        vanishedText?.Dispose();
        vanishedText = null;
        previous?.Release();
        previous = null;
        if (outcome.Vanished == 0)
        {
            vanished?.Release();
            vanished = null;
        }
        stage = Stage.Done;
    }

    private ScrapeResult Finish()
    {
        if (!IsEnd)
        {
            known.EndScrape(Forgets);
            if (isGood)
                series.LastBody = body!.AddReference();
            if (isGood || vanished is not null)
                known.LastTimestamp = timestamp;
        }
        var report = IsEnd ? ReportSamples.Stale : new ReportSamples(
            isGood ? 1 : 0, series.Time.GetElapsedTime(started).TotalSeconds, outcome.Scraped, outcome.PostRelabeling, outcome.Added);
        var reported = 0;
        for (var i = 0; i < ReportSeries.Count; i++)
            reported += report.TryBegin(encoder, i, out _) ? 1 : 0;
        if (metadata is not null && isGood)
            series.LastMetadata = series.Time.GetTimestamp();
        else
            metadata?.Drop();
        var requests = encoding.Finish(report, timestamp);
        return new ScrapeResult(new Scrape
        {
            Target = series.Target,
            Labels = series.Labels,
            Timestamp = timestamp,
            Body = isGood ? body!.AddReference() : null,
            Vanished = vanished,
            Skipped = isGood ? skipped.Build() : null,
            Report = report,
            Samples = (isGood ? outcome.Sent : 0) + outcome.Vanished + reported,
            HonorTimestamps = series.Options.HonorTimestamps,
            IsOrdered = ordered,
        })
        {
            Held = requests,
            Metadata = metadata is not null && isGood ? metadata.Take() : [],
        };
    }

    /// <summary>Something was thrown: what is held goes back, and the next scrape begins as if this one had failed.</summary>
    private void Abandon()
    {
        encoder.Drop();
        held.Release();
        metadata?.Drop();
        vanishedText?.Dispose();
        vanished?.Release();
        // What vanished is not marked twice, and what is not yet marked is at the next scrape.
        series.LastBody ??= previous;
    }
}
