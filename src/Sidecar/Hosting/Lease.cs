using System.Net;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Hosting;

/// <summary>Who leads, at one moment. Never changes.</summary>
/// <param name="Holder">As the Lease says; null where it was never read.</param>
/// <param name="Failure">Why the last question had no answer; none where it had one.</param>
internal sealed record LeaseState(bool Leads, string? Holder, Failure Failure, long RenewedAt, DateTimeOffset RenewedAtTime);

/// <summary>
/// Holds a Lease as client-go's leader election does, by its own clock alone: another's lease is over when unchanged for its duration. The
/// holder stops earlier than others may take over.
/// </summary>
internal sealed class Lease(
    LeaseOptions options, string identity, PeerClient client, Metrics metrics, Log log, InternalErrors errors, TimeProvider time)
{
    private const string FailedKey = "lease";

    /// <summary>Another one has changed the Lease: it is read again after so long.</summary>
    private static readonly TimeSpan AfterConflict = TimeSpan.FromMilliseconds(100);

    private readonly LeaseClient leases = new(options, client, time);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile LeaseState state = new(false, null, default, 0, default);
    private LeaseRecord? known; // as we wrote it last; null where it is to be read first
    private LeaseRecord? observed; // another's
    private long observedAt;

    public LeaseState State => state;
    public string FullName => options.FullName;
    public Pulse Pulse { get; } = new(time);

    /// <summary>Called at each try while another one holds the lease: nothing is scraped then, and nobody else returns memory.</summary>
    public Action Tidy { private get; init; } = static () => { };

    /// <summary>Whether this process may scrape now, by a clock that stops while a machine sleeps and by one that does not.</summary>
    public bool IsHeld
    {
        get
        {
            var now = state;
            return now.Leads && time.GetElapsedTime(now.RenewedAt) < options.Times.Deadline
                && (time.GetUtcNow() - now.RenewedAtTime).Duration() < options.Times.Deadline;
        }
    }

    /// <summary>Tries to get the lease and to keep it, until cancelled.</summary>
    /// <param name="changed">Told when this process begins to lead, and when it ends.</param>
    public async Task RunAsync(Action<bool> changed, CancellationToken cancellation)
    {
        var edge = new LoopEdge(ProcessLoop.Lease, errors, time, Pulse);
        metrics.Leading.Set(0);
        try
        {
            while (true)
            {
                try
                {
                    Pulse.Beat(options.Times.Duration + Discovery.ObjectClient.Slack);
                    var wait = await TryAsync(changed, cancellation);
                    if (state.Leads && !IsHeld)
                        Lose(changed, "The lease could not be renewed in time: scraping stops until it can");
                    edge.Passed();
                    await Task.Delay(wait, time, cancellation);
                }
                catch (Exception e) when (!(e is OperationCanceledException && cancellation.IsCancellationRequested))
                {
                    if (state.Leads)
                        Lose(changed, "The lease is given up after a bug");
                    await edge.FailedAsync(e, cancellation);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
        finally
        {
            ended.TrySetResult();
        }
    }

    /// <summary>Lets go, so that another need not wait until it is over. To be called when scraping has ended; never throws.</summary>
    public async Task ReleaseAsync(CancellationToken abort)
    {
        try
        {
            await ended.Task.WaitAsync(options.Times.Retry, time, abort);
            if (!state.Leads)
                return;
            state = state with { Leads = false };
            metrics.Leading.Set(0);
            if (known is not { } mine)
                return; // nobody knows whether it is ours still
            var answer = await leases.UpdateAsync(
                mine with { Holder = "", Duration = TimeSpan.FromSeconds(1), RenewTime = Now() }, options.Times.Retry, abort);
            if (answer.IsGood)
                log.Info("The lease is released", ("lease", options.FullName));
            else
                log.Warn("The lease could not be released: another replica takes over when it is over", ("lease", options.FullName),
                    ("error", answer.Failure.Message), ("remedy", Advice.For(CheckPeer.ApiServer, answer.Failure).Remedy));
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException)
        {
            // There is no time left.
        }
        catch (Exception e)
        {
            errors.Report(ProcessLoop.Lease, e);
        }
    }

    /// <returns>How long to wait before the next try.</returns>
    private async Task<TimeSpan> TryAsync(Action<bool> changed, CancellationToken cancellation)
    {
        var (began, beganTime) = (time.GetTimestamp(), time.GetUtcNow());
        if (known is null)
        {
            var read = await leases.GetAsync(LongestTry(), cancellation);
            if (read.Status == HttpStatusCode.NotFound)
            {
                var made = await leases.CreateAsync(Mine(null), LongestTry(), cancellation);
                return made.Status == HttpStatusCode.Conflict ? AfterConflict : Judge(made, changed, began, beganTime);
            }
            if (read.Record is not { } found)
                return Judge(read, changed, began, beganTime);
            if (!found.IsSameTerm(observed))
                (observed, observedAt) = (found, time.GetTimestamp());
            var left = found.Duration - time.GetElapsedTime(observedAt);
            if (found.Holder.Length > 0 && found.Holder != identity && left > TimeSpan.Zero)
                return StandBy(found, left, changed);
            known = found;
        }
        (began, beganTime) = (time.GetTimestamp(), time.GetUtcNow());
        return Judge(await leases.UpdateAsync(Mine(known), LongestTry(), cancellation), changed, began, beganTime);
    }

    /// <summary>Takes what came of writing the lease, or of not being able to read it.</summary>
    private TimeSpan Judge(LeaseAnswer answer, Action<bool> changed, long began, DateTimeOffset beganTime)
    {
        known = answer.Record;
        if (answer.IsGood)
        {
            var leads = state.Leads;
            state = new LeaseState(true, identity, default, began, beganTime);
            log.Recovered(FailedKey, "The lease can be had again", ("lease", options.FullName));
            if (!leads)
            {
                metrics.Leading.Set(1);
                log.Info("This process leads: it holds the lease", ("lease", options.FullName), ("holder", identity));
                changed(true);
            }
            return options.Times.Retry;
        }
        if (answer.Status == HttpStatusCode.Conflict)
            return AfterConflict;
        state = state with { Failure = answer.Failure };
        var advice = Advice.For(CheckPeer.ApiServer, answer.Failure);
        log.Recurring(LogLevel.Warn, FailedKey, state.Leads ? "The lease cannot be renewed" : "The lease cannot be had",
            ("lease", options.FullName), ("reason", Word.Of(answer.Failure.Reason)), ("error", answer.Failure.Message),
            ("remedy", advice.Remedy));
        return options.Times.Retry;
    }

    private TimeSpan StandBy(LeaseRecord other, TimeSpan left, Action<bool> changed)
    {
        if (state.Leads)
            Lose(changed, "Another process has taken the lease: scraping stops");
        if (state.Holder == other.Holder)
            Tidy(); // not at the first try: the start is over by the second
        else
            log.Info("This process stands by: another one holds the lease", ("lease", options.FullName), ("holder", other.Holder));
        log.Recovered(FailedKey, "The lease can be read again", ("lease", options.FullName));
        state = state with { Holder = other.Holder, Failure = default };
        // Not all at the same moment, and at once when it is over.
        var next = options.Times.Retry * (0.75 + Random.Shared.NextDouble() / 4);
        return left < next ? left + TimeSpan.FromMilliseconds(1) : next;
    }

    private void Lose(Action<bool> changed, string why)
    {
        state = state with { Leads = false };
        known = null;
        metrics.Leading.Set(0);
        log.Warn(why, ("lease", options.FullName), ("error", state.Failure.Message),
            ("remedy", state.Failure.IsNone ? "none is needed where the process or its machine was paused"
                : Advice.For(CheckPeer.ApiServer, state.Failure).Remedy));
        changed(false);
    }

    /// <summary>A holder's request is given up in time for it to stop.</summary>
    private TimeSpan LongestTry()
    {
        var longest = options.Times.Deadline / 2;
        if (!state.Leads)
            return longest;
        var left = options.Times.Deadline - time.GetElapsedTime(state.RenewedAt);
        return left < longest ? left > TimeSpan.Zero ? left : TimeSpan.FromMilliseconds(1) : longest;
    }

    private LeaseRecord Mine(LeaseRecord? before)
    {
        var now = Now();
        var isOurs = before?.Holder == identity;
        return new LeaseRecord(before?.Version ?? "", identity, options.Times.Duration, isOurs ? before!.AcquireTime ?? now : now, now,
            (before?.Transitions ?? 0) + (before is null || isOurs ? 0 : 1));
    }

    /// <summary>MicroTime, for people to look at.</summary>
    private string Now() => time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", null);
}
