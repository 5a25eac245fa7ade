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
    RemoteWriteOptions options, PeerClient client, ScrapeQueue queue, PassThread passes, Metrics metrics, Log log, TimeProvider time)
    : IDisposable
{
    /// <summary>Scrapes that are streamed at the same time; the others wait, since each needs buffers.</summary>
    private const int MostStreams = 2;

    private readonly SemaphoreSlim slots = new(options.Concurrency);
    private readonly PassContexts contexts = new(MostStreams, options.MaxSamplesPerSend);
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
        var posts = new List<Task<bool>>();
        foreach (var request in scrape.Held?.Requests ?? [])
            await PostAsync(request, release: false);

        if (scrape.Held is not { IsComplete: true })
        {
            var context = await contexts.RentAsync(cancellation);
            try
            {
                var stream = new RequestStream(scrape, context);
                while (await passes.RunAsync(stream.Next) is { } request)
                    await PostAsync(request, release: true);
            }
            finally
            {
                contexts.Return(context);
            }
        }
        var accepted = await Task.WhenAll(posts);
        return Array.TrueForAll(accepted, a => a);

        // Waits for a free slot; the answer is awaited later, unless order matters.
        async Task PostAsync(EncodedRequest request, bool release)
        {
            await slots.WaitAsync(cancellation);
            var post = DeliverInSlotAsync(request, release, scrape, cancellation);
            posts.Add(post);
            if (scrape.IsOrdered)
                await post;
        }
    }

    /// <summary>The caller took the slot; it is given back here.</summary>
    private async Task<bool> DeliverInSlotAsync(EncodedRequest request, bool release, Scrape scrape, CancellationToken cancellation)
    {
        try
        {
            return await DeliverAsync(request, scrape, cancellation);
        }
        finally
        {
            if (release)
                request.Release();
            slots.Release();
        }
    }

    /// <summary>Tries until the request is accepted (true) or refused; halves it where the receiver may mind only some of its series.</summary>
    private async Task<bool> DeliverAsync(EncodedRequest request, Scrape scrape, CancellationToken cancellation)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (attempt > 0)
            {
                metrics.SamplesRetriedTotal.Add(request.Samples);
                await Task.Delay(retries.Wait(attempt), time, cancellation);
            }
            switch (await AttemptAsync(request, scrape, attempt, cancellation))
            {
                case Answer.Accepted:
                    metrics.SamplesAccepted.Add(request.Samples);
                    metrics.BytesAccepted.Add(request.Length);
                    return true;
                case Answer.RefusedInPart when RequestSplitter.Halve(request) is var (first, second):
                    var accepted = await DeliverAsync(first, scrape, cancellation);
                    first.Release();
                    accepted &= await DeliverAsync(second, scrape, cancellation);
                    second.Release();
                    return accepted;
                case Answer.RefusedInPart:
                    log.Recurring(LogLevel.Warn, "remote write refused series", "The receiver refuses a series; it is dropped",
                        ("series", RequestSplitter.DescribeFirst(request)), ("target", scrape.Target.Url), ("error", LastFailure.Message));
                    return Drop(request);
                case Answer.Refused:
                    return Drop(request);
            }
        }
    }

    private bool Drop(EncodedRequest request)
    {
        metrics.SamplesFailedTotal.Add(request.Samples);
        metrics.SamplesDroppedTotal.Add(DropReason.Rejected, request.Samples);
        return false;
    }

    private enum Answer
    {
        Accepted,
        /// <summary>May pass: tried again.</summary>
        Failed,
        /// <summary>400 or 413: some series in it may be the reason.</summary>
        RefusedInPart,
        Refused,
    }

    private async Task<Answer> AttemptAsync(EncodedRequest request, Scrape scrape, int attempt, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(options.Timeout);
        metrics.SamplesTotal.Add(request.Samples);
        metrics.BytesTotal.Add(request.Length);
        var started = time.GetTimestamp();
        try
        {
            using var response = await client.SendAsync(() => Message(request, attempt), timeout.Token);
            metrics.SentBatchDuration.Observe(time.GetElapsedTime(started));
            return await JudgeAsync(response, scrape, timeout.Token);
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

    private async Task<Answer> JudgeAsync(HttpResponseMessage response, Scrape scrape, CancellationToken cancellation)
    {
        var status = (int)response.StatusCode;
        if (response.IsSuccessStatusCode)
        {
            // What follows an accepting status line is of no account: it is drained or cut behind our back.
            SetFailure(default);
            log.Recovered("remote write", "The receiver accepts again", ("url", Failures.Show(options.Url)));
            return Answer.Accepted;
        }
        var failure = Redact(Failures.FromStatus(response.StatusCode, options.Url, await Failures.ReadStartAsync(response, cancellation)));
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

    /// <summary>Remote write 1.0, section "Protocol": these headers, and a snappy block as the body.</summary>
    private HttpRequestMessage Message(EncodedRequest request, int attempt)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, options.Url) { Content = new RequestContent(request) };
        message.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-protobuf");
        message.Content.Headers.TryAddWithoutValidation("Content-Encoding", "snappy");
        message.Headers.TryAddWithoutValidation("X-Prometheus-Remote-Write-Version", "0.1.0");
        if (attempt > 0)
            message.Headers.TryAddWithoutValidation("Retry-Attempt", attempt.ToString());
        foreach (var (name, value) in headers)
            message.Headers.TryAddWithoutValidation(name, value);
        return message;
    }
}
