using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Requests;

namespace Sidecar.Scraping;

/// <summary>What every target is scraped with.</summary>
internal sealed record ScrapeOptions : TargetOptions
{
    public required HttpOptions Http { get; init; }
    public required bool HonorLabels { get; init; }
    public required bool HonorTimestamps { get; init; }
    public required bool TrackTimestampsStaleness { get; init; }

    /// <summary>The formats that are asked for, best first; never empty.</summary>
    public ImmutableArray<BodyFormat> Protocols { get; init; } = ScrapeProtocols.Default;

    /// <summary>Whether native histograms are read; null where that goes by the format that is asked for first.</summary>
    public bool? NativeHistograms { get; init; }

    public bool ReadsNative => NativeHistograms ?? Protocols[0] == BodyFormat.PrometheusProto;
    public BodyReading Reading { get; init; }

    /// <summary>Most inflated bytes of one body; 0 for no limit.</summary>
    public required long BodySizeLimit { get; init; }

    /// <summary>Most samples of one scrape, after metric relabeling; 0 for no limit.</summary>
    public int SampleLimit { get; init; }

    public LabelLimits LabelLimits { get; init; }

    /// <summary>With more targets than this, all scrapes fail; 0 for no limit.</summary>
    public int TargetLimit { get; init; }

    /// <summary>Rules for series, from presets and the other two variables; null for none.</summary>
    public SeriesRules? SeriesRules { get; init; }

    /// <summary>Added to what is sent where a label of that name is absent; sorted bytewise by name.</summary>
    public required ImmutableArray<KeyValuePair<string, string>> ExternalLabels { get; init; }
}
