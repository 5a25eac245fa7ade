using System.Collections.Immutable;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Queueing;
using Sidecar.Scraping;
using Sidecar.Sending;
using Sidecar.Serving;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>Overviews for tests of the page: all is well but for what is said.</summary>
internal static class SomeOverview
{
    public static readonly DateTimeOffset Now = new(2026, 11, 23, 14, 3, 22, TimeSpan.Zero);

    public static readonly ImmutableArray<Setting> Settings = OptionsReader.Read(new Dictionary<string, string?>
    {
        ["KUBERNETES_SERVICE_HOST"] = "10.96.0.1",
        ["KUBERNETES_SERVICE_PORT"] = "443",
        ["SIDECAR_REMOTE_WRITE_URL"] = "https://sidecar:hush-hush@metrics.example.com/api/v1/push",
        ["SIDECAR_REMOTE_WRITE_HEADERS"] = "X-Scope-OrgID=hush-hush",
        ["SIDECAR_EXTERNAL_LABELS"] = "cluster=prod-eu-1,replica=a",
    }).Settings;

    public static Metrics Metrics() =>
        new(new Uri("https://metrics.example.com/api/v1/push"), "apiserver", TimeSpan.FromSeconds(15), TimeProvider.System);

    public static InternalErrors Errors(Metrics metrics) =>
        new(metrics, new Log(TextWriter.Null, LogLevel.Error, LogFormat.Logfmt, TimeProvider.System), TimeProvider.System);

    public static Overview With(
        IReadOnlyList<TargetStatus>? targets = null, Metrics? metrics = null, History? history = null, string? receiverError = null,
        bool areTargetsKnown = true, string? discoveryError = null, bool isDropping = false, ImmutableArray<Setting>? settings = null,
        string? receiverUrl = null, Func<ProcessFacts, ProcessFacts>? but = null)
    {
        metrics ??= Metrics();
        var facts = Facts(targets ?? [], metrics) with
        {
            AreTargetsKnown = areTargetsKnown,
            DiscoveryFailure = discoveryError is null ? default : new Failure(FailureReason.Connection, discoveryError),
            DroppingSince = isDropping ? Now - TimeSpan.FromSeconds(50) : null,
        };
        if (receiverError is not null)
            facts = facts with { Sending = Failing(receiverError) };
        return new Overview
        {
            Judgement = Judgement.Of(but?.Invoke(facts) ?? facts),
            ScrapeInterval = TimeSpan.FromSeconds(15),
            Targets = targets ?? [],
            ReceiverUrl = receiverUrl ?? "https://metrics.example.com/api/v1/push",
            Metrics = metrics,
            History = history ?? new History(metrics, TimeSpan.FromSeconds(15), Errors(metrics), TimeProvider.System),
            Settings = settings ?? Settings,
        };
    }

    /// <summary>The facts of these targets and metrics, with a receiver that accepts.</summary>
    public static ProcessFacts Facts(IReadOnlyList<TargetStatus> targets, Metrics metrics)
    {
        var failing = targets.FirstOrDefault(t => t.Health == TargetHealth.Down);
        var down = targets.Count(t => t.Health == TargetHealth.Down);
        return new ProcessFacts
        {
            Now = Now,
            Started = Now - TimeSpan.FromHours(75.2),
            Protocol = "2.0",
            AreTargetsKnown = true,
            Targets = new TargetCounts(targets.Count, targets.Count(t => t.Health == TargetHealth.Up), down,
                targets.Where(t => t.Last.Failure.IsNone).Sum(t => (long)t.Last.Sent), targets.Sum(t => t.Last.Size) / 15.0,
                failing?.Last.FailingSince, failing?.Last.Failure ?? default, failing?.Advice),
            HighestTargets = targets.Count,
            HasSent = metrics.QueueHighestSentTimestampSeconds.Value > 0,
            Queue = new QueueRoom((long)metrics.QueueBytes.Value, 8 << 20),
            OldestWaiting = metrics.QueueOldestTimestampSeconds.Value is > 0 and var oldest
                ? DateTimeOffset.FromUnixTimeMilliseconds((long)(oldest * 1000)) : null,
            Refused = metrics.SamplesDroppedTotal[DropReason.Rejected],
        };
    }

    /// <summary>A receiver that has not accepted for three minutes.</summary>
    public static SendingStatus Failing(string error, int status = 0) => new()
    {
        LastFailure = new Failure(FailureReason.HttpStatus, error, Status: status),
        Advice = new AdviceText("the receiver has trouble of its own; requests are tried again", "look at the receiver's log"),
        FailingSince = Now - TimeSpan.FromMinutes(3),
        LastAccepted = Now - TimeSpan.FromMinutes(3.5),
        LastAttempt = Now - TimeSpan.FromSeconds(2),
        NextTry = Now + TimeSpan.FromSeconds(4),
    };

    public static TargetStatus Target(
        string host = "10.0.0.1", string? error = null, bool isScraped = true, params KeyValuePair<string, string>[] labels) => new()
        {
            Target = new Target(
                new Uri($"https://{host}:6443/metrics"), [new("instance", $"{host}:6443"), new("job", "apiserver"), .. labels], []),
            ScrapePool = "apiserver",
            ScrapeInterval = TimeSpan.FromSeconds(15),
            ScrapeTimeout = TimeSpan.FromSeconds(10),
            Last = isScraped ? Scraped(error) : new LastScrape(),
            Advice = error is null ? null : Advice.For(CheckPeer.FoundTarget, new Failure(FailureReason.ConnectionRefused, error)),
        };

    /// <summary>Up for an hour, but for some minutes, the last ones where it fails now.</summary>
    private static LastScrape Scraped(string? error)
    {
        var last = new LastScrape();
        for (var minute = 59; minute >= 0; minute--)
        {
            var isBad = minute is 41 or 42 || (minute < 3 && error is not null);
            var outcome = new ScrapeOutcome
            {
                Failure = isBad ? new Failure(FailureReason.ConnectionRefused, error ?? "away") : default,
                Scraped = isBad ? 0 : 149_816,
            };
            last = last.Next(Now - TimeSpan.FromSeconds(4.4 + 60 * minute),
                isBad ? TimeSpan.FromMilliseconds(3) : TimeSpan.FromMilliseconds(1243), outcome, sent: isBad ? 5 : 149_821, size: 120_000);
        }
        return last;
    }
}
