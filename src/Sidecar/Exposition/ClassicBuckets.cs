namespace Sidecar.Exposition;

/// <summary>Collects a classic histogram and converts it to custom buckets, as Prometheus's util/convertnhcb. Reused.</summary>
internal sealed class ClassicBuckets
{
    /// <summary>Of one histogram: beyond what any real one has, and few enough to be sorted as they come.</summary>
    private const int Most = 8 * 1024;

    /// <summary>Empty buckets in a row that are written as zeros within a run; a longer row ends it.</summary>
    private const int MostEmptyWithin = 2;

    private double[] bounds = new double[32];
    private double[] counts = new double[32];  // cumulative
    private int length;
    private double? count;
    private double sum;
    private bool isGood = true;

    public void Clear()
    {
        length = 0;
        count = null;
        sum = 0;
        isGood = true;
    }

    public void SetSum(double value) => sum = value;

    public void SetCount(double value)
    {
        isGood &= !(value < 0);
        count = value;
    }

    /// <summary>In any order; a bound that was there before counts for nothing.</summary>
    /// <param name="bound">Not NaN.</param>
    /// <param name="cumulative">Observations up to there.</param>
    public void Add(double bound, double cumulative)
    {
        isGood &= !(cumulative < 0);
        var at = length;
        while (at > 0 && bounds[at - 1] > bound)
            at--;
        if (at > 0 && bounds[at - 1] == bound)
            return;
        isGood &= length < Most;
        if (!isGood)
            return;
        if (length == bounds.Length)
        {
            Array.Resize(ref bounds, length * 2);
            Array.Resize(ref counts, length * 2);
        }
        bounds.AsSpan(at, length - at).CopyTo(bounds.AsSpan(at + 1));
        counts.AsSpan(at, length - at).CopyTo(counts.AsSpan(at + 1));
        (bounds[at], counts[at]) = (bound, cumulative);
        length++;
    }

    /// <summary>False as in Prometheus: negative or falling counts, another total than the last bucket's, +Inf below all.</summary>
    public bool TryConvert(NativeHistogram to)
    {
        if (!isGood)
            return false;
        var total = count ?? (length > 0 ? counts[length - 1] : 0);
        if (length == 0 || bounds[length - 1] != double.PositiveInfinity)
            Add(double.PositiveInfinity, total);
        if (!isGood || total != counts[length - 1] || double.IsNegativeInfinity(bounds[0]))
            return false;
        to.Clear();
        to.Schema = NativeHistogram.CustomBuckets;
        to.Sum = sum;
        to.IsFloat = !IsInteger(total);
        for (var i = 0; i < length && !to.IsFloat; i++)
            to.IsFloat = !IsInteger(counts[i]);
        if (to.IsFloat)
            to.CountFloat = total;
        else
            to.Count = (ulong)total;
        to.SetBounds(bounds.AsSpan(0, length - 1));
        return TryFill(to.Positive, to.IsFloat);
    }

    /// <summary>Empty buckets are left out but for short rows within a run, as Compact of Prometheus's model/histogram does it.</summary>
    private bool TryFill(NativeBuckets buckets, bool isFloat)
    {
        var mostEmpty = isFloat ? 0 : MostEmptyWithin;
        var empty = 0;  // buckets in a row before this one
        var offset = 0; // of the run that is being made, and its length
        uint run = 0;
        double before = 0;
        long last = 0;
        for (var i = 0; i < length; i++)
        {
            var own = counts[i] - before;
            if (!(own >= 0))
                return false;
            before = counts[i];
            if (own == 0)
            {
                empty++;
                continue;
            }
            if (run > 0 && empty <= mostEmpty)
                run += Append(0, empty);
            else
            {
                EndRun();
                (offset, run) = (empty, 0);
            }
            empty = 0;
            run += Append(own, 1);
        }
        EndRun();
        return true;

        void EndRun()
        {
            if (run > 0)
                buckets.TryAddSpan(new(offset, run));
        }

        uint Append(double value, int times)
        {
            for (var i = 0; i < times; i++)
            {
                if (isFloat)
                    buckets.TryAddCount(value);
                else
                    buckets.TryAddDelta((long)value - last);
                last = isFloat ? 0 : (long)value;
            }
            return (uint)times;
        }
    }

    private static bool IsInteger(double value) => value >= 0 && value < long.MaxValue && Math.Truncate(value) == value;
}
