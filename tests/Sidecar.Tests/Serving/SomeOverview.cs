using System.Collections.Immutable;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
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
        string? receiverUrl = null)
    {
        metrics ??= Metrics();
        return new Overview
        {
            Now = Now,
            Started = Now - TimeSpan.FromHours(75.2),
            ScrapeInterval = TimeSpan.FromSeconds(15),
            AreTargetsKnown = areTargetsKnown,
            DiscoveryError = discoveryError,
            Targets = targets ?? [],
            ReceiverUrl = receiverUrl ?? "https://metrics.example.com/api/v1/push",
            ReceiverError = receiverError,
            IsDropping = isDropping,
            QueueLimit = 8 << 20,
            Metrics = metrics,
            History = history ?? new History(metrics, TimeSpan.FromSeconds(15), Errors(metrics), TimeProvider.System),
            Settings = settings ?? Settings,
        };
    }

    public static TargetStatus Target(
        string host = "10.0.0.1", string? error = null, bool isScraped = true, params KeyValuePair<string, string>[] labels) => new()
        {
            Target = new Target(
                new Uri($"https://{host}:6443/metrics"), [new("instance", $"{host}:6443"), new("job", "apiserver"), .. labels], []),
            ScrapePool = "apiserver",
            ScrapeInterval = TimeSpan.FromSeconds(15),
            ScrapeTimeout = TimeSpan.FromSeconds(10),
            Health = !isScraped ? TargetHealth.Unknown : error is null ? TargetHealth.Up : TargetHealth.Down,
            LastError = error ?? "",
            LastScrape = isScraped ? Now - TimeSpan.FromSeconds(4.4) : null,
            LastScrapeDuration = error is null ? TimeSpan.FromMilliseconds(1243) : TimeSpan.FromMilliseconds(3),
            Samples = error is null ? 149_816 : 0,
        };
}
