using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>A value that rises and falls.</summary>
internal sealed class Gauge(string name, string help, string labels = "") : IMetric
{
    private double value;

    public double Value => Volatile.Read(ref value);

    public void Set(double newValue) => Volatile.Write(ref value, newValue);

    public void Add(double difference) => Atomic.Add(ref value, difference);

    /// <summary>Raises the value, never lowers it: for highest timestamps.</summary>
    public void Raise(double candidate)
    {
        var seen = Volatile.Read(ref value);
        while (candidate > seen)
        {
            var found = Interlocked.CompareExchange(ref value, candidate, seen);
            if (found.Equals(seen))
                return;
            seen = found;
        }
    }

    public void Write(MetricsText text) => text.Single(name, "gauge", help, Value, labels);
}
