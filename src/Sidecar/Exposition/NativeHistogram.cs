namespace Sidecar.Exposition;

/// <summary>The value of a native histogram sample, field by field as in the client model and in remote write. Reused.</summary>
internal sealed class NativeHistogram
{
    /// <summary>Of a histogram whose buckets have the upper bounds in <see cref="Bounds"/>, and the last one none.</summary>
    public const int CustomBuckets = -53;

    // Prometheus knows schemas from -9 to 52, and 8 is the finest that it stores.
    private const int CoarsestSchema = -9;
    private const int FinestSchema = 8;
    private const int FinestKnownSchema = 52;

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

    /// <summary>Upper bounds of custom buckets, each greater than the one before; custom_values in remote write.</summary>
    public double[] Bounds = [];
    public int BoundCount;

    /// <summary>A gauge histogram: it has no resets (reset hint GAUGE = 3 in remote write).</summary>
    public bool IsGauge;

    public void Clear()
    {
        IsFloat = IsGauge = false;
        Count = ZeroCount = 0;
        CountFloat = ZeroCountFloat = Sum = ZeroThreshold = 0;
        Schema = BoundCount = 0;
        Negative.Clear();
        Positive.Clear();
    }

    public void SetBounds(ReadOnlySpan<double> bounds)
    {
        if (Bounds.Length < bounds.Length)
            Bounds = new double[bounds.Length * 2];
        bounds.CopyTo(Bounds);
        BoundCount = bounds.Length;
    }

    /// <summary>Why Prometheus would not store it (Validate of its model/histogram), in words; null for a good one.</summary>
    public string? WhyInvalid()
    {
        if (Schema is < CoarsestSchema or > FinestKnownSchema)
            return Schema == CustomBuckets ? "the native histogram has custom buckets, and protobuf has no bounds for them"
                : $"the native histogram has the schema {Schema}, which is none from {CoarsestSchema} to {FinestKnownSchema}";
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

    /// <summary>A valid one that is finer than Prometheus stores becomes as fine as it does.</summary>
    public void Reduce()
    {
        if (Schema <= FinestSchema)
            return;
        Positive.Reduce(Schema - FinestSchema, IsFloat);
        Negative.Reduce(Schema - FinestSchema, IsFloat);
        Schema = FinestSchema;
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
