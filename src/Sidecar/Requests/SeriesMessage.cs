using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>
/// What follows the labels of a series where it is more than a plain sample. 1.0: <c>Sample samples = 2; Exemplar exemplars = 3; Histogram
/// histograms = 4;</c>, 2.0: <c>Sample samples = 2; Histogram histograms = 3; Exemplar exemplars = 4; Metadata metadata = 5;</c>, in which
/// all strings are references to the symbols of the request (specification 2.0, section "Protobuf Message").
/// </summary>
internal sealed class SeriesMessage
{
    private readonly WireBuffer series = new();
    private readonly WireBuffer metadata = new(); // of the family
    private int family = int.MinValue; // MetricFamily.Ordinal

    /// <summary>Of the request that is being made in 2.0.</summary>
    public SymbolTable Symbols { get; } = new();

    public void Clear()
    {
        Symbols.Clear();
        series.Shrink(64 * 1024);
        family = int.MinValue;
    }

    /// <summary>All but the metadata.</summary>
    public ReadOnlySpan<byte> WriteRest(WriteVersion version, Sample sample, long timestamp)
    {
        const int Samples = 2;
        series.Clear();
        var isFirst = version == WriteVersion.One;
        var startTimestamp = isFirst ? 0 : sample.StartTimestamp;
        if (sample.HasHistogram)
            HistogramMessage.Write(series, isFirst ? 4 : 3, sample.Histogram!, timestamp, startTimestamp);
        else
            WriteSample(Samples, sample.Value, timestamp, startTimestamp);
        foreach (var exemplar in sample.Exemplars.AsSpan(0, sample.ExemplarCount))
        {
            var message = series.Begin(isFirst ? 3 : 4);
            if (isFirst)
                WriteLabels(sample, exemplar);
            else
                WriteReferences(sample, exemplar);
            // Without a time of its own it has its sample's, as in Prometheus.
            series.WriteDouble(2, exemplar.Value);
            series.WriteVarint(3, exemplar.HasTimestamp ? exemplar.Timestamp : timestamp);
            series.End(message);
        }
        return series.Written;
    }

    private void WriteLabels(Sample sample, Exemplar exemplar)
    {
        const int Labels = 1, Name = 1, Value = 2;
        foreach (var label in exemplar.Labels.AsSpan(0, exemplar.Count))
        {
            var message = series.Begin(Labels);
            series.WriteBytes(Name, sample.Text(label.NameStart, label.NameLength));
            series.WriteBytes(Value, sample.Text(label.ValueStart, label.ValueLength));
            series.End(message);
        }
    }

    private void WriteReferences(Sample sample, Exemplar exemplar)
    {
        const int LabelsRefs = 1;
        var packed = series.Begin(LabelsRefs);
        foreach (var label in exemplar.Labels.AsSpan(0, exemplar.Count))
        {
            series.WriteRaw(Symbols.Add(sample.Text(label.NameStart, label.NameLength)));
            series.WriteRaw(Symbols.Add(sample.Text(label.ValueStart, label.ValueLength)));
        }
        series.End(packed);
    }

    /// <summary><c>Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }</c>, the last in 2.0 alone.</summary>
    private void WriteSample(int field, double value, long timestamp, long startTimestamp)
    {
        var message = series.Begin(field);
        series.WriteDouble(1, value);
        series.WriteVarint(2, timestamp);
        series.WriteVarint(3, startTimestamp);
        series.End(message);
    }

    /// <summary>2.0: <c>Metadata { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }</c>; empty for none.</summary>
    public ReadOnlySpan<byte> Metadata(MetricFamily of)
    {
        const int Field = 5;
        if (of.Ordinal == family)
            return metadata.Written;
        family = of.Ordinal;
        metadata.Clear();
        var (help, unit) = (Symbols.Add(of.Help), Symbols.Add(of.Unit));
        if (of.Type == MetricType.Unknown && help == 0 && unit == 0)
            return [];
        var message = metadata.Begin(Field);
        metadata.WriteVarint(1, (int)of.Type);
        metadata.WriteVarint(3, help);
        metadata.WriteVarint(4, unit);
        metadata.End(message);
        return metadata.Written;
    }
}
