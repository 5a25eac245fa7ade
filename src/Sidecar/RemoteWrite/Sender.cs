using System.Net;
using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Operation;
using Sidecar.Queueing;
using Sidecar.Scraping;

namespace Sidecar.RemoteWrite;

/// <summary>
/// Takes scrapes from the queue and posts their requests, several at once, until each is accepted or refused for good. A scrape leaves
/// the queue when that is so for all of it; the next one of its target waits until then.
/// </summary>
internal sealed class Sender(
    RemoteWriteOptions options, ReceiverProtocol protocol, PeerClient client, ScrapeQueue queue, PassThread passes, Metrics metrics, Log log,
    TimeProvider time) : IDisposable
{
    /// <summary>Scrapes that are streamed at the same time; the others wait, since each needs buffers.</summary>
    private const int MostStreams = 2;

    private readonly SemaphoreSlim slots = new(options.Concurrency);
    private readonly SemaphoreSlim probe = new(1); // until the receiver has shown what it understands, one request at a time
    private readonly PassContexts contexts = new(MostStreams, options.MaxSamplesPerSend, protocol);
    private readonly RetrySchedule retries = new(options.MinBackoff, options.MaxBackoff, time);
    private readonly KeyValuePair<string, string>[] headers = [.. options.Headers];
    private Failure lastFailure;

    /// <summary>The failure of the last attempt; none after one that was accepted.</summary>
    public Failure LastFailure
    {
        get
        {
            lock (slots)
                return lastFailure;
        }
    }

    /// <summary>Null while the last send was accepted or is tried again with nothing lost; else one sentence.</summary>
    public string? WhyStuck =>
        LastFailure is { IsNone: false } failure && queue.IsDropping ? $"The receiver does not accept, and the queue is dropping: {failure.Message}" : null;

    /// <summary>Works until the queue has ended and is empty, or until cancelled: then what is in flight stays unsent.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var workers = new Task[options.Concurrency];
        for (var i = 0; i < workers.Length; i++)
            workers[i] = WorkAsync(cancellation);
        await Task.WhenAll(workers);
    }

    public void Dispose()
    {
        slots.Dispose();
        probe.Dispose();
        contexts.Dispose();
    }

    private async Task WorkAsync(CancellationToken cancellation)
    {
        await Task.Yield();
        try
        {
            while (await queue.TakeAsync(cancellation) is { } scrape)
            {
                if (await SendAsync(scrape, cancellation))
                    metrics.QueueHighestSentTimestampSeconds.Raise(scrape.Timestamp / 1000.0);
                await queue.CompleteAsync(scrape);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    /// <summary>True when the receiver accepted all of it.</summary>
    private async Task<bool> SendAsync(Scrape scrape, CancellationToken cancellation)
    {
        while (true)
        {
            var deliveries = await PostAsync(scrape, cancellation);
            if (!deliveries.Contains(Delivery.Outdated))
            {
                foreach (var request in scrape.Metadata)
                    await SendMetadataAsync(request, cancellation);
                return !deliveries.Contains(Delivery.Refused);
            }
            // All of it again, in the version that the receiver understands: what it has already, it has twice.
            scrape.Held?.Release();
        }
    }

    private async Task<Delivery[]> PostAsync(Scrape scrape, CancellationToken cancellation)
    {
        var posts = new List<Task<Delivery>>();
        foreach (var request in scrape.Held?.Requests ?? [])
            await PostOneAsync(request, release: false);

        if (scrape.Held is not { IsComplete: true })
        {
            var context = await contexts.RentAsync(cancellation);
            try
            {
                var stream = new RequestStream(scrape, context);
                while (await passes.RunAsync(stream.Next) is { } request)
                    await PostOneAsync(request, release: true);
            }
            finally
            {
                contexts.Return(context);
            }
        }
        return await Task.WhenAll(posts);

        // Waits for a free slot; the answer is awaited later, unless order matters.
        async Task PostOneAsync(EncodedRequest request, bool release)
        {
            await slots.WaitAsync(cancellation);
            var post = DeliverInSlotAsync(request, release, scrape, cancellation);
            posts.Add(post);
            if (scrape.IsOrdered)
                await post;
        }
    }

    /// <summary>The caller took the slot; it is given back here.</summary>
    private async Task<Delivery> DeliverInSlotAsync(EncodedRequest request, bool release, Scrape scrape, CancellationToken cancellation)
    {
        var hasProbe = false;
        try
        {
            if (!protocol.IsSettled)
            {
                await probe.WaitAsync(cancellation);
                hasProbe = true;
                if (protocol.IsSettled)
                {
                    hasProbe = false;
                    probe.Release();
                }
            }
            return await DeliverAsync(request, scrape, cancellation);
        }
        finally
        {
            if (hasProbe)
                probe.Release();
            if (release)
                request.Release();
            slots.Release();
        }
    }

    /// <summary>Tries until the request is accepted or refused; halves it where the receiver may mind only some of its series.</summary>
    private async Task<Delivery> DeliverAsync(EncodedRequest request, Scrape scrape, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (request.Version != protocol.Current)
                return Delivery.Outdated;
            if (attempt > 0)
            {
                metrics.SamplesRetriedTotal.Add(request.Samples - request.Histograms);
                await Task.Delay(retries.Wait(attempt), time, cancellation);
            }
            switch (await AttemptAsync(request, scrape, attempt, cancellation))
            {
                case Answer.Accepted:
                    metrics.SamplesAccepted.Add(request.Samples);
                    metrics.BytesAccepted.Add(request.Length);
                    return Delivery.Accepted;
                case Answer.RefusedInPart when RequestSplitter.Halve(request) is var (first, second):
                    var ofFirst = await DeliverAsync(first, scrape, cancellation);
                    first.Release();
                    var ofSecond = await DeliverAsync(second, scrape, cancellation);
                    second.Release();
                    return ofFirst > ofSecond ? ofFirst : ofSecond;
                case Answer.RefusedInPart:
                    log.Recurring(LogLevel.Warn, "remote write refused series", "The receiver refuses a series; it is dropped",
                        ("series", RequestSplitter.DescribeFirst(request)), ("target", scrape.Target.Url), ("error", LastFailure.Message));
                    return Drop(request);
                case Answer.Refused:
                    return Drop(request);
            }
        }
    }

    /// <summary>Once: more of it comes in a minute, and no sample is lost with it.</summary>
    private async Task SendMetadataAsync(EncodedRequest request, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(options.Timeout);
        metrics.MetadataTotal.Add(request.Metadata);
        metrics.BytesTotal.Add(request.Length);
        string error;
        try
        {
            using var response = await client.SendAsync(() => Message(request, attempt: 0), timeout.Token);
            if (response.IsSuccessStatusCode)
                return;
            error = Redact(Failures.FromStatus(response.StatusCode, options.Url, await Failures.ReadStartAsync(response, timeout.Token))).Message;
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            error = e is OperationCanceledException ? "no answer in time" : Failures.From(e, options.Url).Message;
        }
        metrics.MetadataFailedTotal.Add(request.Metadata);
        log.Recurring(LogLevel.Warn, "remote write metadata", "The receiver did not take the metadata of metrics; their samples are not affected",
            ("url", Failures.Show(options.Url)), ("error", error));
    }

    /// <summary>What became of a request; of two halves, the greater.</summary>
    private enum Delivery
    {
        Accepted,
        Refused,
        /// <summary>It is of a version that the receiver does not understand.</summary>
        Outdated,
    }

    private Delivery Drop(EncodedRequest request)
    {
        metrics.SamplesFailedTotal.Add(request.Samples - request.Histograms);
        metrics.HistogramsFailedTotal.Add(request.Histograms);
        metrics.ExemplarsFailedTotal.Add(request.Exemplars);
        metrics.SamplesDroppedTotal.Add(DropReason.Rejected, request.Samples);
        return Delivery.Refused;
    }

    private enum Answer
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

    private async Task<Answer> AttemptAsync(EncodedRequest request, Scrape scrape, int attempt, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(options.Timeout);
        metrics.SamplesTotal.Add(request.Samples - request.Histograms);
        metrics.HistogramsTotal.Add(request.Histograms);
        metrics.ExemplarsTotal.Add(request.Exemplars);
        metrics.BytesTotal.Add(request.Length);
        var started = time.GetTimestamp();
        try
        {
            using var response = await client.SendAsync(() => Message(request, attempt), timeout.Token);
            metrics.SentBatchDuration.Observe(time.GetElapsedTime(started));
            return await JudgeAsync(response, request, scrape, timeout.Token);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException)
        {
            return Retry(new Failure(FailureReason.Timeout, $"no answer within {options.Timeout.TotalSeconds:0.###}s"), scrape);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return Retry(Failures.From(e, options.Url), scrape);
        }
        catch (Exception e)
        {
            // The edge: whatever an answer provokes, nothing is lost by it and the others go on.
            return Retry(new Failure(FailureReason.Internal, $"a bug in the sidecar, please report it: {e}"), scrape);
        }
    }

    private async Task<Answer> JudgeAsync(HttpResponseMessage response, EncodedRequest request, Scrape scrape, CancellationToken cancellation)
    {
        var status = (int)response.StatusCode;
        if (response.IsSuccessStatusCode)
        {
            // What follows an accepting status line is of no account: it is drained or cut behind our back.
            if (request.Version == WriteVersion.Two && !IsUnderstood(response, request))
                return Answer.NotUnderstood;
            SetFailure(default);
            log.Recovered("remote write", "The receiver accepts again", ("url", Failures.Show(options.Url)));
            return Answer.Accepted;
        }
        var failure = Redact(Failures.FromStatus(response.StatusCode, options.Url, await Failures.ReadStartAsync(response, cancellation)));
        if (request.Version == WriteVersion.Two && (status == 415 || (status == 400 && !protocol.IsSettled)) && FallBack($"it answers {status}"))
            return Answer.NotUnderstood;
        if (RetryAfter(response) is { } retryAfter)
            retries.Obey(retryAfter);
        // 499 is Nightingale's answer to overload. 401, 403 and redirects are an operator's mistake that will be mended: nothing is lost by it.
        if (status is >= 500 or 429 or 499 or (>= 300 and < 400) || response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            return Retry(failure, scrape);
        SetFailure(failure);
        if (status is 400 or 413)
            return Answer.RefusedInPart;
        log.Recurring(LogLevel.Error, "remote write refused", "The receiver refuses what is sent; it is dropped",
            ("url", Failures.Show(options.Url)), ("reason", Failure.Word(failure.Reason)), ("error", failure.Message),
            ("target", scrape.Target.Url));
        return Answer.Refused;
    }

    /// <summary>
    /// Receivers of 2.0 say how much they have written (specification 2.0, section "Response"); older ones take the message for an empty one
    /// of 1.0, accept it and store nothing. False where it is to be sent again in 1.0.
    /// </summary>
    private bool IsUnderstood(HttpResponseMessage response, EncodedRequest request)
    {
        var samples = request.Samples - request.Histograms;
        if (Written(response, samples > 0 ? "Samples" : "Histograms") is not { } written)
        {
            if (FallBack("it accepts 2.0 and does not say that it wrote anything"))
                return false;
            log.Recurring(LogLevel.Warn, "remote write written", "The receiver accepts remote write 2.0 and does not say that it wrote anything: it may store nothing",
                ("url", Failures.Show(options.Url)), ("remedy", "leave SIDECAR_REMOTE_WRITE_PROTOCOL unset, or set it to 1.0"));
            return true;
        }
        if (protocol.Confirm())
            log.Info("The receiver understands remote write 2.0", ("url", Failures.Show(options.Url)));
        var sent = samples > 0 ? samples : request.Histograms;
        if (written < sent)
        {
            log.Recurring(LogLevel.Warn, "remote write written", "The receiver wrote less than it was sent, and calls that success",
                ("url", Failures.Show(options.Url)), ("sent", sent), ("written", written));
        }
        return true;
    }

    private static long? Written(HttpResponseMessage response, string what) =>
        response.Headers.TryGetValues($"X-Prometheus-Remote-Write-{what}-Written", out var values) && long.TryParse(values.FirstOrDefault(), out var count)
            ? count : null;

    /// <summary>True where requests are made in 1.0 from now on.</summary>
    private bool FallBack(string why)
    {
        if (!protocol.MayFallBack)
            return protocol.Current == WriteVersion.One;
        if (protocol.FallBack())
        {
            log.Info("The receiver lacks remote write 2.0: 1.0 is used until the sidecar is restarted", ("url", Failures.Show(options.Url)),
                ("because", why), ("remedy", "SIDECAR_REMOTE_WRITE_PROTOCOL=1.0 saves the try"));
        }
        return true;
    }

    /// <summary>A receiver may well answer with what it was sent; headers are the user's, and may be keys.</summary>
    private Failure Redact(Failure failure)
    {
        failure = client.Redact(failure);
        foreach (var (_, value) in headers)
            failure = failure with { Message = PeerCredentials.Without(failure.Message, value) };
        return failure;
    }

    private Answer Retry(Failure failure, Scrape scrape)
    {
        SetFailure(failure);
        log.Recurring(LogLevel.Warn, "remote write", "Sending failed; it is tried again until the receiver accepts",
            ("url", Failures.Show(options.Url)), ("reason", Failure.Word(failure.Reason)), ("error", failure.Message),
            ("scraped", DateTimeOffset.FromUnixTimeMilliseconds(scrape.Timestamp)), ("waiting", queue.Count));
        return Answer.Failed;
    }

    private void SetFailure(Failure failure)
    {
        lock (slots)
            lastFailure = failure;
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - time.GetUtcNow(),
        _ => null,
    };

    private HttpRequestMessage Message(EncodedRequest request, int attempt)
    {
        var message = RequestContent.Message(request, options.Url, headers);
        if (attempt > 0)
            message.Headers.TryAddWithoutValidation("Retry-Attempt", attempt.ToString());
        return message;
    }
}
