using System.IO.Hashing;
using System.Runtime.CompilerServices;
using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>
/// The labels of one series as they will be sent, sorted by name. None is copied: they are read from sample and target by the plan, so
/// that both versions of remote write are made of the same labels. Good until the next sample is read. Lines of a body mostly repeat all
/// labels but one, so that only what differs is hashed, and written, again.
/// </summary>
internal sealed class SeriesLabels
{
    /// <summary>Drawn for each process, so that nobody outside can make hashes collide.</summary>
    private static readonly long Seed = Random.Shared.NextInt64();

    private static readonly TargetLabels NoLabels = new([], [], false); // shared by all passes: it never changes

    private Sample sample = new();
    private SeriesPlan plan = SeriesPlan.Empty;
    private TargetLabels target = NoLabels;
    private ulong[] hashes = new ulong[32]; // of each label
    private Sample? last; // that was followed
    private long ordinal;
    private int known;    // labels of the sample, the first so many, that are the same as when the hashes were made
    private int written;  // and as when the series was written last

    /// <summary>Of all labels: the identity of the series.</summary>
    public ulong Hash { get; private set; }

    public int Count => plan.Steps.Length;
    public int FixedSize => plan.FixedSize;

    /// <summary>What a label's hash begins with, for each name.</summary>
    public static long SeedOf(ReadOnlySpan<byte> name) => (long)XxHash3.HashToUInt64(name, Seed);

    /// <param name="seed">See <see cref="SeedOf"/>.</param>
    public static ulong HashOf(long seed, ReadOnlySpan<byte> value) => XxHash3.HashToUInt64(value, seed);

    /// <summary>To be told of every sample in turn, whether its labels are set or not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Follow(Sample next)
    {
        var shared = next == last && next.Ordinal == ordinal + 1 ? next.Shared : 0;
        (last, ordinal) = (next, next.Ordinal);
        known = Math.Min(known, shared);
        written = Math.Min(written, shared);
    }

    /// <summary>The series of the sample that was followed.</summary>
    public void Set(Sample sample, SeriesPlan plan, TargetLabels target)
    {
        this.sample = sample;
        // What rules have made of a sample is not compared with anything.
        if (plan != this.plan || target != this.target || sample != last)
        {
            (this.plan, this.target) = (plan, target);
            known = written = 0;
        }
        var steps = plan.Steps.AsSpan();
        if (hashes.Length < steps.Length)
            hashes = new ulong[steps.Length];
        var (first, end) = (0, steps.Length);
        if (known > 0)
            (first, end) = plan.Changed(known);
        else
            Hash = 0;
        for (var i = first; i < end; i++)
        {
            if (known > 0)
                Hash -= hashes[i];
            ref readonly var step = ref steps[i];
            hashes[i] = step.NameField is null ? Fixed(i)!.Hash : HashOf(step.Seed, sample.LabelValue(step.Index));
            Hash += hashes[i];
        }
        known = int.MaxValue;
    }

    /// <summary>The labels of the series that was written last and of this one are the same but for these.</summary>
    /// <returns>False where they have nothing in common.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetChanged(out int first, out int end)
    {
        (first, end) = written > 0 ? plan.Changed(written) : (0, Count);
        return written > 0;
    }

    /// <summary>The series was written, or, with false, there is none to compare with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void MarkWritten(bool isWritten) => written = isWritten ? int.MaxValue : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Name(int index) => plan.Steps[index].NameField is null ? Fixed(index)!.Name.AsSpan() : plan.Steps[index].Name;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> Value(int index) =>
        plan.Steps[index].NameField is null ? Fixed(index)!.Value.AsSpan() : sample.LabelValue(plan.Steps[index].Index);

    public ulong HashOf(int index) => hashes[index];

    /// <summary>Label.name of 1.0 with its tag and length; null for a label of <see cref="Fixed"/>.</summary>
    public byte[]? NameField(int index) => plan.Steps[index].NameField;

    /// <summary>The label that does not come from the sample; null for one that does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FixedLabel? Fixed(int index)
    {
        ref readonly var step = ref plan.Steps[index];
        return step.NameField is not null ? null : step.Index >= 0 ? target.Label(step.Index) : plan.Constants[~step.Index];
    }

    /// <summary>The label is not one of the external ones.</summary>
    public bool IsOfTarget(int index) => plan.Steps[index].NameField is not null || plan.Steps[index].Index < target.TargetCount;

    public ReadOnlySpan<byte> Find(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < Count; i++)
        {
            if (Name(i).SequenceEqual(name))
                return Value(i);
        }
        return default;
    }
}
