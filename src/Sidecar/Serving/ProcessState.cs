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
    Options options, ImmutableArray<Setting> settings, ImmutableArray<ScrapeJob> jobs, ScrapeQueue queue, Sender sender,
    Metrics metrics, InternalErrors errors, History history, TimeProvider time)
{
    private readonly DateTimeOffset started = time.GetUtcNow();

    /// <summary>Judged by what the loops show of themselves.</summary>
    public ProcessHealth Health { get; } = new(time)
    {
        Scraping = () => [.. jobs.SelectMany(j => j.Scraper.Loops).Select(l => l.Pulse)],
        Discovery = [.. jobs.Select(j => j.Discovery.Pulse)],
        Sending = sender.Pulse,
        OldestWaiting = () => metrics.QueueOldestTimestampSeconds.Value is > 0 and var seconds
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000)) : null,
        WhyNoTargets = () => jobs.FirstOrDefault(j => !j.Discovery.IsKnown) is { } job
            ? $"No targets are known yet: {job.Discovery.LastError ?? "the API server has not answered"}." : null,
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
        .. jobs.SelectMany(job => job.Scraper.Loops.Select(loop => new TargetStatus
        {
            Target = loop.Target,
            ScrapePool = job.Options.Scrape.JobName,
            ScrapeInterval = loop.Interval,
            ScrapeTimeout = loop.Target.Timeout ?? job.Options.Scrape.Timeout,
            Health = loop.Last.Started is null ? TargetHealth.Unknown : loop.Last.Failure.IsNone ? TargetHealth.Up : TargetHealth.Down,
            LastError = loop.Last.Failure.Message ?? "",
            LastScrape = loop.Last.Started,
            LastScrapeDuration = loop.Last.Duration,
            Samples = loop.Last.Samples,
        })),
    ];

    /// <summary>What the page for people tells.</summary>
    public Overview Overview() => new()
    {
        Now = time.GetUtcNow(),
        Started = started,
        ScrapeInterval = options.Jobs.Min(j => j.Scrape.Interval),
        AreTargetsKnown = jobs.All(j => j.Discovery.IsKnown),
        DiscoveryError = jobs.Select(j => j.Discovery.LastError).FirstOrDefault(e => e is not null),
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
