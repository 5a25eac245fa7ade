namespace Sidecar.Exposition;

/// <summary>Writes series back as exposition text: <c>name{label="value"} 0</c>, a line each.</summary>
internal static class SeriesText
{
    /// <summary>One line with the value 0. Names that need it are quoted, values escaped, as text format 1.0.0 has it.</summary>
    public static void Write(Stream output, Sample sample)
    {
        var isLegacy = LineCursor.IsLegacyMetric(sample.Name);
        if (isLegacy)
            output.Write(sample.Name);
        output.WriteByte((byte)'{');
        if (!isLegacy)
        {
            WriteQuoted(output, sample.Name);
            output.WriteByte((byte)',');
        }
        for (var i = 1; i < sample.Count; i++)
        {
            if (LineCursor.IsLegacyLabel(sample.LabelName(i)))
                output.Write(sample.LabelName(i));
            else
                WriteQuoted(output, sample.LabelName(i));
            output.WriteByte((byte)'=');
            WriteQuoted(output, sample.LabelValue(i));
            output.WriteByte((byte)',');
        }
        output.Write("} 0\n"u8);
    }

    /// <summary>The text in double quotes, escaped.</summary>
    public static void WriteQuoted(Stream output, ReadOnlySpan<byte> text)
    {
        output.WriteByte((byte)'"');
        while (true)
        {
            var plain = text.IndexOfAny((byte)'"', (byte)'\\', (byte)'\n');
            if (plain < 0)
                break;
            output.Write(text[..plain]);
            output.WriteByte((byte)'\\');
            output.WriteByte(text[plain] == (byte)'\n' ? (byte)'n' : text[plain]);
            text = text[(plain + 1)..];
        }
        output.Write(text);
        output.WriteByte((byte)'"');
    }
}
