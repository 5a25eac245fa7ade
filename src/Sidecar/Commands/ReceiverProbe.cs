using Sidecar.Configuration;
using Sidecar.Exposition;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Requests;
using Sidecar.Sending;

namespace Sidecar.Commands;

/// <summary>Sends the receiver one write request: empty, which tests address, TLS, credentials and path, or with one sample.</summary>
internal sealed class ReceiverProbe(Options options, PeerClient client, TimeProvider time)
{
    public const string SeriesName = "sidecar_check";

    /// <summary>1.0, which all understand, unless 2.0 is asked for.</summary>
    private readonly ReceiverProtocol protocol =
        new(options.RemoteWrite.Protocol == WriteProtocol.Two ? WriteProtocol.Two : WriteProtocol.One);

    public async Task<CheckStep> RunAsync(bool sendsSample, CancellationToken cancellation)
    {
        const string Name = "receiver";
        var remote = options.RemoteWrite;
        var request = sendsSample ? OneSample() : EncodedRequest.Compress(protocol.Current, []);
        if (request is null)
        {
            return new(Name, CheckStatus.Warning, $"{Variables.WriteRelabelConfigs.Name} drops the sample {SeriesName}; nothing was sent",
                new(null, "run it without --send, or let the rules keep that series"));
        }
        var (status, failure, location) = await PostAsync(request, cancellation);
        request.Release();
        var url = Failures.Show(remote.Url);
        var through = WriteReceiver.Through(remote);
        if (!failure.IsNone)
            return CheckStep.Failed(Name, failure, ReceiverAdvice.For(remote.Url, status, failure, protocol.Current, isEmpty: !sendsSample,
                location, remote.Http.Tls.ServerName));
        var isSilent = remote.Protocol != WriteProtocol.One && remote.Url.AbsolutePath == WriteUrls.NightingaleProxy;
        return new(Name, isSilent ? CheckStatus.Warning : CheckStatus.Ok, sendsSample
            ? $"{url} accepts a sample of {SeriesName}{through}"
            : $"{url} accepts a request without samples{through}; --send tries one with a sample",
            isSilent ? ReceiverAdvice.OfSilence(remote.Protocol) : null);
    }

    private static bool IsPage(string contentType, byte[] start) =>
        contentType.StartsWith("text/html", StringComparison.OrdinalIgnoreCase) || start.AsSpan().TrimStart(" \t\r\n"u8) is [(byte)'<', ..];

    private EncodedRequest? OneSample()
    {
        var scrape = options.Jobs[0].Scrape;
        var name = System.Text.Encoding.UTF8.GetBytes(SeriesName);
        var sample = new Sample { Window = name };
        sample.Begin(0, name.Length);
        var encoder = new SeriesEncoder(1, protocol);
        encoder.Begin(new TargetLabels([new("job", scrape.JobName)], scrape.ExternalLabels, honorLabels: false, scrape.SeriesRules));
        if (encoder.Begin(sample, out _, isReport: true) != SeriesOutcome.Sent)
            return null;
        encoder.Commit(1, time.GetUtcNow().ToUnixTimeMilliseconds());
        return encoder.Take();
    }

    /// <returns>The status (0 where there was no answer), the failure (none where it was accepted), and where it redirects to.</returns>
    private async Task<(int Status, Failure Failure, Uri? Location)> PostAsync(EncodedRequest request, CancellationToken cancellation)
    {
        var remote = options.RemoteWrite;
        using var timeout = new CancellationTokenSource(remote.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var response = await client.SendAsync(() => RequestContent.Message(request, remote.Url, remote.Headers.AsSpan()),
                either.Token);
            var status = (int)response.StatusCode;
            var start = await Failures.ReadStartAsync(response, either.Token);
            if (!response.IsSuccessStatusCode)
            {
                var failure = WriteReceiver.FailureOf(response, start, remote, client);
                var to = response.Headers.Location is { } location && Uri.TryCreate(remote.Url, location, out var url) ? url : null;
                return (status, failure, to);
            }
            var type = response.Content.Headers.TryGetValues("Content-Type", out var types) ? string.Join(",", types) : "";
            return (status, IsPage(type, start)
                ? new Failure(FailureReason.ContentType, $"{Failures.Show(remote.Url)} answers {status} with a web page") : default, null);
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            var failure = timeout.IsCancellationRequested
                ? new Failure(FailureReason.Timeout,
                    $"{Failures.Host(remote.Url)} did not answer within "
                        + $"{Variables.RemoteWriteTimeout.Name} ({remote.Timeout.TotalSeconds:0.###}s){WriteReceiver.Through(remote)}")
                : Failures.From(e, remote.Url);
            // What is behind a proxy cannot be looked at from here.
            return (0, remote.Http.Proxy?.Covers(remote.Url) == true
                ? failure : await Reach.LookAsync(failure, remote.Url, time, cancellation), null);
        }
    }
}
