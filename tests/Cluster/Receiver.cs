using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cluster.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Cluster;

/// <summary>One write request as it arrived.</summary>
/// <param name="Message">Of 2.0, what it says in terms of 1.0.</param>
public sealed record ReceivedRequest(IReadOnlyDictionary<string, string> Headers, string Path, byte[] Body, WriteRequest Message,
    bool IsSecondVersion);

/// <summary>What a receiver makes of remote write 2.0.</summary>
public enum SecondVersion
{
    Understood,
    /// <summary>
    /// Read as a message of 1.0, which has none of its fields; accepted, and nothing stored. So do VictoriaMetrics, Nightingale and older
    /// Prometheus.
    /// </summary>
    TakenForEmpty,
    /// <summary>Stored, and the answer does not say so: a proxy in between has answered by itself.</summary>
    UnderstoodInSilence,
    /// <summary>415, as the specification wants of receivers that check the content type.</summary>
    Refused,
}

/// <summary>What the receiver answers to a request.</summary>
public sealed record ReceiverAnswer(int Status = 204, string Body = "", string? RetryAfter = null)
{
    /// <summary>Waits before it answers.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Closes the connection instead.</summary>
    public bool IsReset { get; init; }

    /// <summary>Keeps what it got, also when the answer is another than 2xx or a reset.</summary>
    public bool IsStored { get; init; }

    /// <summary>The body goes on until the client goes away.</summary>
    public bool IsEndless { get; init; }

    /// <summary>Sent as well.</summary>
    public string? Location { get; init; }
}

/// <summary>
/// A stand-in remote-write receiver on a loopback port. It reads requests with generated types, checks what the specification demands of
/// them, and keeps all samples by series.
/// </summary>
public sealed class Receiver : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, List<(long Timestamp, double Value)>> series = new();
    private readonly ConcurrentQueue<string> violations = [];
    private readonly X509Certificate2? certificate;
    private WebApplication? application;
    private long requests;
    private int secondVersionRequests;
    private long samples;
    private long bytes;

    public Receiver(X509Certificate2? certificate = null) => this.certificate = certificate;

    public int Port { get; private set; }

    public Uri WriteUrl => new($"{(certificate is null ? "http" : "https")}://127.0.0.1:{Port}/api/v1/write");

    public SecondVersion SecondVersion { get; set; }

    /// <summary>Metadata by metric: its type's number, help and unit; of either version.</summary>
    public ConcurrentDictionary<string, (int Type, string Help, string Unit)> Metadata { get; } = new();

    /// <summary>Exemplars and native histograms by series, in the order of arrival.</summary>
    public ConcurrentDictionary<string, ConcurrentQueue<Exemplar>> Exemplars { get; } = new();

    /// <inheritdoc cref="Exemplars"/>
    public ConcurrentDictionary<string, ConcurrentQueue<Histogram>> Histograms { get; } = new();

    /// <summary>Accepted requests of 2.0.</summary>
    public int SecondVersionRequests => secondVersionRequests;

    /// <summary>Decides each answer; everything is accepted unless set.</summary>
    public Func<ReceivedRequest, ReceiverAnswer> Answer { get; set; } = _ => new ReceiverAnswer();

    /// <summary>Looks at each request before its body is read; true when it was dealt with.</summary>
    public Func<HttpContext, Task<bool>>? Intercept { get; set; }

    /// <summary>Reads and counts bytes, and neither decodes nor keeps anything: for load.</summary>
    public bool IsDiscarding { get; set; }

    /// <summary>Called with each sample that is kept: series, timestamp, value.</summary>
    public Action<string, long, double>? Kept { get; set; }

    /// <summary>For long runs: of each series only the newest samples stay.</summary>
    public bool IsForgetful { get; set; }

    /// <summary>Accepted requests.</summary>
    public long Requests => Interlocked.Read(ref requests);

    /// <summary>Accepted samples, each counted when it is kept, before its request is.</summary>
    public long Samples => Interlocked.Read(ref samples);

    /// <summary>Bytes of all bodies, as they came over the wire.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>In long runs those that have not ended.</summary>
    public int SeriesCount => IsForgetful ? series.Values.Count(IsLive) : series.Count;

    /// <summary>What requests had that the specification forbids.</summary>
    public IReadOnlyList<string> Violations => [.. violations];

    public ReceivedRequest? Last { get; private set; }

    /// <summary>
    /// On the port that it had, if it had one: until then somebody may have it for a moment, were it a client that called itself there.
    /// </summary>
    public async Task StartAsync()
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await ListenAsync();
                return;
            }
            catch (IOException) when (Port != 0 && tries < 60)
            {
                await Task.Delay(500);
            }
        }
    }

    public async Task StopAsync()
    {
        if (application is null)
            return;
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        try
        {
            await application.StopAsync(atOnce.Token);
        }
        catch (OperationCanceledException)
        {
            // Cut rather than drained.
        }
        await application.DisposeAsync();
        application = null;
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    /// <summary>All series as <c>name{a="b"}</c>, labels sorted.</summary>
    public IReadOnlyCollection<string> SeriesNames => [.. series.Keys];

    /// <summary>The samples of one series in the order of arrival; empty for an unknown one.</summary>
    public IReadOnlyList<(long Timestamp, double Value)> SamplesOf(string name)
    {
        if (!series.TryGetValue(name, out var found))
            return [];
        lock (found)
            return [.. found];
    }

    private async Task ListenAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                if (certificate is not null)
                    listen.UseHttps(certificate);
            });
        });
        application = await StandInApplication.StartAsync(builder, ReceiveAsync);
        Port = new Uri(application.Urls.First()).Port;
    }

    private async Task ReceiveAsync(HttpContext context)
    {
        if (Intercept is { } intercept && await intercept(context))
            return;
        if (HttpMethods.IsGet(context.Request.Method))
        {
            // Somebody who follows a printed address with a browser.
            context.Response.StatusCode = 405;
            context.Response.Headers.Allow = "POST";
            await context.Response.WriteAsync("Remote write is taken here, by POST; the page for people has another address.\n");
            return;
        }
        var buffer = new MemoryStream();
        await context.Request.Body.CopyToAsync(buffer);
        Interlocked.Add(ref bytes, buffer.Length);
        if (IsDiscarding)
        {
            Interlocked.Increment(ref requests);
            context.Response.StatusCode = 204;
            return;
        }
        var body = buffer.ToArray();
        var headers = context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        var isSecond = context.Request.ContentType?.Contains("io.prometheus.write.v2.Request", StringComparison.Ordinal) == true;
        if (isSecond && SecondVersion == SecondVersion.Refused)
        {
            context.Response.StatusCode = 415;
            return;
        }
        WriteRequest message;
        try
        {
            var bytes = IronSnappy.Snappy.Decode(body);
            message = isSecond && SecondVersion is (SecondVersion.Understood or SecondVersion.UnderstoodInSilence)
                ? FirstVersion.Of(bytes, violations) : WriteRequest.Parser.ParseFrom(bytes);
        }
        catch (Exception e)
        {
            violations.Enqueue($"undecodable: {e.Message}");
            context.Response.StatusCode = 400;
            await context.Response.WriteAsync(e.Message);
            return;
        }
        var request = new ReceivedRequest(headers, context.Request.Path, body, message, isSecond);
        Last = request;
        Check(request);
        var answer = Answer(request);
        if (answer.Status / 100 == 2 && !answer.IsReset || answer.IsStored)
            Store(request);
        if (answer.Delay > TimeSpan.Zero)
            await Task.Delay(answer.Delay, context.RequestAborted);
        if (answer.IsReset)
        {
            context.Features.Get<IHttpRequestLifetimeFeature>()!.Abort();
            return;
        }
        context.Response.StatusCode = answer.Status;
        if (isSecond && SecondVersion == SecondVersion.Understood && answer.Status / 100 == 2)
        {
            foreach (var (what, count) in new[] { ("Samples", message.Timeseries.Sum(t => t.Samples.Count)),
                ("Histograms", message.Timeseries.Sum(t => t.Histograms.Count)),
                ("Exemplars", message.Timeseries.Sum(t => t.Exemplars.Count)) })
                context.Response.Headers[$"X-Prometheus-Remote-Write-{what}-Written"] =
                    count.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
        if (answer.RetryAfter is not null)
            context.Response.Headers.RetryAfter = answer.RetryAfter;
        if (answer.Location is not null)
            context.Response.Headers.Location = answer.Location;
        if (answer.Body.Length > 0)
            await context.Response.WriteAsync(answer.Body);
        while (answer.IsEndless)
        {
            await context.Response.WriteAsync("and so on ", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await Task.Delay(50, context.RequestAborted);
        }
    }

    private void Store(ReceivedRequest request)
    {
        foreach (var metric in request.Message.Metadata)
            Metadata[metric.MetricFamilyName] = (metric.Type, metric.Help, metric.Unit);
        foreach (var one in request.Message.Timeseries)
        {
            foreach (var exemplar in one.Exemplars)
                Exemplars.GetOrAdd(Name(one), _ => []).Enqueue(exemplar);
            foreach (var histogram in one.Histograms)
                Histograms.GetOrAdd(Name(one), _ => []).Enqueue(histogram);
            if (one.Samples.Count == 0)
                continue;
            var kept = series.GetOrAdd(Name(one), _ => []);
            lock (kept)
            {
                foreach (var sample in one.Samples)
                {
                    // One that was there before is no new one: after a crash a scrape may be sent a second time.
                    if (kept.Count > 0 && sample.Timestamp < kept[^1].Timestamp && !kept.Exists(k => k.Timestamp == sample.Timestamp))
                        violations.Enqueue($"out of order: {Name(one)} at {sample.Timestamp} after {kept[^1].Timestamp}");
                    kept.Add((sample.Timestamp, sample.Value));
                    Interlocked.Increment(ref samples);
                    Kept?.Invoke(Name(one), sample.Timestamp, sample.Value);
                    if (IsForgetful)
                        Forget(kept);
                }
            }
        }
        // Last: who has seen it counted finds what it holds.
        if (request.IsSecondVersion)
            Interlocked.Increment(ref secondVersionRequests);
        Interlocked.Increment(ref requests);
    }

    private static bool IsLive(List<(long Timestamp, double Value)> kept)
    {
        lock (kept)
            return kept.Count > 0 && !IsMarker(kept[^1].Value);
    }

    private static void Forget(List<(long Timestamp, double Value)> kept)
    {
        const int Most = 8;
        if (kept.Count > 2 * Most)
            kept.RemoveRange(0, kept.Count - Most);
    }

    /// <summary>Prometheus's staleness marker, a NaN of its own.</summary>
    public static bool IsMarker(double value) => BitConverter.DoubleToInt64Bits(value) == 0x7ff0000000000002;

    /// <summary>Remote write 1.0, sections "Protocol" and "Labels".</summary>
    private void Check(ReceivedRequest request)
    {
        Expect(request, "Content-Encoding", "snappy");
        Expect(request, "Content-Type", request.IsSecondVersion
            ? "application/x-protobuf;proto=io.prometheus.write.v2.Request" : "application/x-protobuf");
        Expect(request, "X-Prometheus-Remote-Write-Version", request.IsSecondVersion ? "2.0.0" : "0.1.0");
        if (!request.Headers.TryGetValue("User-Agent", out var agent) || !agent.StartsWith("sidecar/", StringComparison.Ordinal))
            violations.Enqueue($"User-Agent is {agent ?? "missing"}");
        foreach (var one in request.Message.Timeseries)
        {
            if (one.Samples.Count + one.Histograms.Count != 1)
                violations.Enqueue($"{one.Samples.Count} samples and {one.Histograms.Count} histograms: {Name(one)}");
            if (one.Labels.All(l => l.Name != "__name__"))
                violations.Enqueue($"no name: {Name(one)}");
            for (var i = 0; i < one.Labels.Count; i++)
            {
                if (one.Labels[i].Name.Length == 0 || one.Labels[i].Value.Length == 0)
                    violations.Enqueue($"empty label: {Name(one)}");
                if (i > 0 && Encoding.UTF8.GetBytes(one.Labels[i - 1].Name).AsSpan()
                    .SequenceCompareTo(Encoding.UTF8.GetBytes(one.Labels[i].Name)) >= 0)
                    violations.Enqueue($"labels not sorted or not unique: {Name(one)}");
            }
        }
    }

    private void Expect(ReceivedRequest request, string header, string value)
    {
        if (!request.Headers.TryGetValue(header, out var found) || found != value)
            violations.Enqueue($"{header} is {found ?? "missing"}, not {value}");
    }

    private static string Name(TimeSeries one)
    {
        var name = one.Labels.FirstOrDefault(l => l.Name == "__name__")?.Value;
        var labels = one.Labels.Where(l => l.Name != "__name__").OrderBy(l => l.Name, StringComparer.Ordinal)
            .Select(l => $"{l.Name}=\"{l.Value}\"");
        return $"{name}{{{string.Join(',', labels)}}}";
    }
}
