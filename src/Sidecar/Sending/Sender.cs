using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Sending;

/// <summary>Sends queued scrapes, several at once, each until accepted or refused for good; of a target, one at a time.</summary>
/// <param name="stopping">Cancelled when the process is to end and what waits is to be sent soon.</param>
internal sealed class Sender(
    RemoteWriteOptions options, ReceiverProtocol protocol, PeerClient client, ScrapeQueue queue, Passes passes, Metrics metrics,
    InternalErrors errors, Log log, TimeProvider time, CancellationToken stopping) : IDisposable
{
    /// <summary>Scrapes that are streamed at the same time; the others wait, since each needs buffers.</summary>
    private const int MostStreams = 2;

    /// <summary>After so many exceptions a scrape is dropped; a worker that cannot take or release one so often ends the process.</summary>
    private const int MostTries = 3;

    private readonly RequestDelivery delivery =
        new(new WriteReceiver(options, protocol, client, metrics, log, time, stopping), protocol, queue, metrics, log, time);
    private readonly SemaphoreSlim slots = new(options.Concurrency);
    private readonly SemaphoreSlim probe = new(1); // until the receiver has shown what it understands, one request at a time
    private readonly SemaphoreSlim streams = new(MostStreams);

    public SendingState State => delivery.Receiver.State;

    /// <summary>Beaten by each scrape taken, each attempt and each wait for one.</summary>
    public Pulse Pulse => delivery.Receiver.Pulse;

    /// <summary>
    /// Runs until the queue has ended and is empty, or cancellation. Throws when a worker is stuck: the process must end.
    /// </summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var workers = new Task[options.Concurrency];
        for (var i = 0; i < workers.Length; i++)
            workers[i] = WorkAsync(end.Token);
        await foreach (var ended in Task.WhenEach(workers))
        {
            if (!ended.IsCompletedSuccessfully)
                await end.CancelAsync(); // the others end too
        }
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
            Pulse.Beat(WriteReceiver.Slack);
            while (await InTriesAsync(() => queue.TakeAsync(cancellation), null, cancellation) is { } entry)
            {
                Pulse.Beat(WriteReceiver.Slack);
                await SendInTriesAsync(entry, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    /// <summary>A scrape that provokes exceptions is tried again, and then set aside: the others are sent.</summary>
    private async Task SendInTriesAsync(QueuedScrape entry, CancellationToken cancellation)
    {
        try
        {
            if (await InTriesAsync(() => SendAsync(entry, cancellation), entry, cancellation))
                metrics.QueueHighestSentTimestampSeconds.Raise(entry.Timestamp / 1000.0);
        }
        catch (Exception e) when (!IsCancelled(e, cancellation))
        {
            log.Error("A scrape that cannot be sent is set aside", ("target", entry.Target.Url),
                ("scraped", DateTimeOffset.FromUnixTimeMilliseconds(entry.Timestamp)), ("samples", entry.Samples),
                ("remedy", "report the bug with the lines before this one; in damaged/ of the queue directory is the scrape, where there is one"));
            queue.SetAside(entry, $"it provokes {e.GetType().Name} in the sender");
            return;
        }
        queue.Complete(entry);
    }

    /// <summary>A step of a worker. Exceptions that nobody expected are reported; the last one of several tries is thrown.</summary>
    private async Task<T> InTriesAsync<T>(Func<Task<T>> step, QueuedScrape? entry, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await step();
            }
            catch (Exception e) when (!IsCancelled(e, cancellation))
            {
                errors.Report(ProcessLoop.Sender, e, ("target", entry?.Target.Url),
                    ("scraped", entry is null ? null : DateTimeOffset.FromUnixTimeMilliseconds(entry.Timestamp)), ("try", tries));
                entry?.Held?.Release(); // its requests are made anew: they may be what is wrong
                if (tries == MostTries)
                    throw;
            }
            await Task.Delay(TimeSpan.FromSeconds(tries), time, cancellation);
        }
    }

    private static bool IsCancelled(Exception exception, CancellationToken cancellation) =>
        exception is OperationCanceledException && cancellation.IsCancellationRequested;

    /// <summary>True when the receiver accepted all of it.</summary>
    private async Task<bool> SendAsync(QueuedScrape entry, CancellationToken cancellation)
    {
        while (true)
        {
            var delivered = await PostAsync(entry, cancellation);
            if (delivered != Delivered.Outdated)
            {
                foreach (var request in entry.Metadata)
                    await delivery.Receiver.TryMetadataAsync(request, cancellation);
                return delivered == Delivered.Accepted;
            }
            // All of it again, in the version that the receiver understands: what it has already, it has twice.
            entry.Held?.Release();
        }
    }

    /// <summary>The greatest of what became of its requests.</summary>
    private async Task<Delivered> PostAsync(QueuedScrape entry, CancellationToken cancellation)
    {
        var scrape = entry.Scrape;
        var posts = new List<Task<Delivered>>();
        try
        {
            foreach (var request in entry.Held?.Requests ?? [])
                await PostOneAsync(request, release: false);
            if (entry.Held is not { IsComplete: true })
                await StreamAsync();
        }
        catch
        {
            // What is on its way uses the scrape's requests, and its slots: first it ends.
            await ((Task)Task.WhenAll(posts)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        return (await Task.WhenAll(posts)).DefaultIfEmpty().Max();

        async Task StreamAsync()
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

        // Waits for a free slot; the answer is awaited later, unless order matters.
        async Task PostOneAsync(EncodedRequest request, bool release)
        {
            try
            {
                await slots.WaitAsync(cancellation);
            }
            catch when (release)
            {
                request.Release();
                throw;
            }
            var post = DeliverInSlotAsync(request, release, scrape, posts.Count, cancellation);
            posts.Add(post);
            if (scrape.IsOrdered)
                await post;
        }
    }

    /// <summary>The caller took the slot; it is given back here.</summary>
    private async Task<Delivered> DeliverInSlotAsync(EncodedRequest request, bool release, Scrape scrape, int place,
        CancellationToken cancellation)
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
            return await delivery.DeliverAsync(request, scrape, place, cancellation);
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
}
