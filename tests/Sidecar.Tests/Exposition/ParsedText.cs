using System.Globalization;
using System.IO.Compression;
using System.Text;
using Sidecar.Exposition;

namespace Sidecar.Tests.Exposition;

/// <summary>Runs a body through the reader as a target's answer would be, and writes what came out as plain lines.</summary>
internal static class ParsedText
{
    /// <summary>
    /// <c>name{label="value",…} value [@timestamp]</c> for each sample, in order; an error ends the list as <c>! message</c>.
    /// </summary>
    public static List<string> Read(
        ReadOnlySpan<byte> body, int chunk = int.MaxValue, long limit = 0, BodyFormat format = BodyFormat.PrometheusText100) =>
        Read(new ChunkedStream(Gzip(body), chunk), limit, format);

    public static List<string> Read(string body, int chunk = int.MaxValue, long limit = 0,
        BodyFormat format = BodyFormat.PrometheusText100) =>
        Read(Encoding.UTF8.GetBytes(body), chunk, limit, format);

    /// <summary>Reads the body once whole and once cut in two at each of its bytes: the result must be the same. Gives that.</summary>
    public static List<string> ReadAtEverySplit(ReadOnlySpan<byte> body, BodyFormat format, BodyReading reading = BodyReading.Usual)
    {
        var gzip = Gzip(body);
        var whole = Read(new MemoryStream(gzip), 0, format, reading);
        for (var split = 0; split <= gzip.Length; split++)
            Assert.Equal(whole, Read(new SplitStream(gzip, split), 0, format, reading));
        Assert.Equal(whole, Read(new ChunkedStream(gzip, 1), 0, format, reading));
        return whole;
    }

    public static List<string> ReadWhole(ReadOnlySpan<byte> body, BodyFormat format, BodyReading reading) =>
        Read(new MemoryStream(Gzip(body)), 0, format, reading);

    private static List<string> Read(Stream gzip, long limit, BodyFormat format, BodyReading reading = BodyReading.Usual)
    {
        using var reader = new SampleReader();
        reader.Open(gzip, limit, format, reading);
        var lines = new List<string>();
        while (reader.Read())
            lines.Add(Describe(reader.Sample));
        if (reader.Error != ReadError.None)
            lines.Add("! " + reader.ErrorMessage);
        return lines;
    }

    /// <summary>Gives at most so many bytes a read.</summary>
    public static Stream Chunked(byte[] bytes, int chunk) => new ChunkedStream(bytes, chunk);

    public static byte[] Gzip(ReadOnlySpan<byte> body)
    {
        var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.NoCompression))
            gzip.Write(body);
        return output.ToArray();
    }

    public static string Describe(Sample sample)
    {
        AssertConsistent(sample);
        var text = new StringBuilder();
        text.Append(Encoding.UTF8.GetString(sample.Name));
        Append(text, sample, sample.Labels.AsSpan(1, sample.Count - 1));
        text.Append(' ').Append(sample.HasHistogram ? Describe(sample.Histogram!) : Describe(sample.Value));
        text.Append(sample.HasTimestamp ? $" @{sample.Timestamp}" : "")
            .Append(sample.StartTimestamp != 0 ? $" since {sample.StartTimestamp}" : "");
        foreach (var exemplar in sample.Exemplars.AsSpan(0, sample.ExemplarCount))
        {
            Append(text.Append(" # "), sample, exemplar.Labels.AsSpan(0, exemplar.Count));
            text.Append(' ').Append(Describe(exemplar.Value)).Append(exemplar.HasTimestamp ? $" @{exemplar.Timestamp}" : "");
        }
        return text.ToString();
    }

    private static void Append(StringBuilder text, Sample sample, ReadOnlySpan<LabelSlice> labels)
    {
        text.Append('{');
        for (var i = 0; i < labels.Length; i++)
        {
            text.Append(i > 0 ? "," : "").Append(Encoding.UTF8.GetString(sample.Text(labels[i].NameStart, labels[i].NameLength)))
                .Append("=\"")
                .Append(Encoding.UTF8.GetString(sample.Text(labels[i].ValueStart, labels[i].ValueLength))).Append('"');
        }
        text.Append('}');
    }

    private static string Describe(double value) =>
        BitConverter.DoubleToUInt64Bits(value) == 0x7ff8000000000001 ? "NaN" : value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary><c>[n=COUNT s=SUM schema=S zero=COUNT(THRESHOLD) +offset:length… values… -offset:length… values…]</c>.</summary>
    private static string Describe(NativeHistogram histogram)
    {
        var kind = histogram.IsFloat ? "float " : "";
        var count = histogram.IsFloat ? Describe(histogram.CountFloat) : histogram.Count.ToString(CultureInfo.InvariantCulture);
        var zero = histogram.IsFloat ? Describe(histogram.ZeroCountFloat) : histogram.ZeroCount.ToString(CultureInfo.InvariantCulture);
        return $"[{kind}{(histogram.IsGauge ? "gauge " : "")}n={count} s={Describe(histogram.Sum)} schema={histogram.Schema} "
            + $"zero={zero}({Describe(histogram.ZeroThreshold)}) +{Describe(histogram.Positive, histogram.IsFloat)} -{Describe(histogram.Negative, histogram.IsFloat)}"
            + $"{string.Concat(histogram.Bounds.AsSpan(0, histogram.BoundCount).ToArray().Select(b => $" <={Describe(b)}"))}]";
    }

    private static string Describe(NativeBuckets buckets, bool isFloat)
    {
        var spans = buckets.Spans.AsSpan(0, buckets.SpanCount).ToArray().Select(s => $"{s.Offset}:{s.Length}");
        var values = isFloat ? buckets.Counts.AsSpan(0, buckets.CountCount).ToArray().Select(Describe)
            : buckets.Deltas.AsSpan(0, buckets.DeltaCount).ToArray().Select(d => d.ToString(CultureInfo.InvariantCulture));
        return string.Join(' ', spans.Concat(values));
    }

    /// <summary>The interned names and the marks of empty values say what the labels say.</summary>
    private static void AssertConsistent(Sample sample)
    {
        Assert.True(sample.Names.Match(sample), "other names than the labels have");
        for (var i = 1; i < Math.Min(sample.Count, 65); i++)
            Assert.Equal(sample.Labels[i].ValueLength == 0, (sample.EmptyValues >> (i - 1) & 1) != 0);
    }

    /// <summary>No read goes past the split.</summary>
    private sealed class SplitStream(byte[] bytes, int split) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) =>
            base.Read(buffer, offset, Position < split ? Math.Min(count, split - (int)Position) : count);
    }

    /// <summary>Gives its bytes in small reads, so that windows are cut in odd places.</summary>
    private sealed class ChunkedStream(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, chunk));

        // MemoryStream sends spans to the overload above when it is derived from.
    }
}
