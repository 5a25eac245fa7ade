using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>The five series that Prometheus adds to every scrape. They are not subject to metric relabeling.</summary>
internal readonly record struct ReportSamples(double Up, double DurationSeconds, double Scraped, double PostRelabeling, double Added)
{
    /// <summary>All of them staleness markers: the target is gone.</summary>
    public static readonly ReportSamples Stale =
        new(FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN, FloatText.StaleNaN);

    /// <summary>Begins one of the five in the request that is being made; false where write relabeling drops it.</summary>
    public bool TryBegin(SeriesEncoder encoder, int index, out double value)
    {
        ReadOnlySpan<double> values = [Up, DurationSeconds, Scraped, PostRelabeling, Added];
        value = values[index];
        return encoder.Begin(encoder.Report[index], out _, isReport: true) == SeriesOutcome.Sent;
    }
}
