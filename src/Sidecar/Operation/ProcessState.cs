using System.Collections.Immutable;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Operation.Pages;
using Sidecar.Queueing;
using Sidecar.RemoteWrite;
using Sidecar.Scraping;

namespace Sidecar.Operation;

/// <summary>What the pages tell of the process: whether it is ready, and how its targets are.</summary>
internal sealed class ProcessState(
    Options options, ImmutableArray<Setting> settings, TargetDiscovery discovery, Scraper scraper, ScrapeQueue queue, Sender sender,
    Metrics metrics, History history, TimeProvider time)
{
    private readonly DateTimeOffset started = time.GetUtcNow();

    /// <summary>Null when targets are known and the last send was accepted or is being tried again; else one sentence.</summary>
    public string? WhyNotReady()
    {
        if (!discovery.IsKnown)
            return $"No targets are known yet: {discovery.LastError ?? "the API server has not answered"}.";
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
            Samples = loop.Last.Samples,
        }),
    ];

    /// <summary>What the page for people tells.</summary>
    public Overview Overview() => new()
    {
        Now = time.GetUtcNow(),
        Started = started,
        ScrapeInterval = options.Scrape.Interval,
        AreTargetsKnown = discovery.IsKnown,
        DiscoveryError = discovery.LastError,
        Targets = Targets(),
        ReceiverUrl = Failures.Show(options.RemoteWrite.Url),
        ReceiverError = sender.LastFailure is { IsNone: false } failure ? failure.Message : null,
        IsDropping = queue.IsDropping,
        QueueLimit = options.Queue.SizeLimit,
        Metrics = metrics,
        History = history,
        Settings = settings,
    };
}
