using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Scraping;

namespace Sidecar.Hosting;

/// <summary>One job: where its targets come from, and how they are scraped.</summary>
internal sealed record JobOptions : DiscoveryOptions
{
    public required JobVariables Variables { get; init; }

    /// <summary>Its name in SIDECAR_JOBS; for the only job, its label.</summary>
    public string Name => Variables.Name.Length > 0 ? Variables.Name : Scrape.JobName;

    public required ScrapeOptions Scrape { get; init; }
    public override TargetOptions Target => Scrape;
}
