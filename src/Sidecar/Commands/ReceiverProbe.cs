using System.Net;
using Sidecar.Configuration;
using Sidecar.Exposition;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Requests;
using Sidecar.Sending;

namespace Sidecar.Commands;

/// <summary>
/// Asks the receiver to take a write request: one without samples, which shows address, TLS, credentials and path; or, where that is
/// wanted, one with a single sample of a series of its own.
/// </summary>
internal sealed class ReceiverProbe(Options options, PeerClient client, TimeProvider time)
{
    public const string SeriesName = "sidecar_check";

    /// <summary>1.0, which all understand, unless 2.0 is asked for.</summary>
    private readonly ReceiverProtocol protocol =
        new(options.RemoteWrite.Protocol == WriteProtocol.Two ? WriteProtocol.Two : WriteProtocol.One);

    /// <summary>What Prometheus, Mimir, Thanos and VictoriaMetrics say of samples that come too late.</summary>
    private static readonly string[] OutOfOrderWords = ["out of order", "out-of-order", "out of bounds", "too old", "too far behind",
        "duplicate sample"];

    public async Task<CheckStep> RunAsync(bool sendsSample, CancellationToken cancellation)
    {
        const string Name = "receiver";
        var remote = options.RemoteWrite;
        var request = sendsSample ? OneSample() : EncodedRequest.Compress(protocol.Current, []);
        if (request is null)
        {
            return new CheckStep(Name, CheckStatus.Warning,
                $"{Variables.WriteRelabelConfigs.Name} drops the sample {SeriesName}; nothing was sent")
            {
                Remedy = "run it without --send, or let the rules keep that series",
            };
        }
        var answer = await PostAsync(request, cancellation);
        request.Release();
        var url = Failures.Show(remote.Url);
        if (answer.Failure.IsNone)
        {
            return new CheckStep(Name, CheckStatus.Ok, sendsSample
                ? $"{url} accepts a sample of {SeriesName}" : $"{url} accepts a request without samples; --send tries one with a sample");
        }
        return new CheckStep(Name, CheckStatus.Failed, answer.Failure.Message) { Reason = Failure.Word(answer.Failure.Reason) }
            .With(Explain(answer.Status, answer.Failure, sendsSample));
    }

    private AdviceText Explain(int status, Failure failure, bool sendsSample)
    {
        var url = options.RemoteWrite.Url;
        var words = failure.Message;
        if (status is 404 or 405 && words.Contains("enable-remote-write-receiver", StringComparison.Ordinal))
            return new("it is a Prometheus that takes no writes", "start it with --web.enable-remote-write-receiver");
        if (status is 404 or 405)
            return new("the path of the URL is wrong: nothing takes writes there",
                $"set {Variables.RemoteWriteUrl.Name} to one of {WriteUrls.Of(url)}");
        if (failure.Reason == FailureReason.HttpOnHttpsPort)
            return Advice.For(CheckPeer.Receiver, failure);
        if (status is 400 && IsOutOfOrder(words))
        {
            return new("it has newer samples of this series: another sidecar sends the same one, or a clock was ahead once",
                $"give each sidecar a label of its own ({Variables.ExternalLabels.Name}=replica=a), and compare the clocks");
        }
        return status switch
        {
            400 when !sendsSample => new("it is reached, and refuses a request without samples, as some receivers do, or wants a tenant",
                $"try --send; a tenant is set by {Variables.RemoteWriteHeaders.Name}=X-Scope-OrgID=…"),
            400 or 422 => new("it is reached, and does not take this sample; its own words are above", "look at its log and at its limits"),
            401 => new("it wants credentials, or others", $"look at {CheckPeer.Receiver.Credentials}"),
            403 => new("the credentials are known and may not write, or the tenant is wrong",
                $"look at {CheckPeer.Receiver.Credentials}, and at {Variables.RemoteWriteHeaders.Name}"),
            413 => new("requests are larger than it takes", $"lower {Variables.RemoteWriteMaxSamplesPerSend.Name}, or raise its limit"),
            415 => new($"it does not speak remote write {(protocol.Current == WriteVersion.One ? "1.0" : "2.0")}",
                $"look at its version, at {Variables.RemoteWriteUrl.Name} and at {Variables.RemoteWriteProtocol.Name}"),
            429 or 499 => new("it is overloaded, or limits how much it takes; what is not taken is tried again",
                "raise its limits, or send less ('sidecar top')"),
            >= 500 => new("it has trouble of its own; what is not taken is tried again", "look at the receiver's log"),
            _ => Advice.For(CheckPeer.Receiver, failure),
        };
    }

    private static bool IsOutOfOrder(string words) =>
        Array.Exists(OutOfOrderWords, w => words.Contains(w, StringComparison.OrdinalIgnoreCase));

    private EncodedRequest? OneSample()
    {
        var name = System.Text.Encoding.UTF8.GetBytes(SeriesName);
        var sample = new Sample { Window = name };
        sample.Begin(0, name.Length);
        var encoder = new SeriesEncoder(1, protocol);
        encoder.Begin(new TargetLabels([new("job", options.Scrape.JobName)], options.Scrape.ExternalLabels, honorLabels: false,
            options.Scrape.SeriesRules));
        if (encoder.Begin(sample, out _, isReport: true) != SeriesOutcome.Sent)
            return null;
        encoder.Commit(1, time.GetUtcNow().ToUnixTimeMilliseconds());
        return encoder.Take();
    }

    private async Task<ProbeAnswer> PostAsync(EncodedRequest request, CancellationToken cancellation)
    {
        var remote = options.RemoteWrite;
        using var timeout = new CancellationTokenSource(remote.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var response = await client.SendAsync(() => RequestContent.Message(request, remote.Url, remote.Headers.AsSpan()),
                either.Token);
            if (response.IsSuccessStatusCode)
                return new ProbeAnswer((int)response.StatusCode, default);
            var start = await Failures.ReadStartAsync(response, either.Token);
            var failure = client.Redact(Failures.FromStatus(response.StatusCode, remote.Url, start));
            foreach (var (_, value) in remote.Headers)
                failure = failure with { Message = PeerCredentials.Without(failure.Message, value) };
            return new ProbeAnswer((int)response.StatusCode, failure);
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            return new ProbeAnswer(0, timeout.IsCancellationRequested
                ? new Failure(FailureReason.Timeout,
                    $"{Failures.Host(remote.Url)} did not answer within "
                        + $"{Variables.RemoteWriteTimeout.Name} ({remote.Timeout.TotalSeconds:0.###}s)")
                : Failures.From(e, remote.Url));
        }
    }
}

/// <summary>What the receiver said.</summary>
/// <param name="status">0 where there was no answer.</param>
/// <param name="failure">None where it accepted.</param>
internal sealed class ProbeAnswer(int status, Failure failure)
{
    public int Status { get; } = status;

    public Failure Failure { get; } = failure;
}

/// <summary>Where the known receivers take writes.</summary>
internal static class WriteUrls
{
    private static readonly string[] Paths = ["/api/v1/write", "/prometheus/v1/write", "/api/v1/push", "/api/v1/receive"];

    private static readonly string[] Whose = ["Prometheus, VictoriaMetrics", "Nightingale", "Mimir, Cortex", "Thanos"];

    /// <summary>At the same address; the one whose usual port it is comes first.</summary>
    public static string Of(Uri url)
    {
        var likely = url.Port switch
        {
            17000 or 19000 => 1,
            8080 or 9009 => 2,
            19291 => 3,
            _ => 0,
        };
        var urls = new List<string>();
        for (var i = 0; i < Paths.Length; i++)
        {
            var shown = $"{Failures.Show(new Uri(url, Paths[i]))} ({Whose[i]})";
            if (Paths[i] != url.AbsolutePath)
                urls.Insert(i == likely ? 0 : urls.Count, shown);
        }
        return string.Join(", ", urls);
    }
}
