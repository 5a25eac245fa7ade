using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>Requests encoded during validation, which saves a second pass. Past the common budget, the rest is streamed later.</summary>
internal sealed class HeldRequests(HeldBudget budget)
{
    private readonly List<EncodedRequest> requests = [];
    private long size;

    public IReadOnlyList<EncodedRequest> Requests => requests;

    /// <summary>Samples in them: the first so many of those that the scrape sends.</summary>
    public int Samples { get; private set; }

    /// <summary>Nothing is left to stream: markers and report samples are held too.</summary>
    public bool IsComplete { get; set; }

    /// <summary>False when the budget is spent; then the request is released.</summary>
    public bool TryAdd(EncodedRequest request)
    {
        if (!budget.TryTake(request.Capacity))
        {
            request.Release();
            return false;
        }
        size += request.Capacity;
        requests.Add(request);
        Samples += request.Samples;
        return true;
    }

    public void Release()
    {
        budget.Give(size);
        size = 0;
        foreach (var request in requests)
            request.Release();
        requests.Clear();
        Samples = 0;
        IsComplete = false;
    }
}

/// <summary>Bytes of finished requests that may be held, over all targets. Shared by all passes: one number, changed atomically.</summary>
internal sealed class HeldBudget(long limit)
{
    /// <summary>The budget of a process. A scrape of 150,000 series takes 2.5 MB; with 2 MiB it would be encoded partly twice.</summary>
    public const long Usual = 4 * 1024 * 1024;

    private long left = limit;

    public bool TryTake(long size)
    {
        if (Interlocked.Add(ref left, -size) >= 0)
            return true;
        Interlocked.Add(ref left, size);
        return false;
    }

    public void Give(long size) => Interlocked.Add(ref left, size);
}
