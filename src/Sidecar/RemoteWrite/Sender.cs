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
    RemoteWriteOptions options, ReceiverProtocol protocol, PeerClient client, ScrapeQueue queue, Passes passes, Metrics metrics, Log log,
    TimeProvider time) : IDisposable
{
    private readonly WriteReceiver receiver = new(options, protocol, client, metrics, log, time);

    /// <summary>What a bounded wait may take beyond its bound before something hangs.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMinutes(2);

    /// <summary>Scrapes that are streamed at the same time; the others wait, since each needs buffers.</summary>
    private const int MostStreams = 2;

    private readonly SemaphoreSlim slots = new(options.Concurrency);
    private readonly SemaphoreSlim probe = new(1); // until the receiver has shown what it understands, one request at a time
    private readonly SemaphoreSlim streams = new(MostStreams);

    /// <inheritdoc cref="WriteReceiver.LastFailure"/>
    public Failure LastFailure => receiver.LastFailure;

    /// <summary>Beaten by each scrape taken, each try and each wait for a try.</summary>
    public Pulse Pulse { get; } = new(time);

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
        streams.Dispose();
    }

    private async Task WorkAsync(CancellationToken cancellation)
    {
        await Task.Yield();
        try
        {
            Pulse.Beat(Slack);
            while (await queue.TakeAsync(cancellation) is { } entry)
            {
                Pulse.Beat(Slack);
                if (await SendAsync(entry, cancellation))
                    metrics.QueueHighestSentTimestampSeconds.Raise(entry.Timestamp / 1000.0);
                queue.Complete(entry);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    /// <summary>True when the receiver accepted all of it.</summary>
    private async Task<bool> SendAsync(QueuedScrape entry, CancellationToken cancellation)
    {
        while (true)
        {
            var deliveries = await PostAsync(entry, cancellation);
            if (!deliveries.Contains(Delivery.Outdated))
            {
                foreach (var request in entry.Metadata)
                    await receiver.TryMetadataAsync(request, cancellation);
                return !deliveries.Contains(Delivery.Refused);
            }
            // All of it again, in the version that the receiver understands: what it has already, it has twice.
            entry.Held?.Release();
        }
    }

    private async Task<Delivery[]> PostAsync(QueuedScrape entry, CancellationToken cancellation)
    {
        var scrape = entry.Scrape;
        var posts = new List<Task<Delivery>>();
        foreach (var request in entry.Held?.Requests ?? [])
            await PostOneAsync(request, release: false);

        if (entry.Held is not { IsComplete: true })
        {
            await streams.WaitAsync(cancellation);
            try
            {
                var context = passes.Contexts.Lend();
                var stream = new RequestStream(scrape, entry.Held, context);
                while (await passes.RunInSlicesAsync<EncodedRequest?>(context, stream.TryNext) is { } request)
                    await PostOneAsync(request, release: true);
                passes.Contexts.Return(context);
            }
            finally
            {
                streams.Release();
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
                var wait = receiver.Wait(attempt);
                Pulse.Beat(wait + Slack);
                await Task.Delay(wait, time, cancellation);
            }
            Pulse.Beat(options.Timeout + Slack);
            switch (await receiver.TryAsync(request, scrape, queue.Count, attempt, cancellation))
            {
                case WriteAnswer.Accepted:
                    metrics.SamplesAccepted.Add(request.Samples);
                    metrics.BytesAccepted.Add(request.Length);
                    return Delivery.Accepted;
                case WriteAnswer.RefusedInPart when RequestSplitter.Halve(request) is var (first, second):
                    var ofFirst = await DeliverAsync(first, scrape, cancellation);
                    first.Release();
                    var ofSecond = await DeliverAsync(second, scrape, cancellation);
                    second.Release();
                    return ofFirst > ofSecond ? ofFirst : ofSecond;
                case WriteAnswer.RefusedInPart:
                    log.Recurring(LogLevel.Warn, "remote write refused series", "The receiver refuses a series; it is dropped",
                        ("series", RequestSplitter.DescribeFirst(request)), ("target", scrape.Target.Url), ("error", LastFailure.Message));
                    return Drop(request);
                case WriteAnswer.Refused:
                    return Drop(request);
            }
        }
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
}
