using System.Diagnostics.CodeAnalysis;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Primitives;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Scraping;

/// <summary>Takes a loop off the list unless its target has come back.</summary>
/// <param name="isReplaced">Another target has the same labels: markers would end its series.</param>
internal delegate bool TryLeave(ScrapeLoop loop, out bool isReplaced);

/// <summary>Scrapes one target at its times, until it has been gone from discovery for two intervals or the process ends.</summary>
internal sealed class ScrapeLoop(
    Target target, bool atOnce, ScrapeOptions options, ReceiverProtocol protocol, BodyDownload download, Passes passes, HeldBudget budget,
    ScrapeQueue queue, Metrics metrics, Log log, InternalErrors errors, TimeProvider time, Func<bool>? mayScrape) : IDisposable
{
    /// <summary>What provokes an exception is tried so often, and then left.</summary>
    private const int MostTries = 3;

    /// <summary>A tick may take so many intervals, or timeouts where those are longer, and so long at least.</summary>
    private const int MostTicks = 3;

    /// <summary>Scrapes in a row that a full queue has left out: no target may be the one that never finds room.</summary>
    private const int MostLeftOut = 9;

    private static readonly TimeSpan LeastTick = TimeSpan.FromSeconds(45);

    private readonly ScrapeSchedule schedule = new(target, target.Interval ?? options.Interval, atOnce, time);
    private readonly TargetSeries series = new(
        target, new(target.Labels, options.ExternalLabels, options.HonorLabels, options.SeriesRules), options, budget, time, protocol);
    private readonly ClockGuard clock = new(time);
    private readonly Lock gate = new();
    private volatile LastScrape last = new();
    private long? goneSince;
    private Failure overLimit;
    private long lastTick;
    private int leftOut;
    private volatile bool isGone;

    /// <summary>As discovered last: what relabeling has not put into its identity may change.</summary>
    public Target Target { get; private set; } = target;

    public Pulse Pulse { get; } = new(time);
    public TimeSpan Interval => Target.Interval ?? options.Interval;

    /// <summary>Discovery no longer has it, or has it again.</summary>
    public bool IsGone
    {
        get => isGone;
        set => isGone = value;
    }

    /// <summary>From a tick to the next one, its wait, its scrape and its turn among the passes; longer is not slow but stuck.</summary>
    private TimeSpan LongestTick
    {
        get
        {
            var timeout = Target.Timeout ?? options.Timeout;
            var longest = MostTicks * (Interval > timeout ? Interval : timeout);
            return longest > LeastTick ? longest : LeastTick;
        }
    }

    public LastScrape Last => last;

    /// <summary>Ends when the target has left, or with an exception when cancelled; no other exception of a tick ends it.</summary>
    public async Task RunAsync(TryLeave tryLeave, CancellationToken cancellation)
    {
        var edge = new LoopEdge(ProcessLoop.Scrape, errors, time, Pulse, Target.Url);
        // Without what was known before, a target is scraped as a new one.
        await TryAsync(() => RecallAsync(cancellation), edge, cancellation);
        while (true)
        {
            try
            {
                Pulse.Beat(LongestTick);
                await schedule.WaitAsync(cancellation);
                if (await TickAsync(tryLeave, cancellation) is { } end)
                {
                    await TryAsync(end, edge, cancellation);
                    return;
                }
                edge.Passed();
            }
            catch (Exception e) when (!IsCancelled(e, cancellation))
            {
                await edge.FailedAsync(e, cancellation);
            }
        }
    }

    /// <summary>Returns what is left to do for a target that has left; null while the loop goes on.</summary>
    private async Task<Func<Task>?> TickAsync(TryLeave tryLeave, CancellationToken cancellation)
    {
        if (!IsGone)
        {
            goneSince = null;
            await ScrapeAsync(cancellation);
            return null;
        }
        if (goneSince is not { } since)
        {
            goneSince = schedule.Timestamp();
            return null;
        }
        // As Prometheus's endOfRunStaleness: two ticks and a tenth, in which the target may come back.
        await Task.Delay(Interval / 10, time, cancellation);
        if (!tryLeave(this, out var isReplaced))
            return null;
        return async () =>
        {
            if (isReplaced)
                queue.Forget(Target);
            else
                await EndAsync(since);
        };
    }

    /// <summary>Does something that no later tick makes good: up to three times, and then the loop goes on without.</summary>
    private static async Task TryAsync(Func<Task> action, LoopEdge edge, CancellationToken cancellation)
    {
        for (var tries = 1; tries <= MostTries; tries++)
        {
            try
            {
                await action();
                edge.Passed();
                return;
            }
            catch (Exception e) when (!IsCancelled(e, cancellation))
            {
                await edge.FailedAsync(e, cancellation);
            }
        }
    }

    private static bool IsCancelled(Exception e, CancellationToken cancellation) =>
        e is OperationCanceledException && cancellation.IsCancellationRequested;

    /// <summary>Discovery names the target again, perhaps with other discovered labels.</summary>
    /// <param name="limit">Why no target may be scraped now; none where they may.</param>
    public void Rediscover(Target target, Failure limit)
    {
        lock (gate)
        {
            Target = target;
            overLimit = limit;
        }
    }

    /// <summary>Once more before the process ends, out of turn.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        if (!IsGone)
            await ScrapeAsync(cancellation);
    }

    /// <summary>Its series end now: nobody goes on with them.</summary>
    public Task EndAsync() => EndAsync(schedule.Timestamp());

    public void Dispose() => series.Dispose();

    /// <summary>Recalls the target's last scrape from the queue directory, for markers of series vanished since, and its time.</summary>
    private async Task RecallAsync(CancellationToken cancellation)
    {
        if (await queue.RecallAsync(Target, cancellation) is not { } last)
            return;
        try
        {
            if (!clock.TryRecall(last.Timestamp))
            {
                // Its series cannot be ended: the markers would be older than their samples.
                log.Recurring(LogLevel.Warn, "clock ahead",
                    "The last scrape of a target in the queue directory is from the future; what vanished since gets no staleness marker",
                    ("target", Target.Url), ("last", DateTimeOffset.FromUnixTimeMilliseconds(last.Timestamp)),
                    ("remedy", "set the clock right, by NTP (chrony, systemd-timesyncd): it was ahead then, or is behind now"));
                return;
            }
            await passes.RunInSlicesAsync<bool>(context => series.BeginRecall(context, last).TryFinish);
        }
        finally
        {
            last.Release();
        }
    }

    private bool MayScrape => mayScrape?.Invoke() != false;

    private async Task ScrapeAsync(CancellationToken cancellation)
    {
        if (!MayScrape)
            return;
        var started = time.GetTimestamp();
        var startedAt = time.GetUtcNow();
        var timestamp = schedule.Timestamp();
        ObserveInterval();
        if (!clock.Allows(timestamp, out var isSetBack))
        {
            metrics.SampleOutOfOrder.Add(ReportSeries.Count);
            log.Recurring(LogLevel.Warn, "clock",
                "The clock was set back: nothing is scraped until it has caught up, for ten minutes at most",
                ("target", Target.Url), ("last", DateTimeOffset.FromUnixTimeMilliseconds(clock.Last ?? 0)),
                ("remedy", "set the clock right, by NTP (chrony, systemd-timesyncd)"));
            return;
        }
        if (isSetBack)
        {
            log.Recurring(LogLevel.Warn, "clock back",
                "The clock was set back and has not caught up in ten minutes: scrapes go on with the time that it shows",
                ("target", Target.Url), ("last", DateTimeOffset.FromUnixTimeMilliseconds(clock.Last ?? 0)),
                ("remedy", "set the clock right; a receiver may refuse samples older than those it has"));
            series.Known.ForgetTimes();
        }
        if (leftOut < MostLeftOut && queue.LeavesOut(Target, last.Sent))
        {
            leftOut++;
            return;
        }
        leftOut = 0;
        Failure forced;
        lock (gate)
            forced = overLimit;
        using var turn = download.BeginBody();
        var (body, failure) = forced.IsNone ? await DownloadAsync(turn, cancellation) : (null, forced);
        if (!MayScrape)
        {
            body?.Release(); // the process stood still meanwhile, and another one scrapes by now
            return;
        }
        var outcome = new ScrapeOutcome { Failure = failure };
        var (sent, size) = (0, 0L);
        try
        {
            var made = await passes.RunInSlicesAsync<ScrapeResult>(context =>
            {
                var pass = series.BeginScrape(context, body, timestamp, started, outcome, mayHold: !queue.IsBehind(Target));
                return ([MaybeNullWhen(false)] out ScrapeResult result) =>
                {
                    // Each slice is a move: where processors are scarce, the turns of a pass take longer than a tick may.
                    Pulse.Beat(LongestTick);
                    return pass.TryFinish(out result);
                };
            });
            (sent, size) = (made.Scrape.Samples, made.Scrape.Size);
            queue.Add(made);
        }
        catch (Exception e)
        {
            outcome.Failure = Bug(e);
        }
        finally
        {
            body?.Release();
        }
        outcome.Failure = download.Redact(outcome.Failure);
        clock.Made(timestamp);
        last = last.Next(startedAt, time.GetElapsedTime(started), outcome, sent, size);
        Report(outcome);
    }

    private async Task<(CompressedBody? Body, Failure Failure)> DownloadAsync(LargeBodies.Slot turn, CancellationToken cancellation)
    {
        try
        {
            return await download.GetAsync(Target, turn, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return (null, Bug(e));
        }
    }

    /// <summary>Whatever a target provokes, its scrape has failed, and its next one comes.</summary>
    private Failure Bug(Exception e)
    {
        errors.Report(ProcessLoop.Scrape, e, ("target", Target.Url));
        return new Failure(FailureReason.Internal, $"a bug in the sidecar; the log has its stack trace: {e.GetType().Name}: {e.Message}");
    }

    private async Task EndAsync(long timestamp)
    {
        if (clock.Last is not { } lastTimestamp)
            return; // never scraped: nothing to end
        queue.Add(await passes.RunInSlicesAsync<ScrapeResult>(
            context => series.BeginEnd(context, Math.Max(timestamp, lastTimestamp + 1)).TryFinish));
    }

    private void ObserveInterval()
    {
        var now = time.GetTimestamp();
        if (lastTick != 0)
            metrics.Job(options.Job).IntervalLength.Observe(time.GetElapsedTime(lastTick, now));
        lastTick = now;
    }

    private void Report(ScrapeOutcome outcome)
    {
        metrics.SampleDuplicateTimestamp.Add(outcome.Duplicates);
        metrics.SampleOutOfOrder.Add(outcome.OutOfOrder);
        metrics.SampleOutOfBounds.Add(outcome.OutOfBounds);
        metrics.HistogramsNotConverted.Add(outcome.Unconverted);
        var key = "scrape " + Target.Key;
        if (outcome.Failure.IsNone)
        {
            log.Recovered(key, "Scrapes succeed again", ("target", Target.Url), ("samples", outcome.Scraped));
            if (outcome.Duplicates + outcome.OutOfOrder + outcome.OutOfBounds > outcome.Repeated)
                log.Recurring(LogLevel.Warn, "samples " + Target.Key, "Samples of this target are left out",
                    ("target", Target.Url), ("duplicates", outcome.Duplicates), ("out_of_order", outcome.OutOfOrder - outcome.Repeated),
                    ("too_far_in_future", outcome.OutOfBounds), ("remedy", TargetAdvice.ForLeftOut(outcome)));
            if (outcome.Unconverted > 0)
            {
                log.Recurring(LogLevel.Warn, "histograms " + Target.Key,
                    "Classic histograms of this target cannot be converted to native ones, and are not sent",
                    ("target", Target.Url), ("histograms", outcome.Unconverted),
                    ("remedy", $"set {Variables.AlwaysScrapeClassicHistograms.Name}=true to have their classic series; "
                        + "their buckets fall, or their count is not that of the last bucket"));
            }
            return;
        }
        metrics.ScrapeFailures.Increment(outcome.Failure.Reason);
        if (outcome.Failure.Reason == FailureReason.BodySizeLimit)
            metrics.ExceededBodySizeLimit.Increment();
        if (outcome.IsOverSampleLimit)
            metrics.ExceededSampleLimit.Increment();
        log.Recurring(LogLevel.Warn, key, outcome.Failure.Cause, "Scrape failed", ("target", Target.Url),
            ("reason", Word.Of(outcome.Failure.Reason)), ("error", outcome.Failure.Message),
            ("remedy", TargetAdvice.For(Target, options.Http, outcome.Failure).Remedy));
    }
}
