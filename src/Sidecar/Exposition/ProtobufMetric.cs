using System.Text.Unicode;

namespace Sidecar.Exposition;

/// <summary>One <c>Metric</c> of a family and its samples: one, or <c>_count</c>, <c>_sum</c> and each bucket or quantile.</summary>
internal sealed class ProtobufMetric(Sample sample, MetricFamily family, LabelNamesCache names)
{
    /// <summary>By number of the client model's MetricType: what it is here, and which field of a metric holds its value.</summary>
    private static readonly (MetricType Type, int Field)[] Types =
    [
        (MetricType.Counter, 3), (MetricType.Gauge, 2), (MetricType.Summary, 4), (MetricType.Unknown, 5), (MetricType.Histogram, 7),
        (MetricType.GaugeHistogram, 7),
    ];

    /// <summary>The field of the buckets of a histogram, and of the quantiles of a summary.</summary>
    private const int PartNumber = 3;

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
    private int valueNumber;   // field of a metric that holds its value
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
    public bool IsKnownType => TypeNumber < (ulong)Types.Length;
    private bool IsHistogram => family.Type is MetricType.Histogram or MetricType.GaugeHistogram;

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
        (family.Type, valueNumber) = IsKnownType ? Types[type] : (MetricType.Unknown, 0);
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
            switch (fields.Number)
            {
                case 1 when fields.TryTakeMessage(out var label):
                    AddLabel(ref label);
                    break;
                case 6:
                    timestamp = (long)fields.TakeVarint();
                    break;
                case 2 or 3 or 4 or 5 or 7 when fields.TryTakeMessage(out _) && fields.Number == valueNumber:
                    // A value of another type than the family's counts for nothing.
                    (valueStart, valueEnd) = (fields.Start, fields.End);
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
        step = IsHistogram ? BeginHistogram() : family.Type == MetricType.Summary ? BeginSummary() : Step.Single;
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
                return NextPart();
            default:
                return false;
        }
    }

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
            if (fields.Number == 1)
                sample.Value = FloatText.Canonical(fields.TakeDouble());
            else if (family.Type == MetricType.Counter && fields.Number is 2 or 3 && fields.TryTakeMessage(out var message))
            {
                if (fields.Number == 2)
                    AddExemplar(ref message, needsTimestamp: false);
                else
                    TakeCreated(ref fields);
            }
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
            if (fields.Number == 1)
                count = fields.TakeVarint();
            else if (fields.Number == 2)
                sum = FloatText.Canonical(fields.TakeDouble());
            else if (fields.Number is 3 or 4 && fields.TryTakeMessage(out _) && fields.Number == 4)
                TakeCreated(ref fields);
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
        histogram.Native.IsGauge = family.Type == MetricType.GaugeHistogram;
        sample.HasHistogram = true;
        sample.Histogram = histogram.Native;
        sample.Value = 0;
        // Its own exemplars, or, where it has none, those of its classic buckets; without a timestamp they count for nothing.
        var fields = new ProtobufFields(bytes, valueStart, valueEnd);
        while (Error is null && fields.Next())
        {
            if (fields.Number == 16 && fields.TryTakeMessage(out var exemplar))
                AddExemplar(ref exemplar, needsTimestamp: true);
            else if (fields.Number == PartNumber && !histogram.HasExemplars && fields.TryTakeMessage(out var bucket))
                ReadBucket(ref bucket, needsTimestamp: true, out _);
        }
        sample.SortExemplars();
    }

    private bool NextPart()
    {
        var fields = new ProtobufFields(bytes, partAt, valueEnd);
        while (!sawInfinity && fields.Next())
        {
            if (fields.Number != PartNumber || !fields.TryTakeMessage(out var part))
                continue;
            partAt = fields.End;
            BeginPart();
            double bound;
            var value = IsHistogram ? ReadBucket(ref part, needsTimestamp: false, out bound) : ReadQuantile(ref part, out bound);
            sawInfinity = IsHistogram && double.IsPositiveInfinity(bound);
            return EndPart(bound, value);
        }
        step = Step.None;
        if (sawInfinity || !IsHistogram)
            return false;
        // Without an infinite bucket, the count of all stands for it.
        BeginPart();
        return EndPart(double.PositiveInfinity, count);
    }

    /// <summary>
    /// <c>Bucket { uint64 cumulative_count = 1; double upper_bound = 2; Exemplar exemplar = 3; double cumulative_count_float = 4; }</c>.
    /// </summary>
    private double ReadBucket(ref ProtobufFields fields, bool needsTimestamp, out double upperBound)
    {
        upperBound = 0;
        double value = 0;
        double floatValue = 0;
        while (Error is null && fields.Next())
        {
            if (fields.Number == 1)
                value = fields.TakeVarint();
            else if (fields.Number == 2)
                upperBound = fields.TakeDouble();
            else if (fields.Number == 3 && fields.TryTakeMessage(out var exemplar))
                AddExemplar(ref exemplar, needsTimestamp);
            else if (fields.Number == 4)
                floatValue = FloatText.Canonical(fields.TakeDouble());
        }
        if (fields.IsBroken)
            Error ??= "a bucket is damaged";
        return floatValue != 0 ? floatValue : value;
    }

    /// <summary><c>Quantile { double quantile = 1; double value = 2; }</c>.</summary>
    private double ReadQuantile(ref ProtobufFields fields, out double quantile)
    {
        quantile = 0;
        double value = 0;
        while (fields.Next())
        {
            if (fields.Number == 1)
                quantile = fields.TakeDouble();
            else if (fields.Number == 2)
                value = FloatText.Canonical(fields.TakeDouble());
        }
        if (fields.IsBroken)
            Error = "a quantile is damaged";
        return value;
    }

    private void BeginPart() => BeginSample(NameAt, family.Name.Length + (IsHistogram ? "_bucket"u8.Length : 0));

    /// <summary>Adds the label that tells the part.</summary>
    private bool EndPart(double bound, double value)
    {
        if (Error is not null)
            return false;
        Span<byte> text = stackalloc byte[32];
        var length = keepsBounds ? FloatText.FormatAsText(bound, text) : FloatText.Format(bound, text);
        var (nameAt, nameLength) = IsHistogram ? (BucketLabelAt, "le"u8.Length) : (QuantileLabelAt, "quantile"u8.Length);
        sample.Add(~nameAt, nameLength, 0, length);
        sample.Rewrite(sample.Count - 1, text[..length]);
        if (!partNames.Match(sample))
            partNames = names.Get(sample);
        sample.Names = partNames;
        sample.Value = value;
        return true;
    }

    private void AddLabel(ref ProtobufFields fields)
    {
        if (!TryReadLabel(ref fields, out var label))
            Error = "a label is damaged";
        else if (label.NameLength == 0)
            Error = "a label has no name";
        else if (!Utf8.IsValid(sample.Text(label.NameStart, label.NameLength))
            || !Utf8.IsValid(sample.Text(label.ValueStart, label.ValueLength)))
            Error = "a label is not valid UTF-8";
        else
            sample.Add(label.NameStart, label.NameLength, label.ValueStart, label.ValueLength);
    }

    /// <summary><c>LabelPair { string name = 1; string value = 2; }</c>; false for a damaged one.</summary>
    private static bool TryReadLabel(ref ProtobufFields fields, out LabelSlice label)
    {
        label = default;
        while (fields.Next())
        {
            if (fields.Number == 1 && fields.TryTakeMessage(out _))
                (label.NameStart, label.NameLength) = (fields.Start, fields.Length);
            else if (fields.Number == 2 && fields.TryTakeMessage(out _))
                (label.ValueStart, label.ValueLength) = (fields.Start, fields.Length);
        }
        return !fields.IsBroken;
    }

    /// <summary><c>Exemplar { repeated LabelPair label = 1; double value = 2; Timestamp timestamp = 3; }</c>.</summary>
    /// <param name="needsTimestamp">An exemplar without one is left out, as one with labels that Prometheus does not store is.</param>
    private void AddExemplar(ref ProtobufFields fields, bool needsTimestamp)
    {
        var exemplar = sample.NextExemplar();
        var isUtf8 = true;
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1 when fields.TryTakeMessage(out var pair) && TryReadLabel(ref pair, out var label):
                    isUtf8 &= Utf8.IsValid(sample.Text(label.ValueStart, label.ValueLength));
                    exemplar.Add(label);
                    break;
                case 2:
                    exemplar.Value = FloatText.Canonical(fields.TakeDouble());
                    break;
                case 3 when fields.TryTakeTimestamp(out exemplar.Timestamp):
                    exemplar.HasTimestamp = true;
                    break;
                case 1 or 3:
                    fields.Break();
                    break;
            }
        }
        if (fields.IsBroken)
            Error = "an exemplar is damaged";
        else if (isUtf8 && (exemplar.HasTimestamp || !needsTimestamp) && exemplar.TryComplete(sample))
            sample.ExemplarCount++;
    }

    private void TakeCreated(ref ProtobufFields field)
    {
        if (!field.TryTakeTimestamp(out created))
            Error = "its created timestamp is damaged";
    }

    private static void Write(ReadOnlySpan<byte> text, ref Span<byte> to)
    {
        text.CopyTo(to);
        to = to[text.Length..];
    }
}
