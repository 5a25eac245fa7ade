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

    /// <summary>Halves the resolution so often, in place: bucket i goes into ⌈i / 2^times⌉ (Prometheus's reduceResolution).</summary>
    public void Reduce(int times, bool isFloat)
    {
        var (runs, written, read) = (0, 0, 0);
        long index = 0;
        long last = 0;
        long count = 0;
        for (var i = 0; i < SpanCount; i++)
        {
            var run = Spans[i];
            index += run.Offset;
            for (var end = index + run.Length; index < end; index++, read++)
            {
                var target = (index - 1 >> times) + 1;
                var floatCount = isFloat ? Counts[read] : 0;
                count += isFloat ? 0 : Deltas[read];
                if (written == 0 || target != last)
                {
                    if (written == 0 || target != last + 1)
                        Spans[runs++] = new((int)(written == 0 ? target : target - last - 1), 0);
                    Spans[runs - 1] = new(Spans[runs - 1].Offset, Spans[runs - 1].Length + 1);
                    last = target;
                    if (isFloat)
                        Counts[written] = 0;
                    else
                        Deltas[written] = 0;
                    written++;
                }
                if (isFloat)
                    Counts[written - 1] += floatCount;
                else
                    Deltas[written - 1] += count;
            }
        }
        SpanCount = runs;
        (DeltaCount, CountCount) = isFloat ? (0, written) : (written, 0);
        // They are counts until here.
        for (var i = DeltaCount - 1; i > 0; i--)
            Deltas[i] -= Deltas[i - 1];
    }
}
