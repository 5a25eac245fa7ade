using System.Net;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>
/// Lists endpoints periodically and watches in between. A list replaces everything, so it repairs what a watch missed; a failed list
/// changes nothing.
/// </summary>
/// <param name="pulse">Beaten by each page, read and wait.</param>
internal sealed class KubernetesDiscovery(
    DiscoveryOptions options, PeerClient client, Metrics metrics, Log log, InternalErrors errors, Pulse pulse, TimeProvider time)
{
    private const string LogKey = "discovery";

    private readonly ObjectClient objects = new(options.Kubernetes, client, time, pulse);
    private readonly ClusterLists lists = new(options, new(options.Kubernetes, client, time, pulse), log, time);
    private readonly ServicesWatch services = new(options.Kubernetes, new(options.Kubernetes, client, time), metrics, log, errors, time);
    private readonly WatchState watch = new(options.Kubernetes, metrics, log, time);
    private readonly RequestBackoff listBackoff = new(options.Kubernetes.RefreshInterval);
    private readonly LoopEdge listEdge = new(ProcessLoop.Discovery, errors, time, pulse);
    private readonly LoopEdge watchEdge = new(ProcessLoop.Watch, errors, time, pulse);
    private KubernetesTargets? known; // null before the first list

    // Of the watch at hand.
    private bool wasExpired;
    private int events;
    private bool isChanged;
    private bool isExpired;
    private Failure watchError;

    /// <summary>Why the API server's last answer was none; none when it was one.</summary>
    public Failure LastFailure { get; private set; }

    /// <summary>When it last gave a list, or told of a change; null for never.</summary>
    public DateTimeOffset? LastAnswer { get; private set; }

    private TimeSpan Interval => options.Kubernetes.RefreshInterval;

    /// <summary>Calls <paramref name="publish"/> with all targets after each list and each change by a watch, until cancelled.</summary>
    /// <exception cref="UnpublishableException">The set was not taken, again and again.</exception>
    public async Task RunAsync(Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        while (true)
        {
            var edge = listEdge;
            try
            {
                var answer = await ListAsync(publish, cancellation);
                edge.Passed();
                if (answer.IsGood)
                {
                    edge = watchEdge;
                    await WatchAsync(known!, publish, cancellation);
                    edge.Passed();
                }
                else
                    await DelayAsync(listBackoff.After(answer), cancellation);
            }
            catch (Exception e) when (e is not UnpublishableException
                && !(e is OperationCanceledException && cancellation.IsCancellationRequested))
            {
                if (edge == listEdge)
                    LastFailure = new Failure(FailureReason.Internal, $"a bug in the sidecar: {e.GetType().Name}");
                await edge.FailedAsync(e, cancellation); // and then a list, which makes good whatever was missed
            }
        }
    }

    private async Task<ObjectAnswer> ListAsync(Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        var (answer, targets) = await lists.AskAsync(cancellation);
        if (answer.IsGood)
        {
            known = targets;
            listBackoff.Reset();
            LastFailure = default;
            LastAnswer = time.GetUtcNow();
            log.Recovered(LogKey, "The API server answers again");
            targets.Explain();
            publish(targets.All());
        }
        else
        {
            LastFailure = answer.Failure;
            var stay = known?.All().Length ?? 0;
            log.Recurring(LogLevel.Warn, LogKey, answer.Failure.Cause,
                stay > 0 ? "Discovery failed; the last known targets stay" : "Discovery failed; no target is known yet",
                ("reason", Word.Of(answer.Failure.Reason)), ("error", answer.Failure.Message), ("targets", stay),
                ("remedy", Advice.For(CheckPeer.ApiServer, answer.Failure).Remedy));
            metrics.KubernetesFailures.Increment(); // last: who sees it counted finds the line
        }
        return answer;
    }

    /// <summary>Watches, or only waits, until it is time to list again.</summary>
    private async Task WatchAsync(KubernetesTargets targets, Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var ofServices = services.RunAsync(targets.Services, either);
        try
        {
            await WatchEndpointsAsync(targets, publish, either.Token);
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            // A Service has changed, or its watch wants a list for another reason.
        }
        finally
        {
            await either.CancelAsync();
            await ofServices;
        }
    }

    private async Task WatchEndpointsAsync(
        KubernetesTargets targets, Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        while (targets.Query is { } query && targets.Version is { } from && watch.MayWatch)
        {
            // A whole cluster is large, and seldom listed where a watch goes well.
            var isOften = query.IsNamed || services.IsDenied;
            var left = (isOften ? Interval : Interval * ClusterLists.ManyIntervals) - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return;
            var began = time.GetTimestamp();
            (events, isChanged, isExpired, watchError) = (0, false, false, default);
            void PublishChange()
            {
                if (!isChanged)
                    return;
                targets.Explain();
                publish(targets.All());
                isChanged = false;
            }
            var answer = await objects.WatchAsync(query, from, left, change => Take(targets, query, change), PublishChange, cancellation);
            PublishChange();

            if (!watchError.IsNone)
                answer = new ObjectAnswer(watchError);
            var worked = answer.IsGood
                && (events > 0 || time.GetElapsedTime(began) >= WatchState.LeastWatch || left < WatchState.LeastWatch);
            isExpired |= answer.Status == HttpStatusCode.Gone;
            if (worked)
                watch.Works();
            if (isExpired && !wasExpired)
            {
                wasExpired = true;
                return; // a list, at once; but where that does not help, after a wait
            }
            wasExpired = isExpired;
            if (worked)
            {
                // What is between may end each watch after an event.
                if (WatchState.LeastWatch - time.GetElapsedTime(began) is { Ticks: > 0 } soon)
                    await DelayAsync(soon, cancellation);
                continue;
            }
            if (WatchState.IsRefusal(answer))
            {
                watch.Refused(query, answer);
                break;
            }
            if (!answer.IsGood && !isExpired)
                watch.Failed(answer);
            await DelayAsync(watch.Backoff.After(answer), cancellation);
            return; // a list, which makes good whatever was missed
        }
        var rest = Interval - time.GetElapsedTime(started);
        if (rest > TimeSpan.Zero)
            await DelayAsync(rest, cancellation);
    }

    private Task DelayAsync(TimeSpan wait, CancellationToken cancellation)
    {
        pulse.Beat(wait + ObjectClient.Slack);
        return Task.Delay(wait, time, cancellation);
    }

    private bool Take(KubernetesTargets targets, ObjectQuery query, WatchEvent change)
    {
        if (change.Type == WatchEventType.Error)
        {
            isExpired = change.Status == HttpStatusCode.Gone;
            if (!isExpired)
                watchError = new Failure(FailureReason.HttpStatus, $"the watch ends with status {(int)change.Status}: {change.Message}");
            return false;
        }
        if (change.Kind != query.KindName)
            throw new FormatException($"the object of an event is not of kind {query.KindName}");
        if (change.Type == WatchEventType.Deleted)
            targets.Remove(change.Key);
        else if (change.Type != WatchEventType.Bookmark)
            targets.Set(change.Json);
        targets.Version = change.Version;
        if (events++ == 0)
            watch.Works();
        LastAnswer = time.GetUtcNow();
        if (change.Type == WatchEventType.Bookmark)
            return true;
        isChanged = true;
        metrics.KubernetesEvents(query.Kind).Increment(change.Type);
        return true;
    }
}
