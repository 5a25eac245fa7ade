using System.Net;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>The state of the watch of one kind of object. Written by its task; whether it is denied may be read by others.</summary>
internal sealed class WatchState(KubernetesOptions options, Metrics metrics, Log log, TimeProvider time)
{
    private const string LogKey = "watch";

    /// <summary>A watch that ends sooner than this, and without an event, does not work.</summary>
    public static readonly TimeSpan LeastWatch = TimeSpan.FromSeconds(1);

    private const long Never = long.MinValue;

    private long deniedAt = Never;

    public RequestBackoff Backoff { get; } = new(options.RefreshInterval);
    public bool IsDenied => Interlocked.Read(ref deniedAt) != Never;

    /// <summary>A watch is wanted, and was not denied of late: the Role may have been mended since.</summary>
    public bool MayWatch => options.Watch
        && (Interlocked.Read(ref deniedAt) is var at
        && (at == Never || time.GetElapsedTime(at) >= options.RefreshInterval * ClusterLists.ManyIntervals));

    /// <summary>The answer will be the same next time: denied, unknown, not understood.</summary>
    public static bool IsRefusal(ObjectAnswer answer) =>
        answer.Status is (>= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError) or HttpStatusCode.NotImplemented
        && answer.Status is not (HttpStatusCode.Unauthorized or HttpStatusCode.RequestTimeout or HttpStatusCode.Gone
            or HttpStatusCode.TooManyRequests);

    /// <summary>Logged once, until the watch works.</summary>
    public void Refused(ObjectQuery query, ObjectAnswer answer)
    {
        if (!IsDenied)
            log.Warn("Watch denied; falling back to periodic lists",
                ("error", answer.Failure.Message), ("every", options.RefreshInterval), ("remedy", query.Rule));
        Interlocked.Exchange(ref deniedAt, time.GetTimestamp());
    }

    public void NotRefused() => Interlocked.Exchange(ref deniedAt, Never);

    public void Works()
    {
        Backoff.Reset();
        NotRefused();
        log.Recovered(LogKey, "The watch works again");
    }

    public void Failed(ObjectAnswer answer)
    {
        log.Recurring(LogLevel.Warn, LogKey, answer.Failure.Cause, "The watch failed; the last known targets stay, and a list follows",
            ("reason", Word.Of(answer.Failure.Reason)), ("error", answer.Failure.Message),
            ("remedy", Advice.For(CheckPeer.ApiServer, answer.Failure).Remedy));
        metrics.KubernetesFailures.Increment(); // last: who sees it counted finds the line
    }
}
