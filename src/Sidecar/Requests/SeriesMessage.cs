using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>
/// What a series has beside the labels and the plain sample of 1.0; and the whole series of 2.0:
/// <c>TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3; repeated Exemplar
/// exemplars = 4; Metadata metadata = 5; }</c>, in which all strings are references to the symbols of the request (specification 2.0,
/// section "Protobuf Message").
/// </summary>
internal sealed class SeriesMessage
{
    /// <summary>WriteRequest.timeseries of 1.0.</summary>
    public const byte FirstTag = 1 << 3 | 2;

    /// <summary>Request.timeseries of 2.0; its field 4 is the symbols.</summary>
    public const byte SecondTag = 5 << 3 | 2;

    private readonly WireBuffer series = new();
    private int family = int.MinValue; // MetricFamily.Ordinal of the references below
    private uint help;
    private uint unit;

    /// <summary>Of the request that is being made in 2.0.</summary>
    public SymbolTable Symbols { get; } = new();

    /// <summary>For another request.</summary>
    public void Clear()
    {
        Symbols.Clear();
        series.Shrink(64 * 1024);
        family = int.MinValue;
    }

    /// <summary>1.0: what follows the labels.</summary>
    public ReadOnlySpan<byte> WriteRest(Sample sample, long timestamp)
    {
        const int Samples = 2, Exemplars = 3, Histograms = 4;
        series.Clear();
        if (sample.HasHistogram)
            HistogramMessage.Write(series, Histograms, sample.Histogram!, timestamp, startTimestamp: 0);
        else
            WriteSample(Samples, sample.Value, timestamp, startTimestamp: 0);
        foreach (var exemplar in sample.Exemplars.AsSpan(0, sample.ExemplarCount))
        {
            const int LabelsOfExemplar = 1, Name = 1, Value = 2;
            var message = series.Begin(Exemplars);
            foreach (var label in exemplar.Labels.AsSpan(0, exemplar.Count))
            {
                var inner = series.Begin(LabelsOfExemplar);
                series.WriteBytes(Name, sample.Text(label.NameStart, label.NameLength));
                series.WriteBytes(Value, sample.Text(label.ValueStart, label.ValueLength));
                series.End(inner);
            }
            EndExemplar(message, exemplar, timestamp);
        }
        return series.Written;
    }

    /// <summary>2.0: the whole series of a sample.</summary>
    /// <param name="labels">Label messages of 1.0, each with tag and length.</param>
    public ReadOnlySpan<byte> Write(ReadOnlySpan<byte> labels, Sample sample, long timestamp)
    {
        const int Exemplars = 4;
        BeginSeries(labels);
        if (sample.HasHistogram)
            HistogramMessage.Write(series, HistogramsOfSecond, sample.Histogram!, timestamp, sample.StartTimestamp);
        else
            WriteSample(SamplesOfSecond, sample.Value, timestamp, sample.StartTimestamp);
        foreach (var exemplar in sample.Exemplars.AsSpan(0, sample.ExemplarCount))
        {
            const int LabelsRefs = 1;
            var message = series.Begin(Exemplars);
            var packed = series.Begin(LabelsRefs);
            foreach (var label in exemplar.Labels.AsSpan(0, exemplar.Count))
            {
                series.WriteRaw(Symbols.Add(sample.Text(label.NameStart, label.NameLength)));
                series.WriteRaw(Symbols.Add(sample.Text(label.ValueStart, label.ValueLength)));
            }
            series.End(packed);
            EndExemplar(message, exemplar, timestamp);
        }
        WriteMetadata(sample.Family);
        return series.Written;
    }

    /// <inheritdoc cref="Write(ReadOnlySpan{byte}, Sample, long)"/>
    public ReadOnlySpan<byte> Write(ReadOnlySpan<byte> labels, double value, long timestamp)
    {
        BeginSeries(labels);
        WriteSample(SamplesOfSecond, value, timestamp, startTimestamp: 0);
        return series.Written;
    }

    private const int SamplesOfSecond = 2;
    private const int HistogramsOfSecond = 3;

    private void BeginSeries(ReadOnlySpan<byte> labels)
    {
        const int LabelsRefs = 1;
        series.Clear();
        var packed = series.Begin(LabelsRefs);
        while (!labels.IsEmpty)
        {
            var size = ProtobufFields.ReadVarint(labels[1..], out var length);
            var (name, value) = Symbols.Label(labels.Slice(1 + size, (int)length));
            series.WriteRaw(name);
            series.WriteRaw(value);
            labels = labels[(1 + size + (int)length)..];
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

    /// <summary>Field 1 is the labels; without a time of its own an exemplar has its sample's, as in Prometheus.</summary>
    private void EndExemplar(int message, Exemplar exemplar, long timestamp)
    {
        series.WriteDouble(2, exemplar.Value);
        series.WriteVarint(3, exemplar.HasTimestamp ? exemplar.Timestamp : timestamp);
        series.End(message);
    }

    /// <summary><c>Metadata { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }</c>.</summary>
    private void WriteMetadata(MetricFamily of)
    {
        const int Metadata = 5;
        if (of.Ordinal != family)
        {
            family = of.Ordinal;
            help = Symbols.Add(of.Help);
            unit = Symbols.Add(of.Unit);
        }
        if (of.Type == MetricType.Unknown && help == 0 && unit == 0)
            return;
        var message = series.Begin(Metadata);
        series.WriteVarint(1, (int)of.Type);
        series.WriteVarint(3, help);
        series.WriteVarint(4, unit);
        series.End(message);
    }
}
