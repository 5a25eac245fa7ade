using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>A count that only rises.</summary>
internal sealed class Counter(string name, string help, string labels = "") : IMetric
{
    private long value;

    public long Value => Interlocked.Read(ref value);

    public void Add(long n) => Interlocked.Add(ref value, n);

    public void Increment() => Interlocked.Increment(ref value);

    public void Write(MetricsText text) => text.Single(name, "counter", help, Value, labels);
}

/// <summary>One count for each of a closed set of reasons, whose word is the value of one label. All begin at zero, visibly.</summary>
/// <param name="word">Null for <see cref="Word.Of"/>.</param>
internal sealed class CounterBy<TReason>(
    string name, string help, string labelName, TReason[] reasons, string commonLabels = "", Func<TReason, string>? word = null)
    : IMetric where TReason : struct, Enum
{
    private readonly long[] values = new long[reasons.Length];

    public long this[TReason reason] => Interlocked.Read(ref values[IndexOf(reason)]);

    public void Add(TReason reason, long n) => Interlocked.Add(ref values[IndexOf(reason)], n);

    public void Increment(TReason reason) => Add(reason, 1);

    public void Write(MetricsText text)
    {
        text.Family(name, "counter", help);
        for (var i = 0; i < reasons.Length; i++)
        {
            var label = MetricsText.Label(labelName, word?.Invoke(reasons[i]) ?? Word.Of(reasons[i]));
            text.Sample(name, MetricsText.Join(label, commonLabels), Interlocked.Read(ref values[i]));
        }
    }

    private int IndexOf(TReason reason)
    {
        var index = Array.IndexOf(reasons, reason);
        return index >= 0 ? index : throw new ArgumentOutOfRangeException(nameof(reason));
    }
}
