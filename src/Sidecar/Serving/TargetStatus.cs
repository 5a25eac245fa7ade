using System.Buffers;
using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Scraping;

namespace Sidecar.Serving;

/// <summary>What became of a target's last scrape.</summary>
internal enum TargetHealth
{
    Unknown,
    Up,
    Down,
}

/// <summary>One target as pages show it.</summary>
internal sealed record TargetStatus
{
    public required Target Target { get; init; }

    /// <summary>The job, as configured.</summary>
    public required string ScrapePool { get; init; }

    public required TimeSpan ScrapeInterval { get; init; }
    public required TimeSpan ScrapeTimeout { get; init; }
    public LastScrape Last { get; init; } = new();

    /// <summary>On the failure of the last scrape; null where it succeeded.</summary>
    public AdviceText? Advice { get; init; }

    public TargetHealth Health => Last.Started is null ? TargetHealth.Unknown : Last.Failure.IsNone ? TargetHealth.Up : TargetHealth.Down;

    /// <summary>The answer of <c>/api/v1/targets</c> in Prometheus's shape (its HTTP API, section Targets).</summary>
    public static ReadOnlyMemory<byte> WriteJson(IReadOnlyList<TargetStatus> targets)
    {
        var output = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("status"u8, "success"u8);
            json.WriteStartObject("data"u8);
            json.WriteStartArray("activeTargets"u8);
            foreach (var target in targets)
                target.WriteJson(json);
            json.WriteEndArray();
            json.WriteStartArray("droppedTargets"u8);
            json.WriteEndArray();
            json.WriteStartObject("droppedTargetCounts"u8);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return output.WrittenMemory;
    }

    private void WriteJson(Utf8JsonWriter json)
    {
        var url = Target.Url.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped); // without user info
        json.WriteStartObject();
        json.WriteStartObject("discoveredLabels"u8);
        foreach (var (name, value) in Target.DiscoveredLabels)
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteStartObject("labels"u8);
        foreach (var (name, value) in Target.Labels)
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteTexts([("scrapePool", ScrapePool), ("scrapeUrl", url), ("globalUrl", url), ("lastError", Last.Failure.Message ?? "")]);
        json.WriteString("lastScrape"u8, (Last.Started ?? DateTimeOffset.MinValue).UtcDateTime); // Go's zero time is .NET's
        json.WriteNumber("lastScrapeDuration"u8, Last.Duration.TotalSeconds);
        json.WriteTexts([("health", Word.Of(Health)), ("scrapeInterval", Durations.Format(ScrapeInterval)),
            ("scrapeTimeout", Durations.Format(ScrapeTimeout))]);
        json.WriteEndObject();
    }
}
