using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>Durations in seconds, counted in buckets by their upper bounds.</summary>
/// <param name="bounds">Rising upper bounds; +Inf is added.</param>
internal sealed class Histogram(string name, string help, string labels, double[] bounds) : IMetric
{
    private readonly long[] counts = new long[bounds.Length + 1];
    private double sum;

    public void Observe(TimeSpan duration)
    {
        var seconds = duration.TotalSeconds;
        var i = 0;
        while (i < bounds.Length && seconds > bounds[i])
            i++;
        Interlocked.Increment(ref counts[i]);
        Atomic.Add(ref sum, seconds);
    }

    public void Write(MetricsText text)
    {
        text.Family(name, "histogram", help);
        var cumulative = 0L;
        for (var i = 0; i < counts.Length; i++)
        {
            cumulative += Interlocked.Read(ref counts[i]);
            var bound = MetricsText.Number(i < bounds.Length ? bounds[i] : double.PositiveInfinity);
            text.Sample(name + "_bucket", MetricsText.Join(labels, MetricsText.Label("le", bound)), cumulative);
        }
        text.Sample(name + "_sum", labels, Volatile.Read(ref sum));
        text.Sample(name + "_count", labels, cumulative);
    }
}
