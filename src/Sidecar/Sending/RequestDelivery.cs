using Sidecar.Primitives;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Sending;

/// <summary>What became of a request; of several parts, the greatest.</summary>
internal enum Delivered
{
    Accepted,
    Refused,
    /// <summary>It is of a version that the receiver does not understand.</summary>
    Outdated,
}

/// <summary>
/// Delivers requests: retries each until accepted or refused for good, and searches a refused one for the refused series within <see
/// cref="RefusalBudget"/>. Safe from any thread.
/// </summary>
internal sealed class RequestDelivery(
    WriteReceiver receiver, ReceiverProtocol protocol, ScrapeQueue queue, Metrics metrics, Log log, TimeProvider time)
{
    private readonly RefusalBudget budget = new(time);
    private readonly RefusedSeries known = new(time);
    private readonly RequestSizes sizes = new(time);
    private readonly RefusalLog refusals = new(receiver.State, metrics, log);

    public WriteReceiver Receiver => receiver;

    /// <param name="place">Which request of its scrape this is.</param>
    public async Task<Delivered> DeliverAsync(EncodedRequest request, Scrape scrape, int place, CancellationToken cancellation)
    {
        OpenedRequest? opened = null;
        if (known.MayBeIn(scrape.Target.Key, place))
        {
            opened = new OpenedRequest(request);
            var kept = WithoutKnown(opened, scrape);
            if (kept.Length < opened.Count)
                return kept.Length == 0 ? Delivered.Refused
                    : Max(Delivered.Refused, await DeliverSomeAsync(opened, kept, scrape, place, cancellation));
        }
        return await DeliverWholeAsync(request, opened, scrape, place, cancellation);
    }

    private async Task<Delivered> DeliverSomeAsync(OpenedRequest opened, int[] chosen, Scrape scrape, int place,
        CancellationToken cancellation)
    {
        var request = opened.Take(chosen);
        try
        {
            return await DeliverWholeAsync(request, null, scrape, place, cancellation);
        }
        finally
        {
            request.Release();
        }
    }

    private async Task<Delivered> DeliverWholeAsync(
        EncodedRequest request, OpenedRequest? opened, Scrape scrape, int place, CancellationToken cancellation)
    {
        var parts = Math.Min(sizes.Parts(request.Samples), request.Samples);
        if (parts <= 1)
            return await DeliverOneAsync(request, opened, scrape, place, cancellation);
        opened ??= new OpenedRequest(request);
        var delivered = Delivered.Accepted;
        for (var i = 0; i < parts && delivered != Delivered.Outdated; i++)
        {
            var part = opened.Take(Positions((int)((long)opened.Count * i / parts), (int)((long)opened.Count * (i + 1) / parts)));
            try
            {
                delivered = Max(delivered, await DeliverOneAsync(part, null, scrape, place, cancellation));
            }
            finally
            {
                part.Release();
            }
        }
        return delivered;
    }

    private async Task<Delivered> DeliverOneAsync(
        EncodedRequest request, OpenedRequest? opened, Scrape scrape, int place, CancellationToken cancellation)
    {
        var (delivered, result) = await PostAsync(request, scrape, cancellation);
        if (delivered == Delivered.Accepted && opened is not null)
            known.Remove(Positions(0, opened.Count), opened.Hash); // those that were due to be tried again
        if (delivered != Delivered.Refused)
            return delivered;
        if (result.Answer != WriteAnswer.RefusedInPart || opened is null && !IsWorthOpening(request, scrape, result))
        {
            refusals.Lose(request.Samples, request.Histograms, request.Exemplars, scrape, result.Failure);
            return Delivered.Refused;
        }
        return await SearchAsync(opened ?? new OpenedRequest(request), scrape, place, result, cancellation);
    }

    /// <summary>Taking a request apart costs more than making it: a receiver that refuses all must not cost more than a good one.</summary>
    private bool IsWorthOpening(EncodedRequest request, Scrape scrape, WriteResult refusal) =>
        refusal.IsSize || known.Count > 0 || request.Samples == 1
        || !scrape.IsOrdered && budget.MayBegin(RefusalSearch.Cost(request.Samples));

    /// <summary>The request was refused for something in it.</summary>
    private async Task<Delivered> SearchAsync(OpenedRequest opened, Scrape scrape, int place, WriteResult refusal,
        CancellationToken cancellation)
    {
        var hasAccepted = false;
        var candidates = Positions(0, opened.Count);
        var suspects = Array.FindAll(candidates, i => known.Contains(opened.Hash(i)));
        var hadSuspects = suspects.Length > 0;
        if (hadSuspects && suspects.Length < candidates.Length && budget.TrySpend(1))
        {
            // Those that were refused before are the first to be suspected: all the others at once.
            int[] others = [.. candidates.Except(suspects)];
            var (delivered, result) = await PostAsync(opened, others, scrape, cancellation);
            if (delivered == Delivered.Outdated)
                return delivered;
            hasAccepted = delivered == Delivered.Accepted;
            if (hasAccepted)
                candidates = suspects;
            else
            {
                Lose(opened, suspects, scrape, place, refusal.Failure, isFound: false);
                (candidates, refusal) = (others, result);
            }
        }

        // Where one series occurs several times, its samples are to arrive in their order, which a search does not keep.
        using var allowance = scrape.IsOrdered || candidates.Length == 1
            ? null : await budget.BeginAsync(RefusalSearch.Cost(candidates.Length), cancellation);
        // Another search, at the same time, may have learned meanwhile what size is taken.
        if (refusal.IsSize && sizes.Parts(candidates.Length) > 1)
            return await DeliverSomeAsync(opened, candidates, scrape, place, cancellation);
        if (allowance is null)
        {
            Lose(opened, candidates, scrape, place, refusal.Failure, isFound: hasAccepted);
            return Delivered.Refused;
        }
        var search = new RefusalSearch(candidates.Length, allowance.TrySpend);
        var last = refusal.Failure;
        while (search.TryNext(out var part))
        {
            var (delivered, result) = await PostAsync(opened, candidates[part.From..part.To], scrape, cancellation);
            if (delivered == Delivered.Outdated)
                return delivered;
            if (delivered == Delivered.Refused)
                last = result.Failure;
            else if (hadSuspects)
                known.Remove(candidates[part.From..part.To], opened.Hash);
            search.Answer(delivered == Delivered.Accepted ? default : new PartAnswer(result.Failure.Message, result.IsSize));
        }
        hasAccepted |= search.HasAccepted;
        allowance.End(isFutile: !hasAccepted);
        foreach (var part in search.Found)
            Lose(opened, candidates[part.From..part.To], scrape, place, last, isFound: hasAccepted);
        foreach (var part in search.Unsearched)
            Lose(opened, candidates[part.From..part.To], scrape, place, last, isFound: false);
        return search.Found.Count + search.Unsearched.Count > 0 ? Delivered.Refused : Delivered.Accepted;
    }

    private async Task<(Delivered, WriteResult)> PostAsync(OpenedRequest opened, int[] chosen, Scrape scrape,
        CancellationToken cancellation)
    {
        var request = opened.Take(chosen);
        try
        {
            return await PostAsync(request, scrape, cancellation);
        }
        finally
        {
            request.Release();
        }
    }

    /// <summary>Tries until the receiver accepts, or says that it never will.</summary>
    private async Task<(Delivered, WriteResult)> PostAsync(EncodedRequest request, Scrape scrape, CancellationToken cancellation)
    {
        var hasHurried = receiver.IsStopping; // a first attempt is at once anyway
        for (var attempt = 0; ; attempt++)
        {
            if (request.Version != protocol.Current)
                return (Delivered.Outdated, default);
            if (attempt > 0)
                metrics.SamplesRetriedTotal.Add(request.Samples - request.Histograms);
            await receiver.WaitAsync(attempt, hasHurried, cancellation);
            hasHurried = receiver.IsStopping;
            var result = await receiver.TryAsync(request, scrape, queue.Count, attempt, cancellation);
            switch (result.Answer)
            {
                case WriteAnswer.Accepted:
                    metrics.SamplesAccepted.Add(request.Samples);
                    metrics.BytesAccepted.Add(request.Length);
                    sizes.Accepted(request.Samples);
                    return (Delivered.Accepted, result);
                case WriteAnswer.RefusedInPart or WriteAnswer.Refused:
                    if (result.IsSize)
                        sizes.Refused(request.Samples);
                    return (Delivered.Refused, result);
            }
        }
    }

    /// <summary>The series that are sent; those that are left out for now are counted.</summary>
    private int[] WithoutKnown(OpenedRequest opened, Scrape scrape)
    {
        var kept = new List<int>(opened.Count);
        var left = new List<int>();
        Failure failure = default;
        for (var i = 0; i < opened.Count; i++)
        {
            // A series that was accepted before it was refused is to end at the receiver too.
            if (known.IsLeftOut(opened.Hash(i), out var words) && !opened.IsMarker(i))
            {
                left.Add(i);
                failure = words;
            }
            else
                kept.Add(i);
        }
        if (left.Count > 0)
            refusals.Lose(opened, [.. left], scrape, failure, isKnown: true);
        return [.. kept];
    }

    /// <param name="isFound">The receiver took other series of the same request, so these it minds: they are left out of the next
    /// requests.</param>
    private void Lose(OpenedRequest opened, int[] lost, Scrape scrape, int place, Failure failure, bool isFound)
    {
        refusals.Lose(opened, lost, scrape, failure, isKnown: false);
        if (!isFound)
            return;
        foreach (var index in lost)
            known.Add(opened.Hash(index), scrape.Target.Key, place, failure);
    }

    private static Delivered Max(Delivered one, Delivered other) => one > other ? one : other;

    private static int[] Positions(int from, int to) => [.. Enumerable.Range(from, to - from)];
}
