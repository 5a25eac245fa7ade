using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>A pass's result: the scrape, and requests made on the way. The holder releases it or hands it on, as to the queue.</summary>
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
