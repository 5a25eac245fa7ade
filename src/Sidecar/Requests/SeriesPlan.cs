using System.Runtime.CompilerServices;
using Sidecar.Exposition;
using Sidecar.Primitives;

namespace Sidecar.Requests;

/// <summary>How a sample's labels become its series', once per sequence of names: conflicts, empty and external labels, order.</summary>
internal sealed class SeriesPlan
{
    /// <summary>A label from the sample, with its name encoded, or from the target (<see cref="NameField"/> is null).</summary>
    public readonly struct Step(int index, byte[]? nameField)
    {
        /// <summary>Of the label in the sample, or in <see cref="TargetLabels"/>; complemented, in <see cref="Constants"/>.</summary>
        public readonly int Index = index;

        public readonly byte[]? NameField = nameField;

        public readonly long Seed = nameField is null ? 0 : SeriesLabels.SeedOf(NameOf(nameField));

        /// <summary>The name itself, which ends its field.</summary>
        public ReadOnlySpan<byte> Name => NameOf(NameField);

        private static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> field) => field[(1 + ProtobufFields.ReadVarint(field[1..], out _))..];
    }

    public static readonly SeriesPlan Empty = new([], (string?)null); // shared by all passes: it never changes

    private readonly (ushort First, ushort End)[] changed;

    /// <param name="constants">Labels that steps refer to.</param>
    public SeriesPlan(Step[] steps, FixedLabel[] constants) : this(steps, (string?)null) => Constants = constants;

    private SeriesPlan(Step[] steps, string? error)
    {
        Steps = steps;
        Error = error;
        foreach (var step in steps)
            FixedSize += (step.NameField?.Length ?? 0) + 12;
        changed = Changes(steps);
        Size = 100 + FixedSize + steps.Length * 50;
    }

    public Step[] Steps { get; }

    /// <summary>Labels that are the same in all series of the plan, whatever the target.</summary>
    public FixedLabel[] Constants { get; } = [];

    /// <summary>Why such a sample fails the scrape.</summary>
    public string? Error { get; }

    /// <summary>More bytes than all steps need besides the values and the target's messages.</summary>
    public int FixedSize { get; }

    /// <summary>About the bytes that it takes in memory.</summary>
    public int Size { get; }

    /// <summary>The steps that may differ where the first so many labels of two samples are the same: from one to before another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (int First, int End) Changed(int shared) => shared < changed.Length ? changed[shared] : (0, 0);

    private static (ushort First, ushort End)[] Changes(Step[] steps)
    {
        var labels = 0;
        foreach (var step in steps)
            labels = Math.Max(labels, step.NameField is null ? 0 : step.Index + 1);
        var changes = new (ushort First, ushort End)[labels];
        for (var shared = 0; shared < labels; shared++)
        {
            var first = Array.FindIndex(steps, s => s.NameField is not null && s.Index >= shared);
            var last = Array.FindLastIndex(steps, s => s.NameField is not null && s.Index >= shared);
            changes[shared] = ((ushort)first, (ushort)(last + 1));
        }
        return changes;
    }

    /// <summary>Prometheus's mutateSampleLabels (scrape/target.go), then its processExternalLabels (storage/remote).</summary>
    public static SeriesPlan Make(Sample sample, TargetLabels target)
    {
        if (sample.Count - 1 > Sample.MostLabels)
            return new SeriesPlan([], $"it has more than {Sample.MostLabels} labels");
        if (sample.Names == LabelNames.TooLong)
            return new SeriesPlan([], $"its label names are longer than {LabelNames.MostBytes} bytes together");
        var labels = new List<(byte[] Name, int Index, bool IsTarget)>();
        var present = new HashSet<string>(); // names in the line, empty values included
        var empty = new HashSet<string>();
        for (var i = 0; i < sample.Count; i++)
        {
            present.Add(Key(sample.LabelName(i)));
            if (sample.Labels[i].ValueLength == 0)
                empty.Add(Key(sample.LabelName(i)));
        }
        var names = new HashSet<string>(); // of the result so far
        for (var i = 0; i < sample.Count; i++)
        {
            var key = Key(sample.LabelName(i));
            if (empty.Contains(key))
                continue;
            if (key.Length == 0)
                return new SeriesPlan([], "a label has an empty name");
            if (!names.Add(key))
                return new SeriesPlan([], $"the label name \"{Excerpt.Of(sample.LabelName(i))}\" occurs twice");
            labels.Add((sample.LabelName(i).ToArray(), i, false));
        }

        if (!names.Contains("__name__"))
            return new SeriesPlan([], "the sample has no name"); // its own is taken back by an empty label __name__

        AddTargetLabels(target, labels, present, names);

        for (var i = target.TargetCount; i < target.Count; i++)
        {
            if (names.Add(Key(target.Name(i).AsSpan())))
                labels.Add(([.. target.Name(i)], i, true));
        }
        labels.Sort((a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));
        return new SeriesPlan([.. labels.Select(l => new Step(l.Index, l.IsTarget ? null : LabelMessage.NameField(l.Name)))], error: null);
    }

    private static void AddTargetLabels(
        TargetLabels target, List<(byte[] Name, int Index, bool IsTarget)> labels, HashSet<string> present, HashSet<string> names)
    {
        var conflicts = new List<(byte[] Name, int Index)>();
        for (var i = 0; i < target.TargetCount; i++)
        {
            byte[] name = [.. target.Name(i)];
            if (target.HonorLabels)
            {
                if (present.Contains(Key(name)))
                    continue;
            }
            else if (names.Contains(Key(name)))
            {
                var scraped = labels.FindIndex(l => !l.IsTarget && l.Name.AsSpan().SequenceEqual(name));
                conflicts.Add((name, labels[scraped].Index));
                labels.RemoveAt(scraped);
            }
            names.Add(Key(name));
            labels.Add((name, i, true));
        }
        // Shorter names first, so that exported_a is taken before exported_exported_a is looked for.
        foreach (var (name, index) in conflicts.OrderBy(c => c.Name.Length))
        {
            byte[] renamed = [.. "exported_"u8, .. name];
            while (!names.Add(Key(renamed)))
                renamed = [.. "exported_"u8, .. renamed];
            labels.Add((renamed, index, false));
        }
    }

    /// <summary>Bytes as a string, one char each: any bytes can be compared that way.</summary>
    private static string Key(ReadOnlySpan<byte> name) => Encoding.Latin1.GetString(name);
}
