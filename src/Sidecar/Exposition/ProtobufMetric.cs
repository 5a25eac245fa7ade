using System.Text.Unicode;

namespace Sidecar.Exposition;

/// <summary>One <c>Metric</c> of a family and its samples: one, or <c>_count</c>, <c>_sum</c> and each bucket or quantile.</summary>
internal sealed class ProtobufMetric(Sample sample, MetricFamily family, LabelNamesCache names)
{
    // MetricType of the client model.
    private const int Counter = 0;
    private const int Gauge = 1;
    private const int Summary = 2;
    private const int Untyped = 3;
    private const int Histogram = 4;
    private const int GaugeHistogram = 5;

    // The label names of parts, and then the metric's name with each suffix, stand in the scratch behind what each sample uses there.
    private const int BucketLabelAt = Sample.ScratchOfSample;
    private const int QuantileLabelAt = BucketLabelAt + 2;
    private const int NameAt = QuantileLabelAt + 8;

    private readonly ProtobufHistogram histogram = new();
    private byte[] bytes = [];
    private bool readsNative;
    private bool keepsBounds; // as the target's text format has them
    private bool readsClassicToo;
    private Step step;
    private int valueStart;    // of the value's message
    private int valueEnd;
    private int partAt;        // where the next bucket or quantile is looked for
    private bool sawInfinity;
    private double count;
    private double sum;
    private long created;
    private long timestamp;    // 0 for none
    private int labels;        // the metric's own, its name included
    private ulong emptyLabels;
    private LabelNames ownNames = LabelNames.None;
    private LabelNames partNames = LabelNames.None;

    private enum Step
    {
        None,
        Single,
        Native,
        Count,
        Sum,
        Parts,
    }

    public string? Error { get; private set; }
    public ulong TypeNumber { get; private set; }
    public bool IsKnownType => TypeNumber <= GaugeHistogram;
    private bool IsHistogram => TypeNumber is Histogram or GaugeHistogram;

    public void Reset(bool native, BodyReading reading)
    {
        readsNative = native;
        keepsBounds = (reading & BodyReading.BoundsAsScraped) != 0;
        readsClassicToo = (reading & BodyReading.ClassicToo) != 0;
        step = Step.None;
        Error = null;
    }

    public void BeginFamily(ulong type)
    {
        TypeNumber = type;
        family.Type = type switch
        {
            Counter => MetricType.Counter,
            Gauge => MetricType.Gauge,
            Summary => MetricType.Summary,
            Histogram => MetricType.Histogram,
            GaugeHistogram => MetricType.GaugeHistogram,
            _ => MetricType.Unknown,
        };
        var name = family.Name;
        var size = NameAt + 3 * name.Length + "_bucket_count_sum"u8.Length;
        if (sample.Scratch.Length < size)
            Array.Resize(ref sample.Scratch, Math.Max(size, 512));
        var to = sample.Scratch.AsSpan(BucketLabelAt);
        Write("lequantile"u8, ref to);
        Write(name, ref to);
        Write("_bucket"u8, ref to);
        Write(name, ref to);
        Write("_count"u8, ref to);
        Write(name, ref to);
        Write("_sum"u8, ref to);
    }

    /// <summary>Begins the metric whose message stands there; its samples follow.</summary>
    public void Begin(byte[] window, int start, int end)
    {
        bytes = window;
        valueStart = valueEnd = start;
        timestamp = created = 0;
        sample.Begin(~NameAt, family.Name.Length);
        var fields = new ProtobufFields(bytes, start, end);
        while (Error is null && fields.Next())
        {
            switch (fields.Tag)
            {
                case 1 << 3 | ProtobufFields.Bytes:
                    AddLabel(fields.Start, fields.End);
                    break;
                case 6 << 3 | ProtobufFields.Varint:
                    timestamp = (long)fields.Value;
                    break;
                case >= (2 << 3) and < (6 << 3) or >= (7 << 3) and < (8 << 3) when (fields.Tag & 7) == ProtobufFields.Bytes:
                    // A value of another type than the family's counts for nothing.
                    if (fields.Number == ValueNumber)
                        (valueStart, valueEnd) = (fields.Start, fields.End);
                    break;
                default:
                    fields.PassOver(known: 0b1111_1110);
                    break;
            }
        }
        if (fields.IsBroken)
            Error ??= "it is damaged";
        if (Error is not null)
            return;
        labels = sample.Count;
        emptyLabels = sample.EmptyValues;
        if (!ownNames.Match(sample))
            ownNames = names.Get(sample);
        step = IsHistogram ? BeginHistogram() : TypeNumber == Summary ? BeginSummary() : Step.Single;
    }

    /// <summary>The next sample of the metric; false at its end, or with an error.</summary>
    public bool Next()
    {
        switch (Error is null ? step : Step.None)
        {
            case Step.Single:
                step = Step.None;
                BeginSample(NameAt, family.Name.Length);
                ReadSingle();
                return Error is null;
            case Step.Native:
                step = readsClassicToo && histogram.HasBuckets ? Step.Count : Step.None;
                BeginSample(NameAt, family.Name.Length);
                ReadNative();
                return Error is null;
            case Step.Count:
                step = Step.Sum;
                BeginSample(NameAt + family.Name.Length + "_bucket"u8.Length, family.Name.Length + "_count"u8.Length);
                sample.Value = count;
                return true;
            case Step.Sum:
                step = Step.Parts;
                partAt = valueStart;
                sawInfinity = false;
                BeginSample(NameAt + 2 * family.Name.Length + "_bucket_count"u8.Length, family.Name.Length + "_sum"u8.Length);
                sample.Value = sum;
                return true;
            case Step.Parts:
                return IsHistogram ? NextBucket() : NextQuantile();
            default:
                return false;
        }
    }

    private int ValueNumber => (int)TypeNumber switch
    {
        Counter => 3,
        Gauge => 2,
        Summary => 4,
        Untyped => 5,
        _ => 7,
    };

    private void BeginSample(int nameAt, int nameLength)
    {
        sample.BeginAgain(~nameAt, nameLength, labels, emptyLabels);
        sample.Names = ownNames;
        sample.HasTimestamp = timestamp != 0;
        sample.Timestamp = timestamp;
        sample.StartTimestamp = created;
    }

    /// <summary><c>Counter { double value = 1; Exemplar exemplar = 2; Timestamp created_timestamp = 3; }</c>, or a value alone.</summary>
    private void ReadSingle()
    {
        sample.Value = 0;
        var fields = new ProtobufFields(bytes, valueStart, valueEnd);
        while (Error is null && fields.Next())
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Fixed64))
                sample.Value = FloatText.Canonical(fields.Double);
            else if (fields.Tag == (2 << 3 | ProtobufFields.Bytes) && TypeNumber == Counter)
                AddExemplar(fields.Start, fields.End, needsTimestamp: false);
            else if (fields.Tag == (3 << 3 | ProtobufFields.Bytes) && TypeNumber == Counter)
                ReadCreated(fields.Start, fields.End);
            else
                fields.PassOver(known: TypeNumber == Counter ? 0b1110u : 0b10u);
        }
        if (fields.IsBroken)
            Error ??= "its value is damaged";
        sample.StartTimestamp = created;
    }

    private Step BeginHistogram()
    {
        if (!histogram.TryRead(bytes, valueStart, valueEnd))
        {
            Error = "its histogram is damaged";
            return Step.None;
        }
        (count, sum, created) = (histogram.Count, FloatText.Canonical(histogram.Native.Sum), histogram.Created);
        return readsNative && histogram.IsNative ? Step.Native : Step.Count;
    }

    /// <summary>
    /// <c>Summary { uint64 sample_count = 1; double sample_sum = 2; repeated Quantile quantile = 3; Timestamp created_timestamp = 4; }</c>.
    /// </summary>
    private Step BeginSummary()
    {
        (count, sum) = (0, 0);
        var fields = new ProtobufFields(bytes, valueStart, valueEnd);
        while (Error is null && fields.Next())
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Varint))
                count = fields.Value;
            else if (fields.Tag == (2 << 3 | ProtobufFields.Fixed64))
                sum = FloatText.Canonical(fields.Double);
            else if (fields.Tag == (4 << 3 | ProtobufFields.Bytes))
                ReadCreated(fields.Start, fields.End);
            else if (fields.Tag != (3 << 3 | ProtobufFields.Bytes))
                fields.PassOver(known: 0b11110);
        }
        if (fields.IsBroken)
            Error ??= "its summary is damaged";
        return Step.Count;
    }

    private void ReadNative()
    {
        Error = histogram.Native.WhyInvalid();
        if (Error is null)
            histogram.Native.Reduce();
        histogram.Native.IsGauge = TypeNumber == GaugeHistogram;
        sample.HasHistogram = true;
        sample.Histogram = histogram.Native;
        sample.Value = 0;
        // Its own exemplars, or, where it has none, those of its classic buckets; without a timestamp they count for nothing.
        var fields = new ProtobufFields(bytes, valueStart, valueEnd);
        while (Error is null && fields.Next())
        {
            if (fields.Tag == ProtobufHistogram.ExemplarField)
                AddExemplar(fields.Start, fields.End, needsTimestamp: true);
            else if (fields.Tag == ProtobufHistogram.BucketField && !histogram.HasExemplars)
                ReadBucket(fields.Start, fields.End, needsTimestamp: true, out _);
        }
        sample.SortExemplars();
    }

    private bool NextBucket()
    {
        var fields = new ProtobufFields(bytes, partAt, valueEnd);
        while (!sawInfinity && fields.Next())
        {
            if (fields.Tag != ProtobufHistogram.BucketField)
                continue;
            partAt = fields.End;
            BeginSample(NameAt, family.Name.Length + "_bucket"u8.Length);
            var value = ReadBucket(fields.Start, fields.End, needsTimestamp: false, out var upperBound);
            sawInfinity = double.IsPositiveInfinity(upperBound);
            return EndPart(BucketLabelAt, 2, upperBound, value);
        }
        step = Step.None;
        if (sawInfinity)
            return false;
        // Without an infinite bucket, the count of all stands for it.
        BeginSample(NameAt, family.Name.Length + "_bucket"u8.Length);
        return EndPart(BucketLabelAt, 2, double.PositiveInfinity, count);
    }

    /// <summary>
    /// <c>Bucket { uint64 cumulative_count = 1; double upper_bound = 2; Exemplar exemplar = 3; double cumulative_count_float = 4; }</c>.
    /// </summary>
    private double ReadBucket(int start, int end, bool needsTimestamp, out double upperBound)
    {
        upperBound = 0;
        double value = 0;
        double floatValue = 0;
        var fields = new ProtobufFields(bytes, start, end);
        while (Error is null && fields.Next())
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Varint))
                value = fields.Value;
            else if (fields.Tag == (2 << 3 | ProtobufFields.Fixed64))
                upperBound = fields.Double;
            else if (fields.Tag == (3 << 3 | ProtobufFields.Bytes))
                AddExemplar(fields.Start, fields.End, needsTimestamp);
            else if (fields.Tag == (4 << 3 | ProtobufFields.Fixed64))
                floatValue = FloatText.Canonical(fields.Double);
            else
                fields.PassOver(known: 0b11110);
        }
        if (fields.IsBroken)
            Error ??= "a bucket is damaged";
        return floatValue != 0 ? floatValue : value;
    }

    /// <summary><c>Quantile { double quantile = 1; double value = 2; }</c>.</summary>
    private bool NextQuantile()
    {
        var fields = new ProtobufFields(bytes, partAt, valueEnd);
        while (fields.Next())
        {
            if (fields.Tag != (3 << 3 | ProtobufFields.Bytes))
                continue;
            partAt = fields.End;
            double quantile = 0;
            double value = 0;
            var parts = new ProtobufFields(bytes, fields.Start, fields.End);
            while (parts.Next())
            {
                if (parts.Tag == (1 << 3 | ProtobufFields.Fixed64))
                    quantile = parts.Double;
                else if (parts.Tag == (2 << 3 | ProtobufFields.Fixed64))
                    value = FloatText.Canonical(parts.Double);
                else
                    parts.PassOver(known: 0b110);
            }
            if (parts.IsBroken)
                Error = "a quantile is damaged";
            BeginSample(NameAt, family.Name.Length);
            return EndPart(QuantileLabelAt, 8, quantile, value);
        }
        step = Step.None;
        return false;
    }

    /// <summary>Adds the label that tells the part.</summary>
    private bool EndPart(int nameAt, int nameLength, double bound, double value)
    {
        if (Error is not null)
            return false;
        Span<byte> text = stackalloc byte[32];
        var length = keepsBounds ? FloatText.FormatAsText(bound, text) : FloatText.Format(bound, text);
        sample.Add(~nameAt, nameLength, 0, length);
        sample.Rewrite(sample.Count - 1, text[..length]);
        if (!partNames.Match(sample))
            partNames = names.Get(sample);
        sample.Names = partNames;
        sample.Value = value;
        return true;
    }

    /// <summary><c>LabelPair { string name = 1; string value = 2; }</c>.</summary>
    private void AddLabel(int start, int end)
    {
        if (!ProtobufLabels.TryReadLabel(bytes, start, end, out var label))
            Error = "a label is damaged";
        else if (label.NameLength == 0)
            Error = "a label has no name";
        else if (!Utf8.IsValid(bytes.AsSpan(label.NameStart, label.NameLength))
            || !Utf8.IsValid(bytes.AsSpan(label.ValueStart, label.ValueLength)))
            Error = "a label is not valid UTF-8";
        else
            sample.Add(label.NameStart, label.NameLength, label.ValueStart, label.ValueLength);
    }

    private void AddExemplar(int start, int end, bool needsTimestamp)
    {
        if (!ProtobufLabels.TryAddExemplar(sample, bytes, start, end, needsTimestamp))
            Error = "an exemplar is damaged";
    }

    private void ReadCreated(int start, int end)
    {
        if (!ProtobufHistogram.TryReadTimestamp(bytes, start, end, out created))
            Error = "its created timestamp is damaged";
    }

    private static void Write(ReadOnlySpan<byte> text, ref Span<byte> to)
    {
        text.CopyTo(to);
        to = to[text.Length..];
    }
}
