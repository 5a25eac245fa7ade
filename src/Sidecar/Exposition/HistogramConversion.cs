using System.IO.Hashing;

namespace Sidecar.Exposition;

/// <summary>
/// Gathers classic histograms, one at a time, in copies, and makes native ones of custom buckets as Prometheus does with
/// convert_classic_histograms_to_nhcb (its nhcbparse.go). Histograms that also have a native form stay as they are.
/// </summary>
internal sealed class HistogramConversion(LabelNamesCache names)
{
    /// <summary>Bytes of labels and exemplars that are kept, about; exemplars beyond are left out.</summary>
    private const int MostForExemplars = 64 * 1024;

    /// <summary>Drawn for each process, so that nobody outside can make labels collide.</summary>
    private static readonly long Seed = Random.Shared.NextInt64();

    private readonly ClassicBuckets buckets = new();
    private readonly NativeHistogram histogram = new();
    private readonly MetricFamily family = new(3);
    private int source;      // MetricFamily.Ordinal of what the family is a copy of
    private bool isGathering;
    private ulong labels;    // of the histogram that is gathered
    private int nativeFamily;
    private ulong nativeLabels;
    private byte[] window = new byte[1024];
    private int used;

    public Sample Sample { get; } = new();

    private enum Part
    {
        /// <summary>No series of a classic histogram.</summary>
        None,
        Count,
        Sum,
        Bucket,
        /// <summary>Named like a bucket, and without a bound that is a number.</summary>
        Boundless,
    }

    /// <summary>Classic histograms of this body of which none could be made.</summary>
    public int Failed { get; private set; }

    public void Reset()
    {
        Failed = 0;
        isGathering = false;
        nativeFamily = 0;
        source = 0;
        if (window.Length > MostForExemplars)
            window = new byte[1024];
    }

    /// <summary>Whether the histogram ends before <paramref name="next"/>; then <see cref="Sample"/> is the converted one.</summary>
    /// <param name="next">Null at the end of the body.</param>
    public bool TryEnd(Sample? next)
    {
        if (!isGathering || (next is not null && Belongs(next)))
            return false;
        isGathering = false;
        if (!buckets.TryConvert(histogram))
        {
            Failed++;
            return false;
        }
        Sample.Window = window;
        Sample.HasHistogram = true;
        Sample.Histogram = histogram;
        Sample.Value = 0;
        Sample.Family = family;
        Sample.SortExemplars();
        return true;
    }

    /// <summary>Takes the sample in where it is part of a classic histogram; false for any other.</summary>
    public bool Gather(Sample sample)
    {
        if (sample.HasHistogram)
        {
            (nativeFamily, nativeLabels) = (sample.Family.Ordinal, Hash(sample));
            return false;
        }
        var part = PartOf(sample, out var bound);
        if (part is Part.None or Part.Boundless)
            return false;
        var hash = Hash(sample);
        if (nativeFamily == sample.Family.Ordinal && nativeLabels == hash)
            return false;
        if (!isGathering)
            Begin(sample, hash);
        if (part == Part.Count)
            buckets.SetCount(sample.Value);
        else if (part == Part.Sum)
            buckets.SetSum(sample.Value);
        else
            buckets.Add(bound, sample.Value);
        (Sample.HasTimestamp, Sample.Timestamp) = (sample.HasTimestamp, sample.Timestamp);
        for (var i = 0; i < sample.ExemplarCount; i++)
            Keep(sample, sample.Exemplars[i]);
        return true;
    }

    private void Begin(Sample sample, ulong hash)
    {
        isGathering = true;
        labels = hash;
        buckets.Clear();
        if (source != sample.Family.Ordinal)
        {
            source = sample.Family.Ordinal;
            family.CopyFrom(sample.Family);
        }
        used = 0;
        var name = Copy(family.Name);
        Sample.Begin(name, used - name);
        Sample.StartTimestamp = sample.StartTimestamp;
        for (var i = 1; i < sample.Count; i++)
        {
            if (i == sample.Names.BucketIndex + 1)
                continue;
            var label = Copy(sample, sample.Labels[i]);
            Sample.Add(label.NameStart, label.NameLength, label.ValueStart, label.ValueLength);
        }
        Sample.Window = window;
        if (!Sample.Names.Match(Sample))
            Sample.Names = names.Get(Sample);
    }

    /// <summary>Whether the sample is of the current histogram. OpenMetrics's <c>_created</c> is not, but gives the start.</summary>
    private bool Belongs(Sample sample)
    {
        if (PartOf(sample, out _) != Part.None)
            return sample.Family.Ordinal == source && !sample.HasHistogram && Hash(sample) == labels;
        var name = sample.Name;
        if (name.EndsWith("_created"u8) && name[..^"_created"u8.Length].SequenceEqual(family.Name) && Sample.StartTimestamp == 0
            && double.IsFinite(sample.Value) && Hash(sample) == labels)
            Sample.StartTimestamp = (long)(sample.Value * 1000);
        return false;
    }

    private static Part PartOf(Sample sample, out double bound)
    {
        bound = 0;
        var family = sample.Family;
        var name = sample.Name;
        if (family.Type != MetricType.Histogram || name.Length <= family.Name.Length || !name.StartsWith(family.Name))
            return Part.None;
        var suffix = name[family.Name.Length..];
        if (!suffix.SequenceEqual("_bucket"u8))
            return suffix.SequenceEqual("_count"u8) ? Part.Count : suffix.SequenceEqual("_sum"u8) ? Part.Sum : Part.None;
        var index = sample.Names.BucketIndex;
        return index >= 0 && FloatLiteral.TryParse(sample.LabelValue(index + 1), out bound) && !double.IsNaN(bound)
            ? Part.Bucket : Part.Boundless;
    }

    /// <summary>Of all labels but the bound and the name, whatever their order.</summary>
    private static ulong Hash(Sample sample)
    {
        ulong hash = 0;
        var bucket = sample.Names.BucketIndex + 1;
        for (var i = 1; i < sample.Count; i++)
        {
            if (i != bucket && sample.Labels[i].ValueLength > 0)
                hash += XxHash3.HashToUInt64(sample.LabelValue(i), (long)XxHash3.HashToUInt64(sample.LabelName(i), Seed));
        }
        return hash;
    }

    /// <summary>An exemplar of a native histogram must have a time of its own.</summary>
    private void Keep(Sample sample, Exemplar exemplar)
    {
        if (!exemplar.HasTimestamp || used > MostForExemplars)
            return;
        var kept = Sample.NextExemplar();
        (kept.Value, kept.HasTimestamp, kept.Timestamp) = (exemplar.Value, true, exemplar.Timestamp);
        foreach (var label in exemplar.Labels.AsSpan(0, exemplar.Count))
            kept.Add(Copy(sample, label));
        Sample.ExemplarCount++;
    }

    private LabelSlice Copy(Sample sample, LabelSlice label) => new()
    {
        NameStart = Copy(sample.Text(label.NameStart, label.NameLength)),
        NameLength = label.NameLength,
        ValueStart = Copy(sample.Text(label.ValueStart, label.ValueLength)),
        ValueLength = label.ValueLength,
    };

    private int Copy(ReadOnlySpan<byte> text)
    {
        if (used + text.Length > window.Length)
            Array.Resize(ref window, Math.Max(used + text.Length, window.Length * 2));
        text.CopyTo(window.AsSpan(used));
        used += text.Length;
        return used - text.Length;
    }
}
