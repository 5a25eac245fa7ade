using System.IO.Hashing;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary>What one metric costs.</summary>
internal sealed class MetricCost(byte[] name)
{
    private readonly List<LabelCost> labels = [];

    public byte[] Utf8Name { get; } = name;
    public string Name { get; } = Encoding.UTF8.GetString(name);
    public long Series { get; set; }
    public double Bytes { get; set; }
    public long BytesInRequest { get; set; }

    /// <summary>Its labels are counted.</summary>
    public bool IsShown { get; set; }

    /// <summary>The label with the most values first. Those with one value only, like job, are left out.</summary>
    public List<LabelCost> Labels
    {
        get
        {
            var several = labels.FindAll(static l => l.Values > 1);
            several.Sort(static (one, other) => one.Values != other.Values ? other.Values.CompareTo(one.Values)
                : string.CompareOrdinal(one.Name, other.Name));
            return several;
        }
    }

    /// <summary>The bucket boundaries of a classic histogram, as they are sent; none of any other metric.</summary>
    public List<string> Boundaries =>
        Name.EndsWith("_bucket", StringComparison.Ordinal) ? labels.Find(static l => l.Name == "le")?.Texts ?? [] : [];

    public void Count(SeriesLabels series)
    {
        for (var i = 0; i < series.Count; i++)
        {
            var name = series.Name(i);
            if (name.SequenceEqual("__name__"u8))
                continue;
            LabelCost? label = null;
            foreach (var one in labels)
            {
                if (name.SequenceEqual(one.Utf8Name))
                    label = one;
            }
            if (label is null)
                labels.Add(label = new LabelCost(name.ToArray()));
            label.Add(series.Value(i));
        }
    }
}

/// <summary>The values of one label within one metric. They are kept as hashes, and no more than a bound.</summary>
internal sealed class LabelCost(byte[] name)
{
    /// <summary>More values of one label are not told apart.</summary>
    public const int MostValues = 50_000;

    private readonly HashSet<ulong> values = [];
    private ulong last;

    public byte[] Utf8Name { get; } = name;
    public string Name { get; } = Encoding.UTF8.GetString(name);
    public int Values => values.Count;

    /// <summary>There are more, which were not counted.</summary>
    public bool IsCut => values.Count == MostValues;

    /// <summary>The values themselves, of the label le only.</summary>
    public List<string> Texts { get; } = [];

    public void Add(ReadOnlySpan<byte> value)
    {
        var hash = XxHash3.HashToUInt64(value);
        if (hash == last || IsCut)
            return;
        last = hash;
        if (values.Add(hash) && Utf8Name.AsSpan().SequenceEqual("le"u8) && Texts.Count < 200)
            Texts.Add(Encoding.UTF8.GetString(value));
    }
}
