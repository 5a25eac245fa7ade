using System.Collections.Immutable;
using System.Net;
using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Operation;

namespace Sidecar.Discovery;

/// <summary>
/// Lists the endpoints every so often, and between two lists watches from where the list was. A list replaces all that was known, so what
/// a watch that hangs or lies has missed is made good by the next one; a list that fails changes nothing.
/// </summary>
internal sealed class KubernetesDiscovery(Options options, PeerClient client, Metrics metrics, Log log, TimeProvider time)
{
    private const string LogKey = "discovery";
    private const string WatchLogKey = "watch";

    /// <summary>A whole cluster, which is large, is listed again after so many intervals where a watch goes well.</summary>
    private const int ManyIntervals = ClusterLists.ManyIntervals;

    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    /// <summary>A watch that ends sooner than this, and without an event, does not work.</summary>
    private static readonly TimeSpan LeastWatch = TimeSpan.FromSeconds(1);

    /// <summary>However fast the labels of Services change, all is not listed more often than this for them.</summary>
    private static readonly TimeSpan LeastBetweenLists = TimeSpan.FromMilliseconds(500);

    private readonly ObjectClient objects = new(options.Kubernetes, client, time);
    private readonly ClusterLists lists = new(options, new(options.Kubernetes, client, time), log, time);
    private ClusterList known = ClusterList.Nothing(options, log);
    private string? version; // up to which the watch has come
    private long? watchDenied;
    private long? servicesDenied;
    private TimeSpan listBackoff = FirstBackoff;
    private TimeSpan watchBackoff = FirstBackoff;
    private TimeSpan servicesBackoff = FirstBackoff;

    // Of the watch at hand.
    private bool wasExpired;
    private int events;
    private bool isChanged;
    private bool isExpired;
    private Failure watchError;

    /// <summary>Why the API server's last answer was none, for people; null when it was one.</summary>
    public string? LastError { get; private set; }

    private TimeSpan Interval => options.Kubernetes.RefreshInterval;

    /// <summary>
    /// Calls <paramref name="publish"/> with the whole set after each list and whenever a watch has changed it, until cancelled.
    /// </summary>
    public async Task RunAsync(Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        while (true)
        {
            if (await ListAsync(publish, cancellation) is { IsGood: false } failed)
                await Task.Delay(WaitAfter(failed, ref listBackoff), time, cancellation);
            else
                await WatchAsync(publish, cancellation);
        }
    }

    /// <summary>Asks once.</summary>
    public async Task<ObjectAnswer> ListAsync(Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        var (answer, list) = await lists.AskAsync(cancellation);
        if (list is not null)
        {
            (known, version) = (list, list.Version);
            listBackoff = FirstBackoff;
            LastError = null;
            log.Recovered(LogKey, "The API server answers again");
            known.Targets.Explain();
            publish(known.Targets.All());
        }
        else
        {
            metrics.KubernetesFailures.Increment();
            LastError = answer.Failure.Message;
            log.Recurring(LogLevel.Warn, LogKey, "Discovery failed; the last known targets stay",
                ("reason", Failure.Word(answer.Failure.Reason)), ("error", answer.Failure.Message),
                ("targets", known.Targets.All().Length));
        }
        return answer;
    }

    /// <summary>Watches, or only waits, until it is time to list again.</summary>
    private async Task WatchAsync(Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var ofServices = WatchServicesAsync(either);
        try
        {
            await WatchEndpointsAsync(publish, either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // A Service has changed, or its watch wants a list for another reason.
        }
        finally
        {
            await either.CancelAsync();
            await ofServices;
        }
    }

    private async Task WatchEndpointsAsync(Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        while (known.Query is { } query && version is { } from && MayWatch(watchDenied))
        {
            var isOften = query.IsNamed || servicesDenied is not null;
            var left = (isOften ? Interval : Interval * ManyIntervals) - time.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return;
            var began = time.GetTimestamp();
            (events, isChanged, isExpired, watchError) = (0, false, false, default);
            void PublishChange()
            {
                if (!isChanged)
                    return;
                isChanged = false;
                known.Targets.Explain();
                publish(known.Targets.All());
            }
            var answer = await objects.WatchAsync(query, from, left, pieces => TakeEvents(query, pieces), PublishChange, cancellation);
            PublishChange();

            if (!watchError.IsNone)
                answer = new ObjectAnswer(watchError);
            var worked = answer.IsGood && (events > 0 || time.GetElapsedTime(began) >= LeastWatch || left < LeastWatch);
            isExpired |= answer.Status == HttpStatusCode.Gone;
            if (worked)
                ReportWorks();
            if (isExpired && !wasExpired)
            {
                wasExpired = true;
                return; // a list, at once; but where that does not help, after a wait
            }
            wasExpired = isExpired;
            if (worked)
            {
                // What is between may end each watch after an event.
                if (LeastWatch - time.GetElapsedTime(began) is { Ticks: > 0 } soon)
                    await Task.Delay(soon, time, cancellation);
                continue;
            }
            if (IsRefused(answer.Status))
            {
                ReportRefused(query, answer, ref watchDenied);
                break;
            }
            if (!answer.IsGood && !isExpired)
                ReportFailure(answer);
            await Task.Delay(WaitAfter(answer, ref watchBackoff), time, cancellation);
            return; // a list, which makes good whatever was missed
        }
        var rest = Interval - time.GetElapsedTime(started);
        if (rest > TimeSpan.Zero)
            await Task.Delay(rest, time, cancellation);
    }

    /// <summary>
    /// Watches the Services, where their labels are wanted. A change of those is a new list, since of what rules then keep nothing may be
    /// known; so is whatever else ends the watch, unless it is refused.
    /// </summary>
    /// <param name="untilList">Cancelled when it is time to list.</param>
    private async Task WatchServicesAsync(CancellationTokenSource untilList)
    {
        if (known.ServicesVersion is not { } from || !MayWatch(servicesDenied))
            return;
        var query = lists.Services;
        try
        {
            var began = time.GetTimestamp();
            var isChanged = false;
            var answer = await objects.WatchAsync(query, from, Interval * ManyIntervals, TakeEvents, () => { }, untilList.Token);
            if (IsRefused(answer.Status))
            {
                ReportRefused(query, answer, ref servicesDenied);
                return;
            }
            servicesDenied = null;
            if (!answer.IsGood)
                ReportFailure(answer);
            if (isChanged || (answer.IsGood && time.GetElapsedTime(began) >= LeastWatch))
            {
                servicesBackoff = FirstBackoff;
                var rest = LeastBetweenLists - time.GetElapsedTime(known.Asked);
                if (rest > TimeSpan.Zero)
                    await Task.Delay(rest, time, untilList.Token);
            }
            else
                await Task.Delay(WaitAfter(answer, ref servicesBackoff), time, untilList.Token);
            await untilList.CancelAsync();

            bool TakeEvents(JsonPieces pieces)
            {
                while (pieces.TryNext(out var piece))
                {
                    var e = WatchEvent.Read(piece);
                    if (e.Type == WatchEventType.Error)
                        return false;
                    if (e.Type == WatchEventType.Bookmark)
                        continue;
                    metrics.KubernetesEvents(ObjectKind.Service).Increment(e.Type);
                    isChanged = known.Targets.Services.IsChangedBy(query, e);
                    if (isChanged)
                        return false;
                }
                return true;
            }
        }
        catch (OperationCanceledException) when (untilList.IsCancellationRequested)
        {
        }
    }

    /// <summary>Once, until it works.</summary>
    private void ReportRefused(ObjectQuery query, ObjectAnswer answer, ref long? denied)
    {
        if (denied is null)
        {
            log.Warn("A watch is not to be had; changes are seen when the next list comes",
                ("error", answer.Failure.Message), ("every", Interval), ("remedy", query.Rule));
        }
        denied = time.GetTimestamp();
    }

    private void ReportWorks()
    {
        watchBackoff = FirstBackoff;
        watchDenied = null;
        log.Recovered(WatchLogKey, "The watch works again");
    }

    private void ReportFailure(ObjectAnswer answer)
    {
        metrics.KubernetesFailures.Increment();
        log.Recurring(LogLevel.Warn, WatchLogKey, "The watch failed; the last known targets stay, and a list follows",
            ("reason", Failure.Word(answer.Failure.Reason)), ("error", answer.Failure.Message));
    }

    private bool MayWatch(long? denied) =>
        options.Kubernetes.Watch && (denied is not { } since || time.GetElapsedTime(since) >= Interval * ManyIntervals);

    /// <summary>An answer that will be the same next time: denied, unknown, not understood.</summary>
    private static bool IsRefused(HttpStatusCode? status) =>
        status is (>= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError) or HttpStatusCode.NotImplemented
        && status is not (HttpStatusCode.Unauthorized or HttpStatusCode.RequestTimeout or HttpStatusCode.Gone
            or HttpStatusCode.TooManyRequests);

    /// <summary>The next wait after a failure: doubling up to the interval, and as long as the API server asks for.</summary>
    private TimeSpan WaitAfter(ObjectAnswer answer, ref TimeSpan backoff)
    {
        var wait = Interval;
        if (backoff < wait)
            (wait, backoff) = (backoff, backoff * 2);
        if (answer.RetryAfter is { } asked && asked > wait)
            wait = asked < LongestRetryAfter ? asked : LongestRetryAfter;
        return wait;
    }

    private bool TakeEvents(ObjectQuery query, JsonPieces pieces)
    {
        while (pieces.TryNext(out var piece))
        {
            var e = WatchEvent.Read(piece);
            if (e.Type == WatchEventType.Error)
            {
                isExpired = e.Status == HttpStatusCode.Gone;
                if (!isExpired)
                    watchError = new Failure(FailureReason.HttpStatus, $"the watch ends with status {(int)e.Status}: {e.Message}");
                return false;
            }
            if (e.Object.Kind != query.KindName)
                throw new FormatException($"the object of an event is not of kind {query.KindName}");
            if (e.Type == WatchEventType.Deleted)
                known.Targets.Remove(e.Object.Key);
            else if (e.Type != WatchEventType.Bookmark)
                known.Targets.Set(query, e.Object.Key, e.Json);
            version = e.Object.Version;
            if (events++ == 0)
                ReportWorks();
            if (e.Type == WatchEventType.Bookmark)
                continue;
            isChanged = true;
            metrics.KubernetesEvents(query.Kind).Increment(e.Type);
        }
        return true;
    }
}
