using System.Buffers.Text;
using System.Globalization;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary>Writes samples as they would be sent in Prometheus's text format, with a TYPE line before the first of each metric.</summary>
internal sealed class SampleText(Stream output)
{
    private readonly HashSet<string> typed = [];
    private int family; // the last whose type was looked at

    public void Write(ScrapeWalk sample)
    {
        var name = sample.Labels.Find("__name__"u8);
        // Relabeling may have given the series another name: then nothing is known of its type.
        if (sample.Sample?.Family is { } now && now.Ordinal != family && now.Has(name))
        {
            family = now.Ordinal;
            WriteType(now, name);
        }
        if (sample.Sample is { HasHistogram: true, Histogram: { } histogram })
        {
            // This format has no native histograms: what there is to say of one stands in a comment.
            output.Write("# native histogram "u8);
            WriteSeries(output, sample.Labels);
            var count = histogram.IsFloat ? histogram.CountFloat : histogram.Count;
            output.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $" count {count} sum {histogram.Sum}\n")));
            return;
        }
        WriteSeries(output, sample.Labels);
        output.WriteByte((byte)' ');
        WriteValue(sample.Value);
        Span<byte> digits = stackalloc byte[24];
        if (sample.HasOwnTimestamp && Utf8Formatter.TryFormat(sample.Timestamp, digits, out var length))
        {
            output.WriteByte((byte)' ');
            output.Write(digits[..length]);
        }
        output.WriteByte((byte)'\n');
    }

    /// <summary>Name and labels; a name that other characters are in stands among the labels, in quotes.</summary>
    public static void WriteSeries(Stream output, SeriesLabels labels)
    {
        var name = labels.Find("__name__"u8);
        var isLegacy = LineCursor.IsLegacyMetric(name);
        if (!isLegacy)
            output.WriteByte((byte)'{');
        WriteName(output, name, isLegacy);
        var separator = isLegacy ? (byte)'{' : (byte)',';
        for (var i = 0; i < labels.Count; i++)
        {
            var label = labels.Name(i);
            if (label.SequenceEqual("__name__"u8))
                continue;
            output.WriteByte(separator);
            separator = (byte)',';
            WriteName(output, label, LineCursor.IsLegacyLabel(label));
            output.WriteByte((byte)'=');
            SeriesText.WriteQuoted(output, labels.Value(i));
        }
        if (separator == (byte)',')
            output.WriteByte((byte)'}');
    }

    private static void WriteName(Stream output, ReadOnlySpan<byte> name, bool isLegacy)
    {
        if (isLegacy)
            output.Write(name);
        else
            SeriesText.WriteQuoted(output, name);
    }

    /// <summary>As Go prints it: an integer without a point.</summary>
    private void WriteValue(double value)
    {
        Span<byte> number = stackalloc byte[32];
        ReadOnlySpan<byte> written = number[..FloatText.Format(value, number)];
        output.Write(written.EndsWith(".0"u8) ? written[..^2] : written);
    }

    private void WriteType(MetricFamily metric, ReadOnlySpan<byte> name)
    {
        var type = metric.Type switch
        {
            MetricType.Counter => "counter",
            MetricType.Gauge => "gauge",
            MetricType.Histogram => "histogram",
            MetricType.Summary => "summary",
            _ => null,
        };
        // OpenMetrics gives a_total its type under the name a; this format gives it under the series' own name.
        var typedName = metric.Type == MetricType.Counter ? name : metric.Name;
        if (type is null || !typed.Add(Encoding.UTF8.GetString(typedName)))
            return;
        output.Write("# TYPE "u8);
        WriteName(output, typedName, LineCursor.IsLegacyMetric(typedName));
        output.Write(Encoding.UTF8.GetBytes($" {type}\n"));
    }
}
