using System.Net;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Sending;

/// <summary>What the receiver's answer to one request comes to.</summary>
internal enum WriteAnswer
{
    Accepted,
    /// <summary>May pass: tried again.</summary>
    Failed,
    /// <summary>400 or 413: some series in it may be the reason.</summary>
    RefusedInPart,
    Refused,
    /// <summary>Remote write 2.0 is not; 1.0 is used from now on.</summary>
    NotUnderstood,
}

/// <summary>One answer, with what the receiver said where it did not accept.</summary>
/// <param name="IsSize">413: the request is too large.</param>
internal readonly record struct WriteResult(WriteAnswer Answer, Failure Failure = default, bool IsSize = false);

/// <summary>The receiver: posts a request once and judges the answer; learns when to come back and which version it speaks.</summary>
/// <param name="stopping">Cancelled when the process is to end: what waits is tried once more at once.</param>
internal sealed class WriteReceiver(
    RemoteWriteOptions options, ReceiverProtocol protocol, PeerClient client, Metrics metrics, Log log, TimeProvider time,
    CancellationToken stopping)
{
    /// <summary>Beyond the longest wait of the moment: a busy machine is not a hang.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromMinutes(2);

    private const string FailedKey = "remote write";

    private readonly RetrySchedule retries = new(options.MinBackoff, options.MaxBackoff, time);
    private readonly KeyValuePair<string, string>[] headers = [.. options.Headers];

    public SendingState State { get; } = new(time);

    /// <summary>Beaten by each attempt and each wait for one.</summary>
    public Pulse Pulse { get; } = new(time);

    /// <summary>The process is to end.</summary>
    public bool IsStopping => stopping.IsCancellationRequested;

    /// <summary>
    /// Until attempt <paramref name="attempt"/> is due; see <see cref="RetrySchedule.Wait"/>. Where the process is to end meanwhile, it is
    /// due at once: the receiver may be back, and there may be no time for the rest of the wait.
    /// </summary>
    /// <param name="hasHurried">The attempt before this one began when the process was to end already: one at once is all that a receiver
    /// which is still away is to see.</param>
    public async Task WaitAsync(int attempt, bool hasHurried, CancellationToken cancellation)
    {
        if (IsStopping)
            retries.PassOver();
        var wait = retries.Wait(attempt);
        if (wait == TimeSpan.Zero || IsStopping && !hasHurried)
            return;
        State.Waits(wait);
        Pulse.Beat(wait + Slack);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, hasHurried ? default : stopping);
        await Task.Delay(wait, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
        if (IsStopping)
            retries.PassOver();
    }

    /// <param name="waiting">Scrapes in the queue, for the log.</param>
    public async Task<WriteResult> TryAsync(EncodedRequest request, Scrape scrape, int waiting, int attempt, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(options.Timeout);
        var isAtEnd = IsStopping;
        State.Attempt();
        Pulse.Beat(options.Timeout + Slack);
        metrics.SamplesTotal.Add(request.Samples - request.Histograms);
        metrics.HistogramsTotal.Add(request.Histograms);
        metrics.ExemplarsTotal.Add(request.Exemplars);
        metrics.BytesTotal.Add(request.Length);
        var started = time.GetTimestamp();
        try
        {
            using var response = await client.SendAsync(() => Message(request, attempt), timeout.Token);
            metrics.SentBatchDuration.Observe(time.GetElapsedTime(started));
            return await JudgeAsync(response, request, scrape, waiting, isAtEnd, timeout.Token);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException)
        {
            return Retry(client.TimedOut(options.Url, $"no answer within {options.Timeout.TotalSeconds:0.###}s{Through(options)}"),
                request, scrape, waiting);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return Retry(Failures.From(e, options.Url), request, scrape, waiting);
        }
    }

    /// <summary>Once: more of it comes in a minute, and no sample is lost with it.</summary>
    public async Task TryMetadataAsync(EncodedRequest request, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(options.Timeout);
        metrics.MetadataTotal.Add(request.Metadata);
        metrics.BytesTotal.Add(request.Length);
        Failure failure;
        try
        {
            using var response = await client.SendAsync(() => Message(request, attempt: 0), timeout.Token);
            if (response.IsSuccessStatusCode)
                return;
            failure = FailureOf(response, await Failures.ReadStartAsync(response, timeout.Token));
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            failure = e is OperationCanceledException ? new Failure(FailureReason.Timeout, "no answer in time")
                : Failures.From(e, options.Url);
        }
        metrics.MetadataFailedTotal.Add(request.Metadata);
        log.Recurring(LogLevel.Warn, "remote write metadata", failure.Cause,
            "The receiver did not take the metadata of metrics; their samples are not affected",
            ("url", Failures.Show(options.Url)), ("reason", Word.Of(failure.Reason)), ("error", failure.Message),
            ("remedy", AdviceFor(failure, request).Remedy));
    }

    private async Task<WriteResult> JudgeAsync(
        HttpResponseMessage response, EncodedRequest request, Scrape scrape, int waiting, bool isAtEnd, CancellationToken cancellation)
    {
        var status = (int)response.StatusCode;
        if (response.IsSuccessStatusCode)
        {
            // The body of a 2xx answer is ignored.
            if (request.Version == WriteVersion.Two && !IsUnderstood(response, request))
                return new WriteResult(WriteAnswer.NotUnderstood);
            return Accepted();
        }
        var failure = FailureOf(response, await Failures.ReadStartAsync(response, cancellation));
        // A path that is not there says nothing of versions. It may be a gateway that is being rolled out, or a mistake that will be
        // mended: what waits is sent then.
        if (ReceiverWords.IsWrongPath(status, failure.Message))
            return Retry(failure, request, scrape, waiting, response, isAtEnd, isPath: true);
        if (request.Version == WriteVersion.Two && (status == 415 || (status == 400 && !protocol.IsSettled))
            && FallBack($"it answers {status}"))
            return new WriteResult(WriteAnswer.NotUnderstood);
        // 499 is Nightingale's answer to overload. 401, 403 and redirects are an operator's mistake that will be mended: nothing is lost
        // by it.
        if (status is >= 500 or 429 or 499 or (>= 300 and < 400)
            || response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            return Retry(failure, request, scrape, waiting, response, isAtEnd);
        if (status == 409 && ReceiverWords.IsAlreadyThere(failure.Message))
        {
            log.Recurring(LogLevel.Warn, "remote write conflict",
                "The receiver has newer or the same samples of some series already; that counts as delivered",
                ("url", Failures.Show(options.Url)), ("target", scrape.Target.Url), ("error", failure.Message),
                ("remedy", "none after a restart; where it goes on, another sidecar sends the same series: give each a label of its own "
                    + "(SIDECAR_EXTERNAL_LABELS=replica=a)"));
            return Accepted();
        }
        State.Refused(failure, AdviceFor(failure, request, response));
        return new WriteResult(status is 400 or 413 ? WriteAnswer.RefusedInPart : WriteAnswer.Refused, failure, IsSize: status == 413);
    }

    private WriteResult Accepted()
    {
        State.Accepted();
        log.Recovered(FailedKey, "The receiver accepts again", ("url", Failures.Show(options.Url)));
        return new WriteResult(WriteAnswer.Accepted);
    }

    private Failure FailureOf(HttpResponseMessage response, byte[] bodyStart) => FailureOf(response, bodyStart, options, client);

    /// <summary>An answer that is no success, in words that may be shown, with where it redirects to.</summary>
    public static Failure FailureOf(HttpResponseMessage response, byte[] bodyStart, RemoteWriteOptions options, PeerClient client)
    {
        var failure = Failures.FromStatus(response.StatusCode, options.Url, bodyStart);
        if (failure.Reason == FailureReason.Redirect && response.Headers.Location is { } location
            && Uri.TryCreate(options.Url, location, out var to))
            failure = failure with { Message = $"{failure.Message}; it redirects to {Failures.Show(to)}, which is not followed" };
        failure = client.Redact(failure);
        if (options.Http.Proxy?.Relays(options.Url) == true)
            failure = failure with { Message = $"{failure.Message}{Through(options)}, whose answer it may be" };
        // A receiver may well answer with what it was sent; headers are the user's, and may be keys.
        foreach (var (_, value) in options.Headers)
            failure = failure with { Message = PeerCredentials.Without(failure.Message, value) };
        return failure;
    }

    /// <summary>Empty where there is no proxy on the way.</summary>
    public static string Through(RemoteWriteOptions options) =>
        options.Http.Proxy is { } proxy && proxy.Covers(options.Url) ? $" through the proxy {proxy.Host}" : "";

    /// <summary>2.0 receivers tell what they wrote ("Response"); 1.0 ones accept it as empty and store nothing: then false.</summary>
    private bool IsUnderstood(HttpResponseMessage response, EncodedRequest request)
    {
        var samples = request.Samples - request.Histograms;
        if (Written(response, samples > 0 ? "Samples" : "Histograms") is not { } written)
        {
            if (FallBack("it accepts 2.0 and confirms no writes"))
                return false;
            log.Recurring(LogLevel.Warn, "remote write written",
                "The receiver accepts remote write 2.0 and confirms no writes: it may store nothing",
                ("url", Failures.Show(options.Url)), ("remedy", "leave SIDECAR_REMOTE_WRITE_PROTOCOL unset, or set it to 1.0"));
            return true;
        }
        if (protocol.Confirm())
            log.Info("The receiver understands remote write 2.0", ("url", Failures.Show(options.Url)));
        var sent = samples > 0 ? samples : request.Histograms;
        if (written < sent)
            log.Recurring(LogLevel.Warn, "remote write written", "The receiver wrote less than it was sent, and calls that success",
                ("url", Failures.Show(options.Url)), ("sent", sent), ("written", written),
                ("remedy", "look at the receiver's log and limits; it tells nothing of what it left out"));
        return true;
    }

    private static long? Written(HttpResponseMessage response, string what) =>
        response.Headers.TryGetValues($"X-Prometheus-Remote-Write-{what}-Written", out var values)
        && long.TryParse(values.FirstOrDefault(), out var count) ? count : null;

    /// <summary>True where requests are made in 1.0 from now on.</summary>
    private bool FallBack(string why)
    {
        if (!protocol.MayFallBack)
            return protocol.Current == WriteVersion.One;
        if (protocol.FallBack())
            log.Info("The receiver lacks remote write 2.0: 1.0 is used until the sidecar is restarted; nothing is lost by it",
                ("url", Failures.Show(options.Url)), ("error", why));
        return true;
    }

    private AdviceText AdviceFor(Failure failure, EncodedRequest request, HttpResponseMessage? response = null) => ReceiverAdvice.For(
        options.Url, failure.Status, failure, request.Version, location: Location(response), serverName: options.Http.Tls.ServerName);

    private Uri? Location(HttpResponseMessage? response) =>
        response?.Headers.Location is { } location && Uri.TryCreate(options.Url, location, out var to) ? to : null;

    /// <param name="response">Null where there was no answer; else it may say when to come back, and where to.</param>
    /// <param name="isPath">Nothing takes writes at this path.</param>
    private WriteResult Retry(
        Failure failure, EncodedRequest request, Scrape scrape, int waiting, HttpResponseMessage? response = null, bool isAtEnd = false,
        bool isPath = false)
    {
        var advice = AdviceFor(failure, request, response);
        State.Failed(failure, advice);
        var retryAfter = response is null ? null : RetryAfter.Of(response, time);
        var obeyed = retryAfter is { } asked ? retries.Obey(asked, isAtEnd) : TimeSpan.Zero;
        log.Recurring(isPath ? LogLevel.Error : LogLevel.Warn, FailedKey, failure.Cause, isPath
                ? "Sending failed: nothing takes writes at this path, which may be wrong; it is tried again and nothing is lost until "
                    + "the queue is full"
                : "Sending failed; it is tried again until the receiver accepts",
            ("url", Failures.Show(options.Url)), ("reason", Word.Of(failure.Reason)), ("error", failure.Message),
            ("scraped", DateTimeOffset.FromUnixTimeMilliseconds(scrape.Timestamp)), ("waiting", waiting),
            ("retry_after", obeyed > TimeSpan.Zero ? retryAfter : null), ("next_try_in", obeyed > TimeSpan.Zero ? obeyed : null),
            ("remedy", advice.Remedy));
        return new WriteResult(WriteAnswer.Failed, failure);
    }

    private HttpRequestMessage Message(EncodedRequest request, int attempt)
    {
        var message = RequestContent.Message(request, options.Url, headers);
        if (attempt > 0)
            message.Headers.TryAddWithoutValidation("Retry-Attempt", attempt.ToString());
        return message;
    }
}
