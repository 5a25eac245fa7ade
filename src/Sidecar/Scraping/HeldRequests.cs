using Sidecar.RemoteWrite;

namespace Sidecar.Scraping;

/// <summary>
/// Requests that were encoded while the scrape was validated, so that a healthy receiver costs one pass and not two. All targets share
/// one small budget; where it is spent, the scrape is streamed again when its turn comes.
/// </summary>
internal sealed class HeldRequests(HeldBudget budget)
{
    private readonly List<EncodedRequest> requests = [];
    private long size;

    public IReadOnlyList<EncodedRequest> Requests => requests;

    /// <summary>False when the budget is spent: then nothing is held any more.</summary>
    public bool TryAdd(EncodedRequest request)
    {
        if (!budget.TryTake(request.Body.Length))
        {
            Release();
            return false;
        }
        size += request.Body.Length;
        requests.Add(request);
        return true;
    }

    public void Release()
    {
        budget.Give(size);
        size = 0;
        requests.Clear();
    }
}

/// <summary>Bytes of finished requests that may be held, over all targets.</summary>
internal sealed class HeldBudget(long limit)
{
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
