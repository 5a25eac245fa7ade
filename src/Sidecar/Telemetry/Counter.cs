using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>A count that only rises.</summary>
internal sealed class Counter(string name, string help, string labels = "") : IMetric
{
    private long value;

    public long Value => Interlocked.Read(ref value);

    public void Add(long n) => Interlocked.Add(ref value, n);

    public void Increment() => Interlocked.Increment(ref value);

    public void Write(MetricsText text)
    {
        text.Family(name, "counter", help);
        text.Sample(name, labels, Value);
    }
}

/// <summary>One count for each of a closed set of reasons, whose word is the value of one label. All begin at zero, visibly.</summary>
internal sealed class CounterBy<TReason> : IMetric where TReason : struct, Enum
{
    private readonly string name;
    private readonly string help;
    private readonly TReason[] reasons;
    private readonly string[] labels;
    private readonly long[] values;

    /// <param name="word">Null for <see cref="Word.Of"/>.</param>
    public CounterBy(
        string name, string help, string labelName, TReason[] reasons, string commonLabels = "", Func<TReason, string>? word = null)
    {
        this.name = name;
        this.help = help;
        this.reasons = reasons;
        labels = new string[reasons.Length];
        values = new long[reasons.Length];
        for (var i = 0; i < reasons.Length; i++)
            labels[i] = MetricsText.Join(MetricsText.Label(labelName, word?.Invoke(reasons[i]) ?? Word.Of(reasons[i])), commonLabels);
    }

    public long this[TReason reason] => Interlocked.Read(ref values[IndexOf(reason)]);

    public void Add(TReason reason, long n) => Interlocked.Add(ref values[IndexOf(reason)], n);

    public void Increment(TReason reason) => Add(reason, 1);

    public void Write(MetricsText text)
    {
        text.Family(name, "counter", help);
        for (var i = 0; i < labels.Length; i++)
            text.Sample(name, labels[i], Interlocked.Read(ref values[i]));
    }

    private int IndexOf(TReason reason)
    {
        var index = Array.IndexOf(reasons, reason);
        return index >= 0 ? index : throw new ArgumentOutOfRangeException(nameof(reason));
    }
}
