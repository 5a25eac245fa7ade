using Sidecar.Discovery;
using Sidecar.Scraping;

namespace Sidecar.Hosting;

/// <summary>One job: where its targets come from, and how they are scraped.</summary>
internal sealed record JobOptions : DiscoveryOptions
{
    public required ScrapeOptions Scrape { get; init; }

    public override TargetOptions Target => Scrape;
}
