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

    private const string Name = "receiver";

    /// <summary>1.0, which all understand, unless 2.0 is asked for.</summary>
    private readonly ReceiverProtocol protocol =
        new(options.RemoteWrite.Protocol == WriteProtocol.Two ? WriteProtocol.Two : WriteProtocol.One);

    public async Task<CheckStep> RunAsync(bool sendsSample, CancellationToken cancellation)
    {
        var remote = options.RemoteWrite;
        var request = sendsSample ? OneSample() : EncodedRequest.Compress(protocol.Current, []);
        if (request is null)
            return new(Name, CheckStatus.Warning, $"{Variables.WriteRelabelConfigs.Name} drops the sample {SeriesName}; nothing was sent",
                new(null, "run it without --send, or let the rules keep that series"));
        var failed = await PostAsync(request, isEmpty: !sendsSample, cancellation);
        request.Release();
        if (failed is not null)
            return failed;
        var url = Failures.Show(remote.Url);
        var through = WriteReceiver.Through(remote);
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
        var name = Encoding.UTF8.GetBytes(SeriesName);
        var sample = new Sample { Window = name };
        sample.Begin(0, name.Length);
        var encoder = new SeriesEncoder(1, protocol);
        encoder.Begin(new TargetLabels([new("job", scrape.JobName)], scrape.ExternalLabels, honorLabels: false, scrape.SeriesRules));
        if (encoder.Begin(sample, out _, isReport: true) != SeriesOutcome.Sent)
            return null;
        encoder.Commit(1, time.GetUtcNow().ToUnixTimeMilliseconds());
        return encoder.Take();
    }

    /// <returns>Null where the request was accepted.</returns>
    private async Task<CheckStep?> PostAsync(EncodedRequest request, bool isEmpty, CancellationToken cancellation)
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
                var to = response.Headers.Location is { } location && Uri.TryCreate(remote.Url, location, out var url) ? url : null;
                return Failed(WriteReceiver.FailureOf(response, start, remote, client), status, to);
            }
            var type = response.Content.Headers.TryGetValues("Content-Type", out var types) ? string.Join(",", types) : "";
            return !IsPage(type, start) ? null
                : Failed(new(FailureReason.ContentType, $"{Failures.Show(remote.Url)} answers {status} with a web page"), status);
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
            return Failed(remote.Http.Proxy?.Covers(remote.Url) == true
                ? failure : await Reach.LookAsync(failure, remote.Url, time, cancellation));
        }

        CheckStep Failed(Failure failure, int status = 0, Uri? location = null) => CheckStep.Failed(Name, failure,
            ReceiverAdvice.For(remote.Url, status, failure, protocol.Current, isEmpty, location, remote.Http.Tls.ServerName));
    }
}
