namespace Sidecar.Exposition;

/// <summary>What the text parsers carry from one window to the next.</summary>
internal sealed class TextParserState
{
    public readonly LabelNamesCache Names = new();

    /// <summary>Names of the sample before: consecutive lines mostly share them, so they are tried first.</summary>
    public LabelNames Predicted = LabelNames.None;

    /// <summary>Of the last TYPE line, whatever its metric: by it, le and quantile are normalised, as in Prometheus.</summary>
    public MetricType Type;

    /// <summary>le and quantile stay as they stand there.</summary>
    public bool KeepsBounds;

    public long Line;

    /// <summary><c># EOF</c> was read: nothing may follow.</summary>
    public bool IsEnded;

    /// <summary>The body ended without a line break, and the one at the end of the window is not its own.</summary>
    public bool IsCut;

    /// <summary>Where the line before begins in the window; -1 where the next one cannot be compared with it.</summary>
    public int Before = -1;

    /// <summary>Its bytes, the line break left out.</summary>
    public int BeforeLength;

    /// <summary>Of its sample: another one may have been made in its place.</summary>
    public long BeforeOrdinal;

    /// <summary>Of its labels, the first so many may be shared with the next line: none whose value was rewritten.</summary>
    public int Shareable;

    /// <summary>Where the text of each label ends, counted from the start of the line; the name ends behind the brace.</summary>
    public readonly int[] LabelEnds = new int[MostShared];

    /// <summary>A line with more labels is not compared.</summary>
    public const int MostShared = 64;

    private readonly MetricFamily declared = new(1);
    private readonly MetricFamily undeclared = new(2);
    private readonly KnownName[] known = [new(), new(), new(), new()];
    private KnownName last; // one of those
    private int next;       // to be filled

    public TextParserState() => last = known[0];

    /// <summary>Name of the sample before; empty where a metric was declared since, or where the name has to be quoted.</summary>
    public ReadOnlySpan<byte> LastPlainName => last.Plain;

    public void Reset()
    {
        Predicted = LabelNames.None;
        Type = MetricType.Unknown;
        Line = 0;
        IsEnded = IsCut = false;
        Before = -1;
        declared.Begin(default);
        undeclared.Begin(default);
        Forget();
    }

    /// <summary>A line of metadata names this metric; several lines may speak of the same one.</summary>
    public MetricFamily Declare(ReadOnlySpan<byte> name)
    {
        Forget();
        if (!declared.Name.SequenceEqual(name))
            declared.Begin(name);
        return declared;
    }

    /// <summary>Gives the sample its metric: the declared one, or an unknown one where the name does not fit.</summary>
    public void EnterFamily(Sample sample)
    {
        var name = sample.Name;
        foreach (var one in known)
        {
            // A histogram's lines take turns in three names.
            if (one.Is(name))
            {
                last = one;
                sample.Family = one.Family!;
                return;
            }
        }
        sample.Family = declared.Has(name) ? declared : undeclared;
        if (sample.Family == undeclared && !undeclared.Name.SequenceEqual(name))
        {
            undeclared.Begin(name);
            foreach (var one in known)
            {
                if (one.Family == undeclared)
                    one.Clear();
            }
        }
        last = known[next++ % known.Length];
        last.Set(name, sample.Family);
    }

    private void Forget()
    {
        Before = -1;
        foreach (var one in known)
            one.Clear();
    }

    private sealed class KnownName
    {
        private readonly ReusedText name = new();
        private int plainLength;

        /// <summary>With a name; null without.</summary>
        public MetricFamily? Family { get; private set; }

        public ReadOnlySpan<byte> Plain => name.Span[..plainLength];

        public bool Is(ReadOnlySpan<byte> other) => Family is not null && other.SequenceEqual(name.Span);

        public void Clear() => (Family, plainLength) = (null, 0);

        public void Set(ReadOnlySpan<byte> text, MetricFamily family)
        {
            name.Set(text);
            Family = family;
            plainLength = LineCursor.IsLegacyMetric(text) ? text.Length : 0;
        }
    }
}
