using System.Collections.Immutable;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Relabeling;
using Sidecar.Scraping;

namespace Sidecar.Configuration;

/// <summary>The whole effective configuration, read once from the environment at start.</summary>
internal sealed record Options
{
    /// <summary>Static targets; when there is any, Kubernetes discovery is off.</summary>
    public required ImmutableArray<StaticTarget> Targets { get; init; }

    public required KubernetesOptions Kubernetes { get; init; }

    /// <summary>Which of the shards is ours, from 0.</summary>
    public int Shard { get; init; }

    /// <summary>Among how many sidecars the targets are divided.</summary>
    public int Shards { get; init; } = 1;

    public required ScrapeOptions Scrape { get; init; }

    public required RemoteWriteOptions RemoteWrite { get; init; }

    public required QueueOptions Queue { get; init; }

    public required OperationOptions Operation { get; init; }
}

/// <summary>One entry of SIDECAR_TARGETS: <c>host:port</c>, or a URL whose scheme, path and query win over those for all targets.</summary>
/// <param name="Address"><c>host:port</c>, the port always there (443 and 80 for a URL without one).</param>
/// <param name="Scheme"><c>http</c> or <c>https</c>, or null for the default.</param>
/// <param name="MetricsPath">Absolute path, or null for the default, which a URL with the path <c>/</c> takes too.</param>
/// <param name="Query">Query string without the question mark, or null for the default.</param>
internal sealed record StaticTarget(string Address, string? Scheme, string? MetricsPath, string? Query);

/// <summary>Which API serves the endpoints.</summary>
internal enum KubernetesRole
{
    /// <summary>EndpointSlices, and Endpoints where the API server denies or lacks them.</summary>
    Auto,
    EndpointSlice,
    Endpoints,
}

/// <summary>SIDECAR_KUBERNETES_…: where and what to discover. Without effect where there are static targets.</summary>
internal sealed record KubernetesOptions
{
    public required KubernetesRole Role { get; init; }

    /// <summary>Null for <c>*</c>.</summary>
    public required string? Namespace { get; init; }

    /// <summary>Null for <c>*</c>.</summary>
    public required string? Service { get; init; }

    /// <summary>Null for <c>*</c>.</summary>
    public required string? PortName { get; init; }

    public required string? LabelSelector { get; init; }

    /// <summary>Base address of the API server, <c>https://10.0.0.1:443/</c>; null outside a cluster with static targets.</summary>
    public required Uri? ApiServer { get; init; }

    /// <summary>Token and CA of the service account.</summary>
    public required HttpOptions Http { get; init; }

    public required TimeSpan RefreshInterval { get; init; }

    /// <summary>Changes are watched for between two lists.</summary>
    public required bool Watch { get; init; }

    /// <summary>What rules leave of the cluster.</summary>
    public DiscoveryScope Scope { get; init; } = DiscoveryScope.All;
}

/// <summary>What every target is scraped with.</summary>
internal sealed record ScrapeOptions
{
    public required string JobName { get; init; }

    public required TimeSpan Interval { get; init; }

    public required TimeSpan Timeout { get; init; }

    /// <summary><c>http</c> or <c>https</c>.</summary>
    public required string Scheme { get; init; }

    public required string MetricsPath { get; init; }

    /// <summary>Query string without the question mark; null for none.</summary>
    public required string? Params { get; init; }

    public required HttpOptions Http { get; init; }

    public required bool HonorLabels { get; init; }

    public required bool HonorTimestamps { get; init; }

    public required bool TrackTimestampsStaleness { get; init; }

    /// <summary>The formats that are asked for, best first; never empty.</summary>
    public ImmutableArray<BodyFormat> Protocols { get; init; } = ScrapeProtocols.Default;

    /// <summary>How bodies are read beside their format.</summary>
    public BodyReading Reading { get; init; }

    /// <summary>Most inflated bytes of one body; 0 for no limit.</summary>
    public required long BodySizeLimit { get; init; }

    /// <summary>Most samples of one scrape, after metric relabeling; 0 for no limit.</summary>
    public int SampleLimit { get; init; }

    public LabelLimits LabelLimits { get; init; }

    /// <summary>With more targets than this, all scrapes fail; 0 for no limit.</summary>
    public int TargetLimit { get; init; }

    /// <summary>Rules for targets: SIDECAR_RELABEL_CONFIGS.</summary>
    public RelabelRules TargetRules { get; init; } = RelabelRules.None;

    /// <summary>Rules for series, from presets and the other two variables; null for none.</summary>
    public SeriesRules? SeriesRules { get; init; }

    /// <summary>Added to what is sent where a label of that name is absent; sorted bytewise by name.</summary>
    public required ImmutableArray<KeyValuePair<string, string>> ExternalLabels { get; init; }
}

/// <summary>Which remote write specification requests follow.</summary>
internal enum WriteProtocol
{
    /// <summary>2.0 until the receiver shows that it lacks it.</summary>
    Auto,
    One,
    Two,
}

/// <summary>SIDECAR_REMOTE_WRITE_….</summary>
internal sealed record RemoteWriteOptions
{
    /// <summary>Without user and password: those are basic authentication in <see cref="Http"/>.</summary>
    public required Uri Url { get; init; }

    public WriteProtocol Protocol { get; init; }

    public required ImmutableArray<KeyValuePair<string, string>> Headers { get; init; }

    public required HttpOptions Http { get; init; }

    public required TimeSpan Timeout { get; init; }

    public required int MaxSamplesPerSend { get; init; }

    public required int Concurrency { get; init; }

    public required TimeSpan MinBackoff { get; init; }

    public required TimeSpan MaxBackoff { get; init; }
}

/// <summary>SIDECAR_QUEUE_…: the bounds of what waits for the receiver.</summary>
internal sealed record QueueOptions
{
    public const long DefaultMemoryLimit = 8 * 1024 * 1024;

    /// <summary>Below it the scrapes of an API server may not fit.</summary>
    public const long SmallLimit = 1024 * 1024;

    public const long DefaultDirectoryLimit = 1024 * 1024 * 1024;

    /// <summary>A folder that outlives the process; null for memory alone.</summary>
    public string? Directory { get; init; }

    /// <summary>Bytes of compressed scrapes, in the folder or else in memory; past it the oldest go.</summary>
    public required long SizeLimit { get; init; }

    /// <summary>The same for what is in memory, which with a folder is only what could not be written.</summary>
    public long MemoryLimit => Directory is null ? SizeLimit : Math.Min(SizeLimit, Math.Max(DefaultMemoryLimit, SizeLimit / 128));

    /// <summary>Compressed bytes of one body: while one waits, the next is fetched. By default some 1.2 million series.</summary>
    public long BodyLimit => MemoryLimit / 2;

    /// <summary>The least <see cref="SizeLimit"/> with which a body of this size, compressed, is taken; in whole MiB.</summary>
    public long SizeLimitFor(long body)
    {
        const long Unit = 1024 * 1024;
        var needed = Directory is null || 2 * body <= DefaultMemoryLimit ? 2 * body : 2 * body * 128;
        return (needed + Unit - 1) / Unit * Unit;
    }

    /// <summary>Zero for none.</summary>
    public required TimeSpan AgeLimit { get; init; }
}

internal enum LogLevel
{
    Debug,
    Info,
    Warn,
    Error,
}

internal enum LogFormat
{
    Logfmt,
    Json,
}

/// <summary>Listener, logs and the end of the process.</summary>
internal sealed record OperationOptions
{
    /// <summary><c>host:port</c> with an empty host for all addresses; null turns the listener off.</summary>
    public required string? ListenAddress { get; init; }

    public required LogLevel LogLevel { get; init; }

    public required LogFormat LogFormat { get; init; }

    public required TimeSpan ShutdownTimeout { get; init; }

    /// <summary>At the end every target is scraped once more.</summary>
    public bool FinalScrape { get; init; }
}
