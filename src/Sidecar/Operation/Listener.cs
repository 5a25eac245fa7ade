using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace Sidecar.Operation;

/// <summary>The pages: probes, own metrics and the state of the targets. Read-only, GET and HEAD alone.</summary>
internal sealed class Listener : IAsyncDisposable
{
    private static readonly HttpAnswer Healthy = HttpAnswer.Text(200, "Sidecar is healthy.");
    private static readonly HttpAnswer Ready = HttpAnswer.Text(200, "Sidecar is ready.");

    private static readonly HttpAnswer Index = new(200, "text/html; charset=utf-8", """
        <!DOCTYPE html>
        <html lang="en">
        <head><meta charset="utf-8"><title>Sidecar</title></head>
        <body>
        <h1>Sidecar</h1>
        <ul>
        <li><a href="/-/healthy">/-/healthy</a>: the process runs</li>
        <li><a href="/-/ready">/-/ready</a>: targets are known and the receiver accepts, or why not</li>
        <li><a href="/metrics">/metrics</a>: own metrics</li>
        <li><a href="/api/v1/targets">/api/v1/targets</a>: targets and their last scrapes</li>
        </ul>
        </body>
        </html>

        """u8.ToArray());

    private readonly HttpServer server;
    private readonly Metrics metrics;
    private readonly Func<string?> whyNotReady;
    private readonly Func<IReadOnlyList<TargetStatus>> targets;

    private Listener(
        Socket socket, Metrics metrics, Func<string?> whyNotReady, Func<IReadOnlyList<TargetStatus>> targets,
        HttpLimits limits, Log log, TimeProvider time)
    {
        this.metrics = metrics;
        this.whyNotReady = whyNotReady;
        this.targets = targets;
        server = new HttpServer(socket, Answer, limits, log, time);
    }

    /// <summary>Where it listens, the port that the system chose included.</summary>
    public IPEndPoint Address => server.Address;

    /// <summary>Starts; null with a sentence in <paramref name="error"/> where <paramref name="address"/> cannot be listened on.</summary>
    /// <param name="address"><c>host:port</c> or <c>:port</c>.</param>
    /// <param name="metrics">Written by <c>/metrics</c>.</param>
    /// <param name="whyNotReady">Null when ready, else one sentence.</param>
    /// <param name="targets">The targets now.</param>
    /// <param name="log">For what goes wrong on the way.</param>
    /// <param name="time">Clock.</param>
    /// <param name="error">Names the variable, the cause and a remedy.</param>
    /// <param name="limits">Null for the defaults.</param>
    public static Listener? Start(
        string address, Metrics metrics, Func<string?> whyNotReady, Func<IReadOnlyList<TargetStatus>> targets, Log log, TimeProvider time,
        out string error, HttpLimits? limits = null)
    {
        var socket = ListenAddress.Open(address, out error);
        return socket is null ? null : new Listener(socket, metrics, whyNotReady, targets, limits ?? new HttpLimits(), log, time);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private HttpAnswer Answer(HttpRequestHead request)
    {
        if (request.Method is not ("GET" or "HEAD"))
            return HttpAnswer.Refusal(405);
        return request.Path switch
        {
            "/" => Index,
            "/-/healthy" => Healthy,
            "/-/ready" => whyNotReady() is { } why ? HttpAnswer.Text(503, why) : Ready,
            "/metrics" => OwnMetrics(),
            "/api/v1/targets" => new HttpAnswer(200, "application/json", TargetStatus.WriteJson(targets())),
            _ => HttpAnswer.Refusal(404),
        };
    }

    private HttpAnswer OwnMetrics()
    {
        var output = new ArrayBufferWriter<byte>(16 * 1024);
        metrics.Write(output);
        return new HttpAnswer(200, MetricsText.ContentType, output.WrittenMemory);
    }
}
