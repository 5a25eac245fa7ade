namespace Sidecar.Discovery;

/// <summary>One endpoint to scrape. Two targets with equal URL, labels and times are the same target. It never changes.</summary>
internal sealed class Target : IEquatable<Target>
{
    /// <param name="url">What is asked, query included.</param>
    /// <param name="labels">Final labels (no <c>__</c> names, no empty values), any order.</param>
    /// <param name="discoveredLabels">Labels before relabeling, meta labels included, for people to look at.</param>
    /// <param name="interval">Where relabeling gave it one of its own.</param>
    /// <param name="timeout">Likewise.</param>
    /// <param name="job">The job's name in SIDECAR_JOBS; empty for the only one.</param>
    public Target(
        Uri url, IEnumerable<KeyValuePair<string, string>> labels, IEnumerable<KeyValuePair<string, string>> discoveredLabels,
        TimeSpan? interval = null, TimeSpan? timeout = null, string job = "")
    {
        Interval = interval;
        Timeout = timeout;
        Url = url;
        Job = job;
        Labels = [.. labels.OrderBy(l => l.Key, StringComparer.Ordinal)];
        DiscoveredLabels = [.. discoveredLabels.OrderBy(l => l.Key, StringComparer.Ordinal)];
        Key = $"{url.AbsoluteUri} {{{string.Join(',', Labels.Select(l => $"{l.Key}=\"{l.Value}\""))}}}";
        if (interval is not null || timeout is not null)
            Key += $" {interval}/{timeout}";
        if (job.Length > 0)
            Key += $" {job}";
    }

    public Uri Url { get; }

    /// <summary>Whose target it is; empty for the only job.</summary>
    public string Job { get; }

    public ImmutableArray<KeyValuePair<string, string>> Labels { get; }
    public ImmutableArray<KeyValuePair<string, string>> DiscoveredLabels { get; }

    /// <summary>Null for that of all targets.</summary>
    public TimeSpan? Interval { get; }

    /// <summary>Null for that of all targets.</summary>
    public TimeSpan? Timeout { get; }

    /// <summary>Identity in one string: the URL, the labels, the interval and timeout where they are its own, and the job.</summary>
    public string Key { get; }

    public bool Equals(Target? other) => other is not null && Key == other.Key;

    public override bool Equals(object? obj) => Equals(obj as Target);

    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Key;
}
