using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>Where the pages come from.</summary>
internal sealed record PageSources
{
    /// <summary>Written by <c>/metrics</c>.</summary>
    public required Action<IBufferWriter<byte>> WriteMetrics { get; init; }

    /// <summary>Null when healthy, else one sentence.</summary>
    public Func<string?> WhyUnhealthy { get; init; } = () => null;

    /// <summary>Judges the process once: what readiness follows.</summary>
    public required Func<Judgement> Judge { get; init; }

    /// <summary>A line on the lease; null where this process is alone.</summary>
    public Func<string?> WhoLeads { get; init; } = () => null;

    public required Func<IReadOnlyList<TargetStatus>> Targets { get; init; }
    public required Func<Overview> Overview { get; init; }

    /// <summary>Called before answers are made, and every two seconds.</summary>
    public Action Round { get; init; } = () => { };
}

/// <summary>The pages: for people, probes, own metrics and the state of the targets. Read-only, GET and HEAD alone.</summary>
internal sealed class Listener : IDisposable
{
    private static readonly HttpAnswer Healthy = HttpAnswer.Text(200, "Sidecar is healthy.");

    private readonly PageSources sources;
    private readonly HttpServer server;

    private Listener(Socket socket, PageSources sources, HttpLimits limits, InternalErrors errors, Log log, TimeProvider time)
    {
        this.sources = sources;
        server = new HttpServer(socket, Answer, sources.Round, limits, errors, log, time).Start();
    }

    /// <summary>Where it listens, the port that the system chose included.</summary>
    public IPEndPoint Address => server.Address;

    /// <summary>Starts; null with a sentence in <paramref name="error"/> where <paramref name="address"/> cannot be listened on.</summary>
    /// <param name="address"><c>host:port</c> or <c>:port</c>.</param>
    /// <param name="error">Names the variable, the cause and a remedy.</param>
    public static Listener? Start(
        string address, PageSources sources, InternalErrors errors, Log log, TimeProvider time, out string error, HttpLimits? limits = null)
    {
        var socket = ListenAddress.Open(address, out error);
        return socket is null ? null : new Listener(socket, sources, limits ?? new HttpLimits(), errors, log, time);
    }

    public void Dispose() => server.Dispose();

    private HttpAnswer Answer(HttpRequestHead request)
    {
        if (request.Method is not ("GET" or "HEAD"))
            return HttpAnswer.Refusal(405);
        return request.Path switch
        {
            "/" => OverviewPage.Answer(sources.Overview(), reloads: true),
            "/defaults" => OverviewPage.Answer(sources.Overview(), reloads: true, showsDefaults: true),
            "/targets" => OverviewPage.Answer(sources.Overview(), reloads: false),
            "/-/healthy" => sources.WhyUnhealthy() is { } why ? HttpAnswer.Text(503, why) : Healthy,
            "/-/ready" => Ready(),
            "/api/v1/ready" => JudgementJson.Answer(sources.Judge()),
            "/metrics" => OwnMetrics(),
            "/api/v1/targets" => new HttpAnswer(200, "application/json", TargetStatus.WriteJson(sources.Targets())),
            _ => HttpAnswer.Refusal(404),
        };
    }

    private HttpAnswer Ready()
    {
        var judgement = sources.Judge();
        var why = judgement.WhyNotReady;
        return HttpAnswer.Text(why is null ? 200 : 503, string.Join('\n', [
            why ?? "Sidecar is ready.", .. sources.WhoLeads() is { } leader ? (string[])[leader] : [], .. judgement.Troubles,
        ]));
    }

    private HttpAnswer OwnMetrics()
    {
        var output = new ArrayBufferWriter<byte>(16 * 1024);
        sources.WriteMetrics(output);
        return new HttpAnswer(200, MetricsText.ContentType, output.WrittenMemory);
    }
}
