namespace Sidecar.Exposition;

/// <summary><c># TYPE</c>, <c># HELP</c>, <c># UNIT</c> of the current metric. Reused; <see cref="Ordinal"/> tells metrics apart.</summary>
internal sealed class MetricFamily
{
    private readonly ReusedText name = new();
    private readonly ReusedText help = new();
    private readonly ReusedText unit = new();

    /// <param name="lane">Ordinals of families that alternate in one sample must differ: each of three lanes has its own.</param>
    public MetricFamily(int lane = 1) => Ordinal = lane;

    /// <summary>Another one for each metric of a body, so that what was derived from a metric can be kept while it lasts.</summary>
    public int Ordinal { get; private set; }

    public MetricType Type { get; set; }

    /// <summary>The metric's name as its TYPE line has it: without <c>_bucket</c>, <c>_total</c> and the like.</summary>
    public ReadOnlySpan<byte> Name => name.Span;

    public ReadOnlySpan<byte> Help => help.Span;
    public ReadOnlySpan<byte> Unit => unit.Span;

    public void Begin(ReadOnlySpan<byte> metricName)
    {
        Ordinal += 3;
        Type = MetricType.Unknown;
        name.Set(metricName);
        help.Set(default);
        unit.Set(default);
    }

    /// <summary>Begins another metric, of which all is known that is known of this one.</summary>
    public void CopyFrom(MetricFamily other)
    {
        Begin(other.Name);
        SetHelp(other.Help);
        SetUnit(other.Unit);
        Type = other.Type;
    }

    public void SetHelp(ReadOnlySpan<byte> text) => help.Set(text);

    public void SetUnit(ReadOnlySpan<byte> text) => unit.Set(text);

    /// <summary>Whether the sample's name is the metric's, or has a suffix of its type (Prometheus's isSeriesPartOfFamily).</summary>
    public bool Has(ReadOnlySpan<byte> sampleName)
    {
        var own = Name;
        switch (Type)
        {
            case MetricType.Counter:
                return Cut(sampleName, "_total"u8).SequenceEqual(Cut(own, "_total"u8)) && sampleName.StartsWith(own);
            case MetricType.Info:
                return Cut(sampleName, "_info"u8).SequenceEqual(Cut(own, "_info"u8)) && sampleName.StartsWith(own);
        }
        if (!sampleName.StartsWith(own))
            return false;
        var suffix = sampleName[own.Length..];
        return suffix.IsEmpty || Type switch
        {
            MetricType.Histogram => suffix.SequenceEqual("_bucket"u8) || suffix.SequenceEqual("_sum"u8) || suffix.SequenceEqual("_count"u8),
            MetricType.GaugeHistogram =>
                suffix.SequenceEqual("_bucket"u8) || suffix.SequenceEqual("_gsum"u8) || suffix.SequenceEqual("_gcount"u8),
            MetricType.Summary => suffix.SequenceEqual("_sum"u8) || suffix.SequenceEqual("_count"u8),
            _ => false,
        };
    }

    /// <summary>Whether a unit may be that of a metric with this name; true as well for no unit.</summary>
    public static bool IsUnitOf(ReadOnlySpan<byte> name, ReadOnlySpan<byte> unit) =>
        unit.IsEmpty || (name.Length > unit.Length && name.EndsWith(unit) && name[^(unit.Length + 1)] == (byte)'_');

    private static ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> name, ReadOnlySpan<byte> suffix) =>
        name.EndsWith(suffix) ? name[..^suffix.Length] : name;
}
