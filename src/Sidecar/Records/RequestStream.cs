using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>Makes a scrape's requests from its body, one at a time, without the held ones. Has its context to the end.</summary>
/// <param name="held">What needs not be made again, the first samples of the scrape; null for nothing.</param>
internal sealed class RequestStream(Scrape scrape, HeldRequests? held, PassContext context)
{
    private readonly ScrapeWalk walk = new(scrape, context);
    private readonly SeriesEncoder encoder = context.Encoder;
    private int left = held?.Samples ?? 0; // of the held ones

    /// <summary>The next request; null at the end. False when the slice is over: then there is none yet.</summary>
    public bool TryNext(out EncodedRequest? request)
    {
        request = null;
        while (!encoder.IsFull && walk.Next())
        {
            if (left > 0)
                left--;
            else
                walk.Commit();
        }
        if (!encoder.IsFull && walk.IsPaused)
            return false;
        request = encoder.Take();
        return true;
    }
}
