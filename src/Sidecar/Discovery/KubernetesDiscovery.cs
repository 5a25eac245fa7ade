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

    /// <summary>
    /// What is denied is asked for again after so many intervals: the Role may have been mended. A whole cluster, which is large, is
    /// listed again after as many where a watch goes well.
    /// </summary>
    private const int ManyIntervals = 20;

    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    /// <summary>A watch that ends sooner than this, and without an event, does not work.</summary>
    private static readonly TimeSpan LeastWatch = TimeSpan.FromSeconds(1);

    private readonly ObjectClient objects = new(options.Kubernetes, client, time);
    private readonly ObjectQuery slices = new(ObjectKind.EndpointSlice, options.Kubernetes);
    private readonly ObjectQuery endpoints = new(ObjectKind.Endpoints, options.Kubernetes);
    private readonly ObjectQuery services = new(ObjectKind.Service, options.Kubernetes);
    private KubernetesTargets known = new(options, log);
    private ObjectQuery? listed; // slices or endpoints, whichever the last list was of
    private string? version;
    private bool usesEndpoints;
    private long slicesAsked;
    private long? watchDenied;
    private TimeSpan listBackoff = FirstBackoff;
    private TimeSpan watchBackoff = FirstBackoff;

    // Of the watch at hand.
    private bool wasExpired;
    private int events;
    private bool isChanged;
    private bool isExpired;
    private Failure watchError;

    /// <summary>Why the API server's last answer was none, for people; null when it was one.</summary>
    public string? LastError { get; private set; }

    private TimeSpan Interval => options.Kubernetes.RefreshInterval;

    /// <summary>Calls <paramref name="publish"/> with the whole set after each list and whenever a watch has changed it, until cancelled.</summary>
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
        var answer = await ListAsync(cancellation);
        if (answer.IsGood)
        {
            listBackoff = FirstBackoff;
            LastError = null;
            log.Recovered(LogKey, "The API server answers again");
            known.Explain();
            publish(known.All());
        }
        else
        {
            metrics.KubernetesFailures.Increment();
            LastError = answer.Failure.Message;
            log.Recurring(LogLevel.Warn, LogKey, "Discovery failed; the last known targets stay",
                ("reason", Failure.Word(answer.Failure.Reason)), ("error", answer.Failure.Message), ("targets", known.All().Length));
        }
        return answer;
    }

    private async Task<ObjectAnswer> ListAsync(CancellationToken cancellation)
    {
        var next = new KubernetesTargets(options, log);
        if (slices.IsEmpty)
        {
            log.Recurring(LogLevel.Warn, "no scope", "SIDECAR_RELABEL_CONFIGS keeps no namespace, or no Service, that is asked for");
            (known, version) = (next, null);
            return new ObjectAnswer();
        }
        if (options.Kubernetes.Scope.NeedsServices)
        {
            var answer = await objects.ListAsync(services, json => next.AddService(services, json), cancellation);
            if (!answer.IsGood)
                return answer.IsDenied ? Explained(answer, $"{answer.Failure.Message}; a rule reads labels of the Service: {services.Rule}") : answer;
        }
        return options.Kubernetes.Role switch
        {
            KubernetesRole.EndpointSlice => await ListAsync(slices, next, cancellation),
            KubernetesRole.Endpoints => await ListAsync(endpoints, next, cancellation),
            _ => await ListEitherAsync(next, cancellation),
        };
    }

    /// <summary>Slices; where they are denied and Endpoints are not, Endpoints, and slices again now and then.</summary>
    private async Task<ObjectAnswer> ListEitherAsync(KubernetesTargets next, CancellationToken cancellation)
    {
        if (usesEndpoints && time.GetElapsedTime(slicesAsked) < Interval * ManyIntervals)
        {
            var usual = await ListAsync(endpoints, next, cancellation);
            if (!usual.IsDenied)
                return usual;
        }
        slicesAsked = time.GetTimestamp();
        var denied = await ListAsync(slices, next, cancellation);
        if (denied.IsGood)
        {
            if (usesEndpoints)
                log.Info("EndpointSlices are to be had now, and used");
            usesEndpoints = false;
            return denied;
        }
        if (!denied.IsDenied && !usesEndpoints)
            return denied;
        var answer = await ListAsync(endpoints, next, cancellation);
        if (!answer.IsGood)
            return Explained(answer, $"{denied.Failure.Message}; and {answer.Failure.Message}");
        if (!usesEndpoints)
        {
            log.Warn("EndpointSlices are not to be had; Endpoints are used instead, which Kubernetes has deprecated",
                ("error", denied.Failure.Message),
                ("remedy", denied.Status == HttpStatusCode.NotFound ? "none needed on Kubernetes before 1.21" : slices.Rule));
        }
        usesEndpoints = true;
        return answer;
    }

    private static ObjectAnswer Explained(ObjectAnswer answer, string message) => answer with { Failure = answer.Failure with { Message = message } };

    private async Task<ObjectAnswer> ListAsync(ObjectQuery query, KubernetesTargets services, CancellationToken cancellation)
    {
        ObjectAnswer answer;
        var tries = 0;
        KubernetesTargets next;
        do
        {
            next = new KubernetesTargets(options, log);
            next.TakeServices(services);
            answer = await objects.ListAsync(query, json => next.Set(query, EndpointReader.ReadHead(json).Key, json), cancellation);
        }
        while (answer.Status == HttpStatusCode.Gone && ++tries < 2); // so much changed between two pages that the list must begin anew
        if (answer.IsGood)
        {
            next.EndList();
            (known, listed, version) = (next, query, answer.Version);
        }
        return answer;
    }

    /// <summary>Watches, or only waits, until it is time to list again.</summary>
    private async Task WatchAsync(Action<ImmutableArray<Target>> publish, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        while (listed is { } query && version is { } from && MayWatch())
        {
            var isOften = query.IsNamed || options.Kubernetes.Scope.NeedsServices;
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
                known.Explain();
                publish(known.All());
            }
            var answer = await objects.WatchAsync(query, from, left, pieces => TakeEvents(query, pieces), PublishChange, cancellation);
            PublishChange();

            if (!watchError.IsNone)
                answer = new ObjectAnswer(watchError);
            var worked = answer.IsGood && (events > 0 || time.GetElapsedTime(began) >= LeastWatch || left < LeastWatch);
            isExpired |= answer.Status == HttpStatusCode.Gone;
            if (worked)
            {
                watchBackoff = FirstBackoff;
                watchDenied = null;
                log.Recovered(WatchLogKey, "The watch works again");
            }
            if (isExpired && !wasExpired)
            {
                wasExpired = true;
                return; // a list, at once; but where that does not help, after a wait
            }
            wasExpired = isExpired;
            if (worked && !known.LacksService)
                continue;
            if (IsRefused(answer.Status))
            {
                ReportRefused(query, answer);
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

    /// <summary>Once, until it works.</summary>
    private void ReportRefused(ObjectQuery query, ObjectAnswer answer)
    {
        if (watchDenied is null)
        {
            log.Warn("A watch is not to be had; changes are seen when the next list comes",
                ("error", answer.Failure.Message), ("every", Interval), ("remedy", query.Rule));
        }
        watchDenied = time.GetTimestamp();
    }

    private void ReportFailure(ObjectAnswer answer)
    {
        metrics.KubernetesFailures.Increment();
        log.Recurring(LogLevel.Warn, WatchLogKey, "The watch failed; the last known targets stay, and a list follows",
            ("reason", Failure.Word(answer.Failure.Reason)), ("error", answer.Failure.Message));
    }

    private bool MayWatch() => options.Kubernetes.Watch && (watchDenied is not { } since || time.GetElapsedTime(since) >= Interval * ManyIntervals);

    /// <summary>An answer that will be the same next time: denied, unknown, not understood.</summary>
    private static bool IsRefused(HttpStatusCode? status) =>
        status is >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError or HttpStatusCode.NotImplemented
        and not (HttpStatusCode.Unauthorized or HttpStatusCode.RequestTimeout or HttpStatusCode.Gone or HttpStatusCode.TooManyRequests);

    /// <summary>The next wait after a failure: doubling up to the interval, and never before the API server wants to be asked again.</summary>
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
                throw JsonWalk.Error($"the object of an event is not of kind {query.KindName}");
            if (e.Type == WatchEventType.Deleted)
                known.Remove(e.Object.Key);
            else if (e.Type != WatchEventType.Bookmark)
                known.Set(query, e.Object.Key, e.Json);
            version = e.Object.Version;
            events++;
            if (e.Type == WatchEventType.Bookmark)
                continue;
            isChanged = true;
            metrics.KubernetesEvents(query.Kind).Increment(e.Type);
        }
        return !known.LacksService;
    }
}
