using System.Text.Unicode;

namespace Sidecar.Exposition;

/// <summary>An exemplar of a sample. Its labels point into the sample's window, as the sample's own do; the object is reused.</summary>
internal sealed class Exemplar
{
    /// <summary>Most characters of all its names and values together (OpenMetrics 1.0.0, section "Exemplars").</summary>
    private const int MostCharacters = 128;

    public LabelSlice[] Labels = new LabelSlice[4];

    public int Count;

    public double Value;

    public bool HasTimestamp;

    /// <summary>Milliseconds since the Unix epoch; only with <see cref="HasTimestamp"/>.</summary>
    public long Timestamp;

    public void Add(LabelSlice label)
    {
        if (Count == Labels.Length)
            Array.Resize(ref Labels, Count * 2);
        Labels[Count++] = label;
    }

    /// <summary>Drops empty labels and sorts the rest. False where Prometheus drops it: duplicate names, or labels too long.</summary>
    public bool TryComplete(Sample sample)
    {
        var kept = 0;
        var characters = 0;
        for (var i = 0; i < Count; i++)
        {
            var label = Labels[i];
            if (label.ValueLength == 0)
                continue;
            var name = sample.Text(label.NameStart, label.NameLength);
            characters += Characters(name) + Characters(sample.Text(label.ValueStart, label.ValueLength));
            if (characters > MostCharacters || !Utf8.IsValid(name))
                return false;
            var at = kept++;
            for (; at > 0; at--)
            {
                var order = sample.Text(Labels[at - 1].NameStart, Labels[at - 1].NameLength).SequenceCompareTo(name);
                if (order == 0)
                    return false;
                if (order < 0)
                    break;
                Labels[at] = Labels[at - 1];
            }
            Labels[at] = label;
        }
        Count = kept;
        return true;
    }

    /// <summary>All bytes but those that continue a character.</summary>
    private static int Characters(ReadOnlySpan<byte> text)
    {
        var count = 0;
        foreach (var b in text)
            count += (b & 0xc0) != 0x80 ? 1 : 0;
        return count;
    }
}
