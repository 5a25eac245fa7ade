using System.Runtime.CompilerServices;

namespace Sidecar.Relabeling;

/// <summary>The labels that rules read and change. Reused; names and values point into the caller's buffers or its own.</summary>
/// <remarks>
/// Its order is that of Prometheus's labels.Builder: what it was filled with first, then what rules set, in the order in which they did.
/// That is seen only where labelmap gives two labels the same name: the last one wins.
/// </remarks>
internal sealed class LabelSet
{
    private Label[] labels = new Label[32];
    private Label[] snapshot = [];
    private int[] order = new int[32];
    private byte[] buffer = new byte[1024];
    private int used;
    private int filled; // labels that no rule has set

    public int Count { get; private set; }

    /// <summary>A rule, or somebody else, has changed a label since it was filled.</summary>
    public bool IsChanged { get; private set; }

    /// <summary>A rule has given a label no name at all: there is none such, and Prometheus fails the scrape.</summary>
    public bool HasNameless { get; set; }

    public Text Name(int index) => labels[index].Name;

    public Text Value(int index) => labels[index].Value;

    public void Clear()
    {
        Count = filled = used = 0;
        IsChanged = HasNameless = false;
    }

    /// <summary>Fills in a label, of a name that is not there yet and a value that is not empty.</summary>
    public void Fill(Text name, Text value)
    {
        Append(name, value);
        filled = Count;
    }

    /// <summary>Adds a label, of a name that is not there yet: where rules have their place, but not as a change.</summary>
    public void Add(Text name, Text value) => Append(name, value);

    /// <summary>The value; empty for a label that is not there.</summary>
    public Text Get(ReadOnlySpan<byte> name)
    {
        var index = IndexOf(name);
        return index < 0 ? default : labels[index].Value;
    }

    public int IndexOf(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < Count; i++)
        {
            if (labels[i].Name.Length == name.Length && labels[i].Name.Span.SequenceEqual(name))
                return i;
        }
        return -1;
    }

    public void Set(Text name, Text value)
    {
        var index = IndexOf(name.Span);
        if (value.Length == 0)
        {
            if (index >= 0)
                RemoveAt(index);
            return;
        }
        IsChanged |= index < 0 || !labels[index].Value.Span.SequenceEqual(value.Span);
        if (index >= filled)
        {
            labels[index].Value = value;
            return;
        }
        if (index >= 0)
            Take(index);
        Append(name, value);
    }

    public void RemoveAt(int index)
    {
        IsChanged = true;
        Take(index);
    }

    /// <summary>The labels as they are now, good until the next call.</summary>
    public ReadOnlySpan<Label> Snapshot()
    {
        if (snapshot.Length < Count)
            snapshot = new Label[labels.Length];
        labels.AsSpan(0, Count).CopyTo(snapshot);
        return snapshot.AsSpan(0, Count);
    }

    /// <summary>Indices of the labels in the bytewise order of their names, good until the next call.</summary>
    public ReadOnlySpan<int> SortedByName()
    {
        if (order.Length < Count)
            order = new int[labels.Length];
        for (var i = 0; i < Count; i++)
        {
            var at = i;
            for (; at > 0 && Name(order[at - 1]).Span.SequenceCompareTo(Name(i).Span) > 0; at--)
                order[at] = order[at - 1];
            order[at] = i;
        }
        return order.AsSpan(0, Count);
    }

    /// <summary>Room for a text of that length, good until the set is cleared.</summary>
    public Text Reserve(int length, out Span<byte> to)
    {
        if (buffer.Length - used < length)
        {
            // What points into the old one goes on doing so.
            buffer = new byte[Math.Max(length, buffer.Length * 2)];
            used = 0;
        }
        var text = new Text(buffer, used, length);
        to = buffer.AsSpan(used, length);
        used += length;
        return text;
    }

    public Text Copy(ReadOnlySpan<byte> bytes)
    {
        var text = Reserve(bytes.Length, out var to);
        bytes.CopyTo(to);
        return text;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Append(Text name, Text value)
    {
        if (Count == labels.Length)
            Array.Resize(ref labels, Count * 2);
        ref var label = ref labels[Count++];
        label.Name = name;
        label.Value = value;
    }

    private void Take(int index)
    {
        Count--;
        if (index < filled)
            filled--;
        labels.AsSpan(index + 1, Count - index).CopyTo(labels.AsSpan(index));
    }
}

/// <summary>A name and its value.</summary>
internal struct Label
{
    public Text Name;
    public Text Value;
}
