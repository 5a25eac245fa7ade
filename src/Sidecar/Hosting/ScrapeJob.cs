using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Scraping;

namespace Sidecar.Hosting;

/// <summary>One job at work: its discovery, and the scrape loops of its targets.</summary>
internal sealed class ScrapeJob(
    JobOptions options, PeerClient apiServer, PeerClient targets, TargetDiscovery discovery, Scraper scraper)
{
    public JobOptions Options { get; } = options;
    public TargetDiscovery Discovery { get; } = discovery;
    public Scraper Scraper { get; } = scraper;
    public PeerExpiry ApiServerExpiry => apiServer.Expiry;
    public PeerExpiry TargetExpiry => targets.Expiry;
}
