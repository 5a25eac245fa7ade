using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>Durations in seconds, counted in buckets by their upper bounds.</summary>
internal sealed class Histogram : IMetric
{
    private readonly string name;
    private readonly string help;
    private readonly string labels;
    private readonly double[] bounds;
    private readonly string[] bucketLabels;
    private readonly long[] counts;
    private double sum;

    /// <param name="bounds">Rising upper bounds; +Inf is added.</param>
    public Histogram(string name, string help, string labels, double[] bounds)
    {
        this.name = name;
        this.help = help;
        this.labels = labels;
        this.bounds = bounds;
        counts = new long[bounds.Length + 1];
        bucketLabels = new string[bounds.Length + 1];
        for (var i = 0; i < counts.Length; i++)
        {
            var bound = MetricsText.Number(i < bounds.Length ? bounds[i] : double.PositiveInfinity);
            bucketLabels[i] = MetricsText.Join(labels, MetricsText.Label("le", bound));
        }
    }

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
            text.Sample(name + "_bucket", bucketLabels[i], cumulative);
        }
        text.Sample(name + "_sum", labels, Volatile.Read(ref sum));
        text.Sample(name + "_count", labels, cumulative);
    }
}
