using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>Durations in seconds: sum and count of all, and quantiles over the last <see cref="Recent"/> of them.</summary>
internal sealed class Summary(string name, string help, string labels) : IMetric
{
    private const int Recent = 512;

    /// <summary>The quantiles that Prometheus exposes for its own summaries of intervals.</summary>
    private static readonly double[] Quantiles = [0.01, 0.05, 0.5, 0.9, 0.99];

    private readonly double[] ring = new double[Recent];
    private long count;
    private double sum;

    public void Observe(TimeSpan duration)
    {
        var seconds = duration.TotalSeconds;
        Atomic.Add(ref sum, seconds);
        var slot = (Interlocked.Increment(ref count) - 1) % Recent;
        Volatile.Write(ref ring[slot], seconds);
    }

    public void Write(MetricsText text)
    {
        text.Family(name, "summary", help);
        var total = Interlocked.Read(ref count);
        var sorted = ring.AsSpan(0, (int)Math.Min(total, Recent)).ToArray();
        Array.Sort(sorted);
        foreach (var quantile in Quantiles)
        {
            var value = sorted.Length == 0 ? double.NaN : sorted[Math.Max(0, (int)Math.Ceiling(quantile * sorted.Length) - 1)];
            text.Sample(name, MetricsText.Join(labels, MetricsText.Label("quantile", MetricsText.Number(quantile))), value);
        }
        text.Sample(name + "_sum", labels, Volatile.Read(ref sum));
        text.Sample(name + "_count", labels, total);
    }
}
