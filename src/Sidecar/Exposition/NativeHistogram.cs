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

    public void Clear() => SpanCount = DeltaCount = CountCount = 0;
}

/// <summary>
/// The value of a sample of a native histogram; field by field io.prometheus.client.Histogram, and the Histogram of remote write. Reused.
/// </summary>
internal sealed class NativeHistogram
{
    /// <summary>Counts are floats: <see cref="CountFloat"/>, <see cref="ZeroCountFloat"/> and the buckets' counts are used, not their integers.</summary>
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
}
