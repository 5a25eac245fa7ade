using System.Runtime.CompilerServices;

namespace Sidecar.Exposition;

/// <summary>Where a label stands: offsets into <see cref="Sample.Window"/>; complements are of <see cref="Sample.Scratch"/>.</summary>
internal struct LabelSlice
{
    public int NameStart;
    public int NameLength;
    public int ValueStart;
    public int ValueLength;
}

/// <summary>One sample, which points into the window until the next read. Label 0 is <c>__name__</c>, the rest as in the text.</summary>
internal sealed class Sample
{
    /// <summary>A line with more labels fails the scrape: ten times beyond any receiver's limit. One too many is kept to be seen.</summary>
    public const int MostLabels = 1024;

    private const int ScratchPrefix = 8;

    /// <summary>Bytes at the start of <see cref="Scratch"/> that each sample has to itself; behind them stands what outlives it.</summary>
    public const int ScratchOfSample = 128;

    public byte[] Window = [];

    /// <summary>Begins with the bytes of <c>__name__</c>; behind them, values that had to be rewritten longer than they stood.</summary>
    public byte[] Scratch = [.. "__name__"u8, .. new byte[ScratchOfSample - ScratchPrefix]];

    public LabelSlice[] Labels = new LabelSlice[32];

    public int Count;

    /// <summary>Counts the samples that were begun, this one included.</summary>
    public long Ordinal;

    /// <summary>How many leading labels, label 0 included, the sample before (one <see cref="Ordinal"/> less) has too.</summary>
    public int Shared;

    /// <summary>The names of labels 1 and on, interned.</summary>
    public LabelNames Names = LabelNames.None;

    /// <summary>Bit i is set where label i + 1 has an empty value (first 64 labels; <see cref="ManyLabels"/> beyond).</summary>
    public ulong EmptyValues;

    public double Value;

    public bool HasTimestamp;

    /// <summary>Milliseconds since the Unix epoch; only with <see cref="HasTimestamp"/>.</summary>
    public long Timestamp;

    public MetricFamily Family = new();

    /// <summary>When its counter or histogram began, milliseconds since the Unix epoch; 0 where the body does not say.</summary>
    public long StartTimestamp;

    /// <summary>Used instead of <see cref="Value"/> with <see cref="HasHistogram"/>; made for the first native histogram.</summary>
    public NativeHistogram? Histogram;

    public bool HasHistogram;

    public Exemplar[] Exemplars = [];

    public int ExemplarCount;

    private int scratchUsed = ScratchPrefix;

    /// <summary>More labels than <see cref="EmptyValues"/> has bits for.</summary>
    public bool ManyLabels => Count > 65;

    public ReadOnlySpan<byte> Name => Text(Labels[0].ValueStart, Labels[0].ValueLength);

    public ReadOnlySpan<byte> LabelName(int index) => Text(Labels[index].NameStart, Labels[index].NameLength);

    public ReadOnlySpan<byte> LabelValue(int index) => Text(Labels[index].ValueStart, Labels[index].ValueLength);

    public void Begin(int nameStart, int nameLength)
    {
        BeginSharing(0);
        Count = 1;
        ref var name = ref Labels[0];
        name.NameStart = ~0;
        name.NameLength = ScratchPrefix;
        name.ValueStart = nameStart;
        name.ValueLength = nameLength;
    }

    /// <summary>Begins the sample after this one, which has the same first labels.</summary>
    /// <param name="shared">How many, label 0 included, and none that was rewritten; all others are forgotten.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BeginSharing(int shared)
    {
        scratchUsed = ScratchPrefix;
        Ordinal++;
        Shared = Count = shared;
        EmptyValues &= shared > 64 ? ulong.MaxValue : (1UL << Math.Max(0, shared - 1)) - 1;
        HasTimestamp = HasHistogram = false;
        StartTimestamp = 0;
        ExemplarCount = 0;
    }

    /// <summary>Begins another sample with the first labels of this one.</summary>
    /// <param name="count">As <see cref="Count"/> was when they were complete.</param>
    /// <param name="emptyValues">Likewise <see cref="EmptyValues"/>.</param>
    public void BeginAgain(int nameStart, int nameLength, int count, ulong emptyValues)
    {
        var isSameName = Labels[0].ValueStart == nameStart && Labels[0].ValueLength == nameLength;
        Begin(nameStart, nameLength);
        Count = count;
        EmptyValues = emptyValues;
        Shared = isSameName ? count : 0;
    }

    public void Add(int nameStart, int nameLength, int valueStart, int valueLength)
    {
        if (Count > MostLabels + 1)
            return;
        if (Count == Labels.Length)
            Array.Resize(ref Labels, Count * 2);
        if (valueLength == 0 && Count <= 64)
            EmptyValues |= 1UL << (Count - 1);
        ref var label = ref Labels[Count++];
        label.NameStart = nameStart;
        label.NameLength = nameLength;
        label.ValueStart = valueStart;
        label.ValueLength = valueLength;
    }

    /// <summary>The exemplar to be filled next; it counts once <see cref="ExemplarCount"/> includes it.</summary>
    public Exemplar NextExemplar()
    {
        if (ExemplarCount == Exemplars.Length)
            Array.Resize(ref Exemplars, ExemplarCount + 4);
        var exemplar = Exemplars[ExemplarCount] ??= new Exemplar();
        exemplar.Count = 0;
        exemplar.Value = 0;
        exemplar.HasTimestamp = false;
        return exemplar;
    }

    /// <summary>By time and value, as Prometheus stores those of a native histogram; there are few.</summary>
    public void SortExemplars()
    {
        var exemplars = Exemplars.AsSpan(0, ExemplarCount);
        for (var i = 1; i < exemplars.Length; i++)
        {
            for (var at = i; at > 0 && IsBefore(exemplars[at], exemplars[at - 1]); at--)
                (exemplars[at], exemplars[at - 1]) = (exemplars[at - 1], exemplars[at]);
        }

        static bool IsBefore(Exemplar a, Exemplar b) => a.Timestamp < b.Timestamp || (a.Timestamp == b.Timestamp && a.Value < b.Value);
    }

    /// <summary>Gives label <paramref name="index"/> another value of at most 32 bytes.</summary>
    public void Rewrite(int index, ReadOnlySpan<byte> value)
    {
        value.CopyTo(Scratch.AsSpan(scratchUsed));
        Labels[index].ValueStart = ~scratchUsed;
        Labels[index].ValueLength = value.Length;
        scratchUsed += value.Length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Text(int start, int length) => start >= 0 ? Window.AsSpan(start, length) : Scratch.AsSpan(~start, length);
}
