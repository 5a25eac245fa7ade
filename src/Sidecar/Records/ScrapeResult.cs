using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>
/// What the pass over a body came to: the record, and what was made on the way so that it can be sent at once. Whoever has it releases it,
/// or hands it on: the queue's entry owns what was added to the queue.
/// </summary>
internal sealed class ScrapeResult(Scrape scrape)
{
    public Scrape Scrape { get; } = scrape;

    /// <summary>The finished requests; null where there were none to hold.</summary>
    public HeldRequests? Held { get; init; }

    /// <summary>Requests with the metadata of the metrics, now and then; they are sent once or not at all.</summary>
    public IReadOnlyList<EncodedRequest> Metadata { get; init; } = [];

    public void Release()
    {
        Held?.Release();
        foreach (var request in Metadata)
            request.Release();
        Scrape.Release();
    }
}
