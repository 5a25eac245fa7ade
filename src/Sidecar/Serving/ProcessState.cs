using System.Buffers;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Queueing;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Sending;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>What the process shows of itself: gathers the facts that are judged, and what the pages tell beside the judgement.</summary>
internal sealed class ProcessState(
    Options options, ImmutableArray<Setting> settings, ImmutableArray<ScrapeJob> jobs, ScrapeQueue queue, Sender sender,
    ReceiverProtocol protocol, PeerClient receiver, Lease? lease, Metrics metrics, InternalErrors errors, History history,
    TimeProvider time)
{
    private readonly DateTimeOffset started = time.GetUtcNow();
    private readonly Lock gate = new(); // of what is read for one judgement

    /// <summary>Set before the first look, where the own metrics are scraped: it needs what they are written by.</summary>
    public SelfScrape? Self { private get; set; }

    public ProcessHealth Health { get; } = new(time)
    {
        Scraping = () => [.. jobs.SelectMany(j => j.Scraper.Loops).Select(l => l.Pulse)],
        Discovery = [.. jobs.Select(j => j.Discovery.Pulse), .. lease is null ? (Pulse[])[] : [lease.Pulse]],
        Sending = sender.Pulse,
        OldestWaiting = () => OldestWaiting(metrics),
    };

    public PageSources Pages => new()
    {
        WriteMetrics = WriteMetrics,
        WhyUnhealthy = Health.WhyUnhealthy,
        Judge = Judge,
        WhoLeads = () => WhoLeads,
        Targets = Targets,
        Overview = Overview,
        Round = Health.LookRound,
    };

    /// <summary>A line on the lease; null where this process is alone.</summary>
    private string? WhoLeads => lease is null ? null : $"lease {lease.FullName}: {lease.State switch
    {
        { Leads: true } => "held by this process",
        { Holder: { } holder } => $"held by {holder}",
        _ => "not read yet",
    }}";

    /// <summary>Judges the process as it is now, and has the own metrics say the same.</summary>
    public Judgement Judge()
    {
        lock (gate)
        {
            var judgement = Judgement.Of(Facts());
            JudgementMetrics.Set(metrics, judgement, protocol.Current);
            return judgement;
        }
    }

    public void WriteMetrics(IBufferWriter<byte> output)
    {
        Judge();
        metrics.Write(output);
    }

    public IReadOnlyList<TargetStatus> Targets()
    {
        var found = new List<TargetStatus>();
        foreach (var job in jobs)
        {
            foreach (var loop in Loops(job))
                found.Add(Status(loop, job.Options.Name, job.Options.Scrape, AdviceOn(loop, job)));
        }
        foreach (var loop in Self?.Loops ?? [])
            found.Add(Status(loop, SelfScrape.JobName, options.Self!, advice: null));
        return found;

        static TargetStatus Status(ScrapeLoop loop, string pool, ScrapeOptions scrape, AdviceText? advice) => new()
        {
            Target = loop.Target, ScrapePool = pool, ScrapeInterval = loop.Interval,
            ScrapeTimeout = loop.Target.Timeout ?? scrape.Timeout, Last = loop.Last, Advice = advice,
        };
    }

    public Overview Overview() => new()
    {
        Judgement = Judge(),
        ScrapeInterval = options.Jobs.Min(j => j.Scrape.Interval),
        HasJobs = options.HasNames,
        Leader = WhoLeads,
        Targets = Targets(),
        ReceiverUrl = Failures.Show(options.RemoteWrite.Url),
        Metrics = metrics,
        History = history,
        Settings = settings,
    };

    private ProcessFacts Facts()
    {
        var sending = sender.State.Now;
        var facts = new ProcessFacts
        {
            Now = time.GetUtcNow(),
            Started = started,
            WhyHanging = Health.WhyUnhealthy(),
            Lease = lease?.State,
            AreTargetsKnown = jobs.All(j => j.Discovery.IsKnown),
            HighestTargets = jobs.Sum(j => j.Discovery.Changes.Highest),
            Sending = sending,
            IsAllRefused = sender.State.IsRefusing,
            Refused = metrics.SamplesDroppedTotal[DropReason.Rejected],
            Protocol = protocol.Current == WriteVersion.One ? "1.0" : "2.0",
            HasSent = sending.LastAccepted is not null,
            Queue = queue.Room,
            AgeLimit = options.Queue.AgeLimit,
            OldestWaiting = OldestWaiting(metrics),
            DroppingSince = queue.DroppingSince,
            IsFolderHanging = queue.IsHanging == true,
            Ahead = queue.Ahead,
            Bug = errors.Recent,
            ReceiverExpiry = receiver.Expiry,
            Targets = Count(),
            Self = Self?.Loops is [var self, ..] ? self.Last : null,
        };
        foreach (var job in jobs)
        {
            var discovery = job.Discovery;
            facts = facts with
            {
                DiscoveryFailure = facts.DiscoveryFailure.IsNone ? Named(job, discovery.LastFailure) : facts.DiscoveryFailure,
                DiscoveryAnswered = facts.DiscoveryAnswered < discovery.LastAnswer ? facts.DiscoveryAnswered
                    : discovery.LastAnswer ?? facts.DiscoveryAnswered,
                Changes = Newest(facts.Changes, discovery.Changes.Last),
                ApiServerExpiry = facts.ApiServerExpiry.OrSooner(job.ApiServerExpiry),
                TargetExpiry = facts.TargetExpiry.OrSooner(job.TargetExpiry),
            };
        }
        return facts;
    }

    private Failure Named(ScrapeJob job, Failure failure) =>
        options.HasNames && !failure.IsNone ? failure with { Message = $"job {job.Options.Name}: {failure.Message}" } : failure;

    /// <summary>Of two jobs, newest first.</summary>
    private static ImmutableArray<TargetChange> Newest(ImmutableArray<TargetChange> one, ImmutableArray<TargetChange> other)
    {
        if (one.IsEmpty || other.IsEmpty)
            return one.IsEmpty ? other : one;
        var all = new List<TargetChange>([.. one, .. other]);
        all.Sort((a, b) => b.At.CompareTo(a.At));
        return [.. all.Take(TargetChanges.Most)];
    }

    private TargetCounts Count()
    {
        var counts = default(TargetCounts);
        foreach (var job in jobs)
        {
            foreach (var loop in Loops(job))
            {
                var last = loop.Last;
                var rate = counts.BytesPerSecond + last.Size / loop.Interval.TotalSeconds;
                counts = counts with { All = counts.All + 1, BytesPerSecond = rate };
                if (last.Failure.IsNone)
                {
                    counts = counts with { Up = counts.Up + (last.Started is null ? 0 : 1), Samples = counts.Samples + last.Sent };
                    continue;
                }
                if (counts.Down == 0 || last.FailingSince < counts.FailingSince)
                    counts = counts with { FailingSince = last.FailingSince, Failure = last.Failure, Advice = AdviceOn(loop, job) };
                counts = counts with { Down = counts.Down + 1 };
            }
        }
        return counts;
    }

    private static IEnumerable<ScrapeLoop> Loops(ScrapeJob job) => job.Scraper.Loops.Where(l => !l.IsGone);

    private static AdviceText? AdviceOn(ScrapeLoop loop, ScrapeJob job) =>
        loop.Last.Failure is { IsNone: false } failure ? TargetAdvice.For(loop.Target, job.Options.Scrape.Http, failure) : null;

    private static DateTimeOffset? OldestWaiting(Metrics metrics) =>
        metrics.QueueOldestTimestampSeconds.Value is > 0 and var seconds
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000)) : null;
}
