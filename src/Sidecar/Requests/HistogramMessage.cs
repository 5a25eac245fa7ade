using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>
/// A native histogram as remote write has it: <c>prometheus.Histogram</c> of 1.0 and <c>io.prometheus.write.v2.Histogram</c> of 2.0, which
/// have the same numbers. The start timestamp is 2.0's alone.
/// </summary>
internal static class HistogramMessage
{
    private const int CountInt = 1;
    private const int CountFloat = 2;
    private const int Sum = 3;
    private const int Schema = 4;
    private const int ZeroThreshold = 5;
    private const int ZeroCountInt = 6;
    private const int ZeroCountFloat = 7;
    private const int NegativeSpans = 8; // and 9 for deltas, 10 for counts
    private const int PositiveSpans = 11; // and 12 for deltas, 13 for counts
    private const int ResetHint = 14;
    private const int Timestamp = 15;
    private const int CustomValues = 16;
    private const int StartTimestamp = 17;

    /// <summary>Histogram.ResetHint.GAUGE; of others it is unknown whether they were reset.</summary>
    private const int GaugeHint = 3;

    public static void Write(WireBuffer to, int field, NativeHistogram histogram, long timestamp, long startTimestamp)
    {
        var message = to.Begin(field);
        if (histogram.IsFloat)
            to.WriteOneOf(CountFloat, histogram.CountFloat);
        else
            to.WriteOneOf(CountInt, histogram.Count);
        to.WriteDouble(Sum, histogram.Sum);
        to.WriteSigned(Schema, histogram.Schema);
        to.WriteDouble(ZeroThreshold, histogram.ZeroThreshold);
        if (histogram.IsFloat)
            to.WriteOneOf(ZeroCountFloat, histogram.ZeroCountFloat);
        else
            to.WriteOneOf(ZeroCountInt, histogram.ZeroCount);
        WriteBuckets(to, NegativeSpans, histogram.Negative, histogram.IsFloat);
        WriteBuckets(to, PositiveSpans, histogram.Positive, histogram.IsFloat);
        to.WriteVarint(ResetHint, histogram.IsGauge ? GaugeHint : 0);
        to.WriteVarint(Timestamp, timestamp);
        WriteDoubles(to, CustomValues, histogram.Bounds.AsSpan(0, histogram.BoundCount));
        to.WriteVarint(StartTimestamp, startTimestamp);
        to.End(message);
    }

    private static void WriteBuckets(WireBuffer to, int spans, NativeBuckets buckets, bool isFloat)
    {
        foreach (var span in buckets.Spans.AsSpan(0, buckets.SpanCount))
        {
            var message = to.Begin(spans);
            to.WriteSigned(1, span.Offset);
            to.WriteVarint(2, span.Length);
            to.End(message);
        }
        if (isFloat)
        {
            WriteDoubles(to, spans + 2, buckets.Counts.AsSpan(0, buckets.CountCount));
            return;
        }
        if (buckets.DeltaCount == 0)
            return;
        var packed = to.Begin(spans + 1);
        foreach (var delta in buckets.Deltas.AsSpan(0, buckets.DeltaCount))
            to.WriteRawSigned(delta);
        to.End(packed);
    }

    private static void WriteDoubles(WireBuffer to, int field, ReadOnlySpan<double> values)
    {
        if (values.IsEmpty)
            return;
        var packed = to.Begin(field);
        foreach (var value in values)
            to.WriteRawDouble(value);
        to.End(packed);
    }
}
