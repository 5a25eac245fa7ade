using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Sidecar.Operation.Pages;

namespace Sidecar.Operation;

/// <summary>The pages: for people, probes, own metrics and the state of the targets. Read-only, GET and HEAD alone.</summary>
internal sealed class Listener : IAsyncDisposable
{
    private static readonly HttpAnswer Healthy = HttpAnswer.Text(200, "Sidecar is healthy.");
    private static readonly HttpAnswer Ready = HttpAnswer.Text(200, "Sidecar is ready.");

    private readonly HttpServer server;
    private readonly Metrics metrics;
    private readonly Func<string?> whyNotReady;
    private readonly Func<IReadOnlyList<TargetStatus>> targets;
    private readonly Func<Overview> overview;

    private Listener(
        Socket socket, Metrics metrics, Func<string?> whyNotReady, Func<IReadOnlyList<TargetStatus>> targets,
        Func<Overview> overview, HttpLimits limits, Log log, TimeProvider time)
    {
        this.metrics = metrics;
        this.whyNotReady = whyNotReady;
        this.targets = targets;
        this.overview = overview;
        server = new HttpServer(socket, Answer, limits, log, time);
    }

    /// <summary>Where it listens, the port that the system chose included.</summary>
    public IPEndPoint Address => server.Address;

    /// <summary>Starts; null with a sentence in <paramref name="error"/> where <paramref name="address"/> cannot be listened on.</summary>
    /// <param name="address"><c>host:port</c> or <c>:port</c>.</param>
    /// <param name="metrics">Written by <c>/metrics</c>.</param>
    /// <param name="whyNotReady">Null when ready, else one sentence.</param>
    /// <param name="targets">The targets now.</param>
    /// <param name="overview">What the page for people tells now.</param>
    /// <param name="log">For what goes wrong on the way.</param>
    /// <param name="time">Clock.</param>
    /// <param name="error">Names the variable, the cause and a remedy.</param>
    /// <param name="limits">Null for the defaults.</param>
    public static Listener? Start(
        string address, Metrics metrics, Func<string?> whyNotReady, Func<IReadOnlyList<TargetStatus>> targets, Func<Overview> overview,
        Log log, TimeProvider time, out string error, HttpLimits? limits = null)
    {
        var socket = ListenAddress.Open(address, out error);
        return socket is null ? null : new Listener(socket, metrics, whyNotReady, targets, overview, limits ?? new HttpLimits(), log, time);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private HttpAnswer Answer(HttpRequestHead request)
    {
        if (request.Method is not ("GET" or "HEAD"))
            return HttpAnswer.Refusal(405);
        return request.Path switch
        {
            "/" => OverviewPage.Answer(overview(), reloads: true),
            "/targets" => OverviewPage.Answer(overview(), reloads: false),
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
