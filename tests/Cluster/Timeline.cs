namespace Cluster;

/// <summary>One scrape of one target, as far as it has arrived.</summary>
/// <param name="At">Its timestamp, in milliseconds since 1970.</param>
public sealed class ArrivedScrape(long at)
{
    public long At { get; } = at;

    public int Samples { get; set; }

    /// <summary>Series that end with this scrape.</summary>
    public int Markers { get; set; }

    /// <summary>The value of <c>up</c>, 1 or 0; null while it has not come.</summary>
    public double? Up { get; set; }

    /// <summary>The target is gone: <c>up</c> itself has ended.</summary>
    public bool IsEnd { get; set; }

    /// <summary>When the last of it arrived.</summary>
    public long ArrivedAt { get; set; }
}

/// <summary>What a receiver got in the last minutes: how much each second, and which scrapes of which target.</summary>
public sealed class Timeline(TimeProvider time)
{
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private readonly SortedDictionary<long, int> arrivals = [];
    private readonly SortedDictionary<string, SortedDictionary<long, ArrivedScrape>> targets = new(StringComparer.Ordinal);

    /// <summary>To be given to <see cref="Receiver.Kept"/>.</summary>
    public void Add(string series, long timestamp, double value)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var isMarker = Receiver.IsMarker(value);
        var instance = Instance(series);
        lock (gate)
        {
            arrivals[now / 1000] = arrivals.GetValueOrDefault(now / 1000) + 1;
            if (!targets.TryGetValue(instance, out var scrapes))
                targets.Add(instance, scrapes = []);
            if (!scrapes.TryGetValue(timestamp, out var scrape))
            {
                scrapes.Add(timestamp, scrape = new ArrivedScrape(timestamp));
                Trim(scrapes, now);
            }
            scrape.Samples++;
            scrape.Markers += isMarker ? 1 : 0;
            scrape.ArrivedAt = now;
            if (series.StartsWith("up{", StringComparison.Ordinal))
                (scrape.Up, scrape.IsEnd) = (isMarker ? null : value, isMarker);
        }
    }

    /// <summary>Samples that arrived in each second since then; seconds without any are not there.</summary>
    public List<(long Second, int Samples)> Arrivals(long sinceSecond)
    {
        lock (gate)
            return [.. arrivals.Where(a => a.Key >= sinceSecond).Select(a => (a.Key, a.Value))];
    }

    public List<(string Instance, List<ArrivedScrape> Scrapes)> Scrapes(long since)
    {
        lock (gate)
            return [.. targets.Select(t => (t.Key, t.Value.Values.Where(s => s.At >= since).ToList()))];
    }

    private void Trim(SortedDictionary<long, ArrivedScrape> scrapes, long now)
    {
        var oldest = now - (long)Kept.TotalMilliseconds;
        while (scrapes.First().Key < oldest)
            scrapes.Remove(scrapes.First().Key);
        while (arrivals.Count > 0 && arrivals.First().Key < oldest / 1000)
            arrivals.Remove(arrivals.First().Key);
    }

    private static string Instance(string series)
    {
        const string Label = "instance=\"";
        var start = series.IndexOf(Label, StringComparison.Ordinal);
        if (start < 0)
            return "";
        start += Label.Length;
        return series[start..series.IndexOf('"', start)];
    }
}
