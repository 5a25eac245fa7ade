using System.Collections.Immutable;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Scraping;
using Sidecar.Sending;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>What the pages tell of the process: how it is, and how its targets are.</summary>
internal sealed class ProcessState(
    Options options, ImmutableArray<Setting> settings, TargetDiscovery discovery, Scraper scraper, ScrapeQueue queue, Sender sender,
    Metrics metrics, InternalErrors errors, History history, TimeProvider time)
{
    private readonly DateTimeOffset started = time.GetUtcNow();

    /// <summary>Judged by what the loops show of themselves.</summary>
    public ProcessHealth Health { get; } = new(time)
    {
        Scraping = () => [.. scraper.Loops.Select(l => l.Pulse)],
        Discovery = discovery.Pulse,
        Sending = sender.Pulse,
        OldestWaiting = () => metrics.QueueOldestTimestampSeconds.Value is > 0 and var seconds
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000)) : null,
        WhyNoTargets = () => discovery.IsKnown
        ? null : $"No targets are known yet: {discovery.LastError ?? "the API server has not answered"}.",
        WhyLost = () => sender.WhyStuck,
        Signs =
        [
            () => errors.Recent is { } error ? $"There was {error}." : null,
            () => queue.IsHanging == true
                ? "The queue directory does not answer: scrapes wait in memory, and a crash would lose them. Look at the volume." : null,
            () => queue.Ahead is > 0 and var ahead
                ? $"{ahead} waiting scrapes are from the future: the clock was ahead when they were made, or is behind now." : null,
        ],
    };

    /// <summary>All that the listener shows.</summary>
    public PageSources Pages => new()
    {
        Metrics = metrics,
        WhyUnhealthy = Health.WhyUnhealthy,
        WhyNotReady = Health.WhyNotReady,
        Troubles = Health.Troubles,
        Targets = Targets,
        Overview = Overview,
        Round = Health.LookRound,
    };

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
        WhyUnhealthy = Health.WhyUnhealthy(),
        Troubles = Health.Troubles(),
        QueueLimit = options.Queue.SizeLimit,
        Metrics = metrics,
        History = history,
        Settings = settings,
    };
}
