namespace Sidecar.Exposition;

/// <summary>What the text parsers carry from one window to the next.</summary>
internal sealed class TextParserState
{
    public readonly LabelNamesCache Names = new();

    /// <summary>Names of the sample before: consecutive lines mostly share them, so they are tried first.</summary>
    public LabelNames Predicted = LabelNames.None;

    /// <summary>Of the last TYPE line, whatever its metric: by it, le and quantile are normalised, as in Prometheus.</summary>
    public MetricType Type;

    /// <summary>Lines completed so far.</summary>
    public long Line;

    /// <summary><c># EOF</c> was read: nothing may follow.</summary>
    public bool IsEnded;

    /// <summary>The body ended without a line break, and the one at the end of the window is not its own.</summary>
    public bool IsCut;

    private readonly MetricFamily declared = new(1);
    private readonly MetricFamily undeclared = new(2);
    private byte[] lastName = new byte[256];
    private int lastNameLength;
    private int lastPlainLength;

    /// <summary>Name of the sample before; empty where a metric was declared since, or where the name has to be quoted.</summary>
    public ReadOnlySpan<byte> LastPlainName => lastName.AsSpan(0, lastPlainLength);

    public void Reset()
    {
        Predicted = LabelNames.None;
        Type = MetricType.Unknown;
        Line = 0;
        IsEnded = IsCut = false;
        declared.Begin(default);
        undeclared.Begin(default);
        lastNameLength = lastPlainLength = 0;
    }

    /// <summary>A line of metadata names this metric; several lines may speak of the same one.</summary>
    public MetricFamily Declare(ReadOnlySpan<byte> name)
    {
        lastNameLength = lastPlainLength = 0;
        if (!declared.Name.SequenceEqual(name))
            declared.Begin(name);
        return declared;
    }

    /// <summary>
    /// Gives the sample its metric: the declared one, or, where its name does not belong to that, one of which nothing is known.
    /// </summary>
    public void EnterFamily(Sample sample)
    {
        var name = sample.Name;
        if (name.SequenceEqual(lastName.AsSpan(0, lastNameLength)))
            return;
        if (name.Length > lastName.Length)
            lastName = new byte[name.Length];
        name.CopyTo(lastName);
        lastNameLength = name.Length;
        lastPlainLength = LineCursor.IsLegacyMetric(name) ? name.Length : 0;
        sample.Family = declared.Has(name) ? declared : undeclared;
        if (sample.Family == undeclared && !undeclared.Name.SequenceEqual(name))
            undeclared.Begin(name);
    }
}
