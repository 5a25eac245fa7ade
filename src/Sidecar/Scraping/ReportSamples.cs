using Sidecar.Exposition;
using Sidecar.Relabeling;
using Sidecar.RemoteWrite;

namespace Sidecar.Scraping;

/// <summary>The five series that Prometheus adds to every scrape. They are not subject to metric relabeling.</summary>
internal readonly record struct ReportSamples(double Up, double DurationSeconds, double Scraped, double PostRelabeling, double Added)
{
    public const int Count = 5;

    /// <summary>All of them staleness markers: the target is gone.</summary>
    public static readonly ReportSamples Stale =
        new(FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN);

    /// <summary>Begins one of the five in the request that is being made; false where write relabeling drops it.</summary>
    public bool TryBegin(SeriesEncoder encoder, int index, out double value)
    {
        ReadOnlySpan<double> values = [Up, DurationSeconds, Scraped, PostRelabeling, Added];
        value = values[index];
        return encoder.Begin(encoder.ReportSeries[index], out _, isReport: true) == SeriesFate.Sent;
    }

    /// <summary>The five series, for one encoder: samples may be changed, so that they are not shared.</summary>
    public static Sample[] NewSeries() =>
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
