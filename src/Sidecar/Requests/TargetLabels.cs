namespace Sidecar.Requests;

/// <summary>
/// The labels that every series of one target gets, in UTF-8 and ready encoded: the target's own, which win over scraped ones (or lose to
/// them with honor_labels), and the external ones, which only fill what is absent. Shared by all scrapes of the target: they never change.
/// </summary>
internal sealed class TargetLabels
{
    private readonly ImmutableArray<FixedLabel> labels;

    public TargetLabels(
        ImmutableArray<KeyValuePair<string, string>> target,
        ImmutableArray<KeyValuePair<string, string>> external,
        bool honorLabels,
        SeriesRules? rules = null)
    {
        Rules = rules;
        TargetCount = target.Length;
        External = external;
        HonorLabels = honorLabels;
        var all = target.AddRange(external.Where(l => l.Value.Length > 0));
        labels = [.. all.Select(l => new FixedLabel(Encoding.UTF8.GetBytes(l.Key), Encoding.UTF8.GetBytes(l.Value)))];
        Shape = $"{(honorLabels ? 'h' : '-')}{target.Length}\0{string.Join('\0', all.Select(l => l.Key))}";
    }

    /// <summary>Labels of the target come first, then the external ones.</summary>
    public int Count => labels.Length;

    public int TargetCount { get; }
    public bool HonorLabels { get; }
    public ImmutableArray<KeyValuePair<string, string>> External { get; }

    /// <summary>Equal where everything but the values is: plans are shared between such targets.</summary>
    public string Shape { get; }

    /// <summary>How the series are relabeled; null where they stay as they are.</summary>
    public SeriesRules? Rules { get; }

    public ImmutableArray<byte> Name(int index) => labels[index].Name;

    public ImmutableArray<byte> Value(int index) => labels[index].Value;

    public FixedLabel Label(int index) => labels[index];
}
