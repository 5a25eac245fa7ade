namespace Sidecar.Exposition;

/// <summary>What a <c># TYPE</c> line said. Numbers are those of MetricMetadata.MetricType in remote write 1.0.</summary>
internal enum MetricType
{
    Unknown = 0,
    Counter = 1,
    Gauge = 2,
    Histogram = 3,
    Summary = 5,
}
