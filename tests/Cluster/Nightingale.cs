using System.Globalization;
using Cluster.Wire;
using Microsoft.AspNetCore.Http;

namespace Cluster;

/// <summary>
/// Makes a receiver behave as Nightingale does in what ccfos/nightingale shows (pushgw/router/router_remotewrite.go and
/// router_proxy_remotewrite.go, pushgw/writer/writer.go, tsdb/router/router.go): its three paths, and what it keeps of a request.
/// </summary>
public sealed class Nightingale
{
    private const int LargestProxied = 32 << 20;

    private readonly Receiver receiver;
    private readonly Lock gate = new();
    private double waiting;
    private DateTime forwarded = DateTime.UtcNow;
    private int proxied;

    public Nightingale(Receiver receiver)
    {
        this.receiver = receiver;
        receiver.SecondVersion = SecondVersion.TakenForEmpty;
        receiver.Intercept = BeginAsync;
        receiver.Answer = Answer;
    }

    /// <summary>Queued, and forwarded later.</summary>
    public Uri WriteUrl => new(receiver.WriteUrl, "/prometheus/v1/write");

    /// <summary>Passed on as it is to the database behind it, whose answer nobody sees.</summary>
    public Uri ProxyUrl => new(receiver.WriteUrl, "/proxy/v1/write");

    /// <summary>The embedded database, which takes every caller here for one from another host.</summary>
    public Uri EmbeddedUrl => new(receiver.WriteUrl, "/prometheus/api/v1/write");

    /// <summary>Series that may wait in all queues together: AllQueueMaxSize, on 4 cores as it ships.</summary>
    public int QueueLimit { get; set; } = 400_000;

    /// <summary>How fast the queues empty into the database.</summary>
    public int ForwardedPerSecond { get; set; } = 1_000_000;

    /// <summary>ForceUseServerTS, on as it ships.</summary>
    public bool ForcesServerTime { get; set; } = true;

    public int MostProxied { get; set; } = 1000;

    /// <summary>Requests that were refused because the queues are full: before anything of them was queued, and in their middle.</summary>
    public (int AtOnce, int InTheMiddle) Refused { get; private set; }

    private async Task<bool> BeginAsync(HttpContext context)
    {
        var isProxied = context.Request.Path == ProxyUrl.AbsolutePath;
        // What is passed on is read by a database that knows both versions; Nightingale itself knows one.
        receiver.SecondVersion = isProxied ? SecondVersion.UnderstoodInSilence : SecondVersion.TakenForEmpty;
        if (!isProxied)
            return false;
        context.Response.OnCompleted(() =>
        {
            Interlocked.Decrement(ref proxied);
            return Task.CompletedTask;
        });
        if (Interlocked.Increment(ref proxied) <= MostProxied)
            return false;
        context.Response.StatusCode = 429;
        await context.Response.WriteAsync(string.Create(
            CultureInfo.InvariantCulture, $"proxy remote write inflight over limit: {MostProxied}"));
        return true;
    }

    private ReceiverAnswer Answer(ReceivedRequest request)
    {
        if (request.Path == WriteUrl.AbsolutePath)
            return Queue(request.Message);
        if (request.Path == ProxyUrl.AbsolutePath)
        {
            return request.Body.Length > LargestProxied
                ? new(413, $"proxy remote write body too large: > {LargestProxied} bytes") : new ReceiverAnswer(200);
        }
        return request.Path == EmbeddedUrl.AbsolutePath
            ? new(403, """
                {"status":"error","errorType":"forbidden","error":"embedded tsdb endpoints only accept requests from the n9e host by default; set EmbeddedTSDB.BasicAuthUser/BasicAuthPass (or DatasourceUrl) to allow remote access"}
                """) : new(404, "404 page not found");
    }

    /// <summary>Leaves in the message what is queued of it.</summary>
    private ReceiverAnswer Queue(WriteRequest message)
    {
        message.Metadata.Clear();
        lock (gate)
        {
            var now = DateTime.UtcNow;
            waiting = Math.Max(0, waiting - (now - forwarded).TotalSeconds * ForwardedPerSecond);
            forwarded = now;
            if (waiting > QueueLimit)
            {
                Refused = (Refused.AtOnce + 1, Refused.InTheMiddle);
                message.Timeseries.Clear();
                return Full();
            }
            var queued = message.Timeseries.Where(s => s.Labels.DistinctBy(l => l.Name).Count() == s.Labels.Count)
                .TakeWhile(_ => waiting++ <= QueueLimit).ToList();
            var isWhole = queued.Count == message.Timeseries.Count;
            message.Timeseries.Clear();
            message.Timeseries.AddRange(queued);
            foreach (var one in queued)
                Change(one, now);
            if (isWhole)
                return new(200);
            Refused = (Refused.AtOnce, Refused.InTheMiddle + 1);
            return Full() with { IsStored = true };
        }

        ReceiverAnswer Full() => new(499, string.Create(
            CultureInfo.InvariantCulture, $"write queue full, metric count over limit: {waiting:F0}"));
    }

    private void Change(TimeSeries one, DateTime now)
    {
        if (ForcesServerTime && one.Samples.Count > 0)
            one.Samples[0].Timestamp = new DateTimeOffset(now).ToUnixTimeSeconds() * 1000;
        if (one.Labels.All(l => l.Name != "ident") && one.Labels.FirstOrDefault(l => l.Name == "agent_hostname") is { } host)
            host.Name = "ident";
    }
}
