using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>The series of a scrape's own report, in the order in which they are sent.</summary>
internal static class ReportSeries
{
    public const int Count = 5;

    /// <summary>The five series, for one encoder: samples may be changed, so that they are not shared.</summary>
    public static Sample[] New() =>
    [
        Named("up"u8), Named("scrape_duration_seconds"u8), Named("scrape_samples_scraped"u8),
        Named("scrape_samples_post_metric_relabeling"u8), Named("scrape_series_added"u8),
    ];

    private static Sample Named(ReadOnlySpan<byte> name)
    {
        var sample = new Sample { Window = name.ToArray() };
        sample.Begin(0, name.Length);
        return sample;
    }
}
