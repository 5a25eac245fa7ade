using System.Globalization;

namespace Cluster.Campaigns;

/// <summary>Keeps what arrives, by target, timestamp and series: once is enough, twice must be the same.</summary>
public sealed class Oracle(CampaignTarget[] targets, Verdict verdict)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, string> names = [];
    private readonly SortedDictionary<long, Dictionary<string, ulong>>[] arrived =
        [.. targets.Select(_ => new SortedDictionary<long, Dictionary<string, ulong>>())];

    /// <summary>Bits of values by series, by timestamp.</summary>
    public IReadOnlyDictionary<long, Dictionary<string, ulong>> Of(int target) => arrived[target];

    /// <summary>Of the newest scrape that has arrived; 0 for none.</summary>
    public long NewestTimestamp(int target)
    {
        lock (gate)
            return arrived[target].Keys.LastOrDefault();
    }

    /// <summary>The value of a series of the newest scrape that has arrived; null for none.</summary>
    public double? Newest(int target, string series)
    {
        lock (gate)
        {
            return arrived[target].Count > 0 && arrived[target].Last().Value.TryGetValue(series, out var bits)
                ? BitConverter.UInt64BitsToDouble(bits) : null;
        }
    }

    /// <summary>A sample was accepted by the receiver.</summary>
    public void Keep(string series, long timestamp, double value)
    {
        var bits = BitConverter.DoubleToUInt64Bits(value);
        var target = TargetOf(series);
        if (target < 0)
        {
            verdict.Find("labels", $"no target has {series}");
            return;
        }
        lock (gate)
        {
            verdict.Samples++;
            if (!arrived[target].TryGetValue(timestamp, out var scrape))
                arrived[target].Add(timestamp, scrape = []);
            if (!names.TryGetValue(series, out var name))
                names.Add(series, name = series);
            if (scrape.TryAdd(name, bits))
                return;
            verdict.Duplicates++;
            if (scrape[name] != bits)
            {
                verdict.Find("value", $"{series} at {timestamp} is {BitConverter.UInt64BitsToDouble(scrape[name])} and then {value}"
                    + $" (bits {scrape[name]:x} and {bits:x})");
            }
        }
    }

    private int TargetOf(string series)
    {
        const string Instance = "instance=\"127.0.0.1:";
        var at = series.IndexOf("," + Instance, StringComparison.Ordinal) + 1;
        if (at == 0)
            at = series.IndexOf("{" + Instance, StringComparison.Ordinal) + 1;
        if (at == 0)
            return -1;
        var from = at + Instance.Length;
        var end = series.IndexOf('"', from);
        return int.TryParse(series[from..end], NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? Array.FindIndex(targets, t => t.Port == port) : -1;
    }
}
