namespace Sidecar.Exposition;

/// <summary>A run of buckets of a native histogram.</summary>
/// <param name="offset">Buckets between the end of the run before, or bucket 0, and the first of this one.</param>
/// <param name="length">Buckets in it.</param>
internal readonly struct BucketSpan(int offset, uint length)
{
    public readonly int Offset = offset;
    public readonly uint Length = length;
}

/// <summary>The buckets of one sign: runs, and a delta (integer histogram) or a count (float histogram) for each bucket in them.</summary>
internal sealed class NativeBuckets
{
    public BucketSpan[] Spans = new BucketSpan[8];
    public int SpanCount;
    public long[] Deltas = new long[64];
    public int DeltaCount;
    public double[] Counts = [];
    public int CountCount;

    /// <summary>Buckets, and runs of them, that one histogram can have: a bound on memory that no real one comes near.</summary>
    private const int Most = 64 * 1024;

    public void Clear() => SpanCount = DeltaCount = CountCount = 0;

    /// <summary>False when there are too many; so do the other two.</summary>
    public bool TryAddSpan(BucketSpan span) => TryAdd(ref Spans, ref SpanCount, span);

    public bool TryAddDelta(long delta) => TryAdd(ref Deltas, ref DeltaCount, delta);

    public bool TryAddCount(double count) => TryAdd(ref Counts, ref CountCount, count);

    private static bool TryAdd<T>(ref T[] items, ref int count, T item)
    {
        if (count >= Most)
            return false;
        if (count == items.Length)
            Array.Resize(ref items, Math.Max(16, count * 2));
        items[count++] = item;
        return true;
    }
}

/// <summary>
/// The value of a sample of a native histogram; field by field io.prometheus.client.Histogram, and the Histogram of remote write. Reused.
/// </summary>
internal sealed class NativeHistogram
{
    /// <summary><see cref="CountFloat"/>, <see cref="ZeroCountFloat"/> and the buckets' floats are used, not the integers.</summary>
    public bool IsFloat;
    public ulong Count;
    public double CountFloat;
    public double Sum;
    public int Schema;
    public double ZeroThreshold;
    public ulong ZeroCount;
    public double ZeroCountFloat;
    public readonly NativeBuckets Negative = new();
    public readonly NativeBuckets Positive = new();

    /// <summary>A gauge histogram: it has no resets (reset hint GAUGE = 3 in remote write).</summary>
    public bool IsGauge;

    public void Clear()
    {
        IsFloat = IsGauge = false;
        Count = ZeroCount = 0;
        CountFloat = ZeroCountFloat = Sum = ZeroThreshold = 0;
        Schema = 0;
        Negative.Clear();
        Positive.Clear();
    }

    /// <summary>Why Prometheus would not store it (Validate of its model/histogram), in words; null for a good one.</summary>
    public string? WhyInvalid()
    {
        if (Schema is < -4 or > 8)
            return $"the native histogram has the schema {Schema}, which is none from -4 to 8";
        double inBuckets = 0;
        if (WhyInvalid(Positive, ref inBuckets) is { } positive)
            return positive;
        if (WhyInvalid(Negative, ref inBuckets) is { } negative)
            return negative;
        if (IsFloat)
            return CountFloat < 0 || ZeroCountFloat < 0 ? "the native histogram has a negative count" : null;
        // Observations of NaN are counted and are in no bucket.
        inBuckets += ZeroCount;
        return double.IsNaN(Sum) ? inBuckets <= Count ? null : "the native histogram has more observations in its buckets than in all"
            : inBuckets == Count ? null : "the buckets of the native histogram do not add up to its count";
    }

    private string? WhyInvalid(NativeBuckets buckets, ref double inBuckets)
    {
        long length = 0;
        for (var i = 0; i < buckets.SpanCount; i++)
        {
            if (i > 0 && buckets.Spans[i].Offset < 0)
                return "the native histogram has a run of buckets before the one in front of it";
            length += buckets.Spans[i].Length;
        }
        if (length != (IsFloat ? buckets.CountCount : buckets.DeltaCount))
            return "the native histogram has another number of buckets than its runs say";
        long count = 0;
        for (var i = 0; i < length; i++)
        {
            count += IsFloat ? 0 : buckets.Deltas[i];
            if (count < 0 || (IsFloat && buckets.Counts[i] < 0))
                return "the native histogram has a bucket with a negative count";
            inBuckets += IsFloat ? buckets.Counts[i] : count;
        }
        return null;
    }
}
