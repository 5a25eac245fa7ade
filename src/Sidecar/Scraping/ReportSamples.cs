using Sidecar.Exposition;
using Sidecar.RemoteWrite;

namespace Sidecar.Scraping;

/// <summary>The five series that Prometheus adds to every scrape. They are not subject to metric relabeling.</summary>
internal readonly record struct ReportSamples(double Up, double DurationSeconds, double Scraped, double PostRelabeling, double Added)
{
    public const int Count = 5;

    private static readonly byte[] Names = [.. "up"u8, .. "scrape_duration_seconds"u8, .. "scrape_samples_scraped"u8,
        .. "scrape_samples_post_metric_relabeling"u8, .. "scrape_series_added"u8];

    private static readonly int[] NameLengths = ["up"u8.Length, "scrape_duration_seconds"u8.Length, "scrape_samples_scraped"u8.Length,
        "scrape_samples_post_metric_relabeling"u8.Length, "scrape_series_added"u8.Length];

    /// <summary>All of them staleness markers: the target is gone.</summary>
    public static readonly ReportSamples Stale =
        new(FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN);

    /// <summary>Adds all five to the request that is being made.</summary>
    public void Encode(SeriesEncoder encoder, long timestamp)
    {
        ReadOnlySpan<double> values = [Up, DurationSeconds, Scraped, PostRelabeling, Added];
        var sample = new Sample { Window = Names };
        var start = 0;
        for (var i = 0; i < Count; i++)
        {
            sample.Begin(start, NameLengths[i]);
            start += NameLengths[i];
            encoder.TryBegin(sample, out _);
            encoder.Commit(values[i], timestamp);
        }
    }
}
