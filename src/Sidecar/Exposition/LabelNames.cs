using System.IO.Hashing;
using System.Runtime.CompilerServices;

namespace Sidecar.Exposition;

/// <summary>
/// A sample's label names in line order, interned: what follows from names alone is worked out once a sequence, not once a line. Never
/// changes.
/// </summary>
internal sealed class LabelNames
{
    public static readonly LabelNames None = new([], [0]);

    /// <summary>Stands for names that are longer together than any target may have; a sample with them fails the scrape.</summary>
    public static readonly LabelNames TooLong = new([], [0]) { IsPlain = false };

    /// <summary>Bytes of all names of one sample.</summary>
    public const int MostBytes = 64 * 1024;

    private const int MostUsualLabels = 64;
    private const int MostUsualBytes = 4096;

    /// <summary>Each name followed by <c>="</c>, as it stands in the text.</summary>
    private readonly byte[] patterns;
    private readonly int[] ends;

    private LabelNames(byte[] patterns, int[] ends)
    {
        this.patterns = patterns;
        this.ends = ends;
        for (var i = 0; i < Count; i++)
        {
            if (this[i].SequenceEqual("le"u8))
                BucketIndex = i;
            else if (this[i].SequenceEqual("quantile"u8))
                QuantileIndex = i;
            if (!LineCursor.IsLegacyLabel(this[i]))
                IsPlain = false;
        }
    }

    public int Count => ends.Length - 1;

    /// <summary>None of the names needs quotes, so that <see cref="Pattern"/> is how they stand in the text.</summary>
    public bool IsPlain { get; private init; } = true;

    /// <summary>More or longer names than any usual sample has: such a sequence is used once and not kept.</summary>
    public bool IsUncommon => Count >= MostUsualLabels || patterns.Length > MostUsualBytes || this == TooLong;

    /// <summary>About the bytes that it takes in memory.</summary>
    public int Size => 100 + patterns.Length + ends.Length * sizeof(int);

    public int BucketIndex { get; } = -1;
    public int QuantileIndex { get; } = -1;
    public ReadOnlySpan<byte> this[int index] => patterns.AsSpan(ends[index], ends[index + 1] - ends[index] - 2);

    /// <summary>The name with <c>="</c> behind it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Pattern(int index) => patterns.AsSpan(ends[index], ends[index + 1] - ends[index]);

    public static LabelNames Of(Sample sample)
    {
        var length = 0;
        for (var i = 1; i < sample.Count; i++)
            length += sample.Labels[i].NameLength + 2;
        if (length > MostBytes)
            return TooLong;
        var patterns = new byte[length];
        var ends = new int[sample.Count];
        var at = 0;
        for (var i = 1; i < sample.Count; i++)
        {
            var name = sample.LabelName(i);
            name.CopyTo(patterns.AsSpan(at));
            "=\""u8.CopyTo(patterns.AsSpan(at + name.Length));
            at += name.Length + 2;
            ends[i] = at;
        }
        return new LabelNames(patterns, ends);
    }

    public bool Match(Sample sample)
    {
        if (sample.Count != Count + 1)
            return false;
        for (var i = 0; i < Count; i++)
        {
            if (!this[i].SequenceEqual(sample.LabelName(i + 1)))
                return false;
        }
        return true;
    }
}

/// <summary>The sequences of label names seen so far, bounded; one for each thread of work.</summary>
internal sealed class LabelNamesCache
{
    private const int Capacity = 2048;

    /// <summary>Bytes of all together: kube-apiserver's take 20 kB, and a target may make up new ones without end.</summary>
    private const int MostBytes = 512 * 1024;

    private int size;
    private readonly Dictionary<ulong, LabelNames> byHash = [];

    public LabelNames Get(Sample sample)
    {
        if (sample.Count == 1)
            return LabelNames.None;
        ulong hash = 0;
        for (var i = 1; i < sample.Count; i++)
        {
            var name = sample.LabelName(i);
            hash = XxHash3.HashToUInt64(name, (long)hash);
        }
        if (byHash.TryGetValue(hash, out var names) && names.Match(sample))
            return names;
        names = LabelNames.Of(sample);
        if (names.IsUncommon)
            return names;
        size += names.Size;
        if (byHash.Count >= Capacity || size > MostBytes)
        {
            byHash.Clear();
            size = names.Size;
        }
        byHash[hash] = names;
        return names;
    }
}
