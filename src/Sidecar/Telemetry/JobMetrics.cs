namespace Sidecar.Telemetry;

/// <summary>What is counted for each job.</summary>
/// <param name="IntervalLength">Shared by jobs of the same interval.</param>
internal sealed record JobMetrics(string Name, TimeSpan Interval, Summary IntervalLength, Gauge DiscoveredTargets);
