namespace Sidecar.Exposition;

/// <summary>What a <c># TYPE</c> line said; the numbers are those of MetricMetadata.MetricType in remote write 1.0 and 2.0.</summary>
internal enum MetricType
{
    Unknown = 0,
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
    GaugeHistogram = 4,
    Summary = 5,
    Info = 6,
    StateSet = 7,
}
