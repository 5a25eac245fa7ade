namespace Sidecar.Exposition;

/// <summary>The exposition format of a body, from its Content-Type. Numbers are kept: files of the queue hold them.</summary>
internal enum BodyFormat : byte
{
    PrometheusText004 = 0,
    PrometheusText100 = 1,
    OpenMetricsText001 = 2,
    OpenMetricsText100 = 3,
    PrometheusProto = 4,

    /// <summary>The same, where native histograms are off: of a histogram that has both forms, the classic one is read.</summary>
    PrometheusProtoClassic = 5,
}
