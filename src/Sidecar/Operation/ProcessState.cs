using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.RemoteWrite;
using Sidecar.Scraping;

namespace Sidecar.Operation;

/// <summary>What the pages tell of the process: whether it is ready, and how its targets are.</summary>
internal sealed class ProcessState(Options options, TargetDiscovery discovery, Scraper scraper, Sender sender)
{
    /// <summary>Null when targets are known and the last send was accepted or is being tried again; else one sentence.</summary>
    public string? WhyNotReady()
    {
        if (!discovery.IsKnown)
            return "No targets are known yet: the API server has not answered.";
        return sender.WhyStuck;
    }

    public IReadOnlyList<TargetStatus> Targets() =>
    [
        .. scraper.Loops.Select(loop => new TargetStatus
        {
            Target = loop.Target,
            ScrapePool = options.Scrape.JobName,
            ScrapeInterval = loop.Interval,
            ScrapeTimeout = loop.Target.Timeout ?? options.Scrape.Timeout,
            Health = loop.Last.Started is null ? TargetHealth.Unknown : loop.Last.Failure.IsNone ? TargetHealth.Up : TargetHealth.Down,
            LastError = loop.Last.Failure.Message ?? "",
            LastScrape = loop.Last.Started,
            LastScrapeDuration = loop.Last.Duration,
        }),
    ];
}
