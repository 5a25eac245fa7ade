using System.Globalization;
using System.IO.Compression;
using System.Text;
using Sidecar.Exposition;

namespace Sidecar.Tests.Exposition;

/// <summary>Runs a body through the reader as a target's answer would be, and writes what came out as plain lines.</summary>
internal static class ParsedText
{
    /// <summary><c>name{label="value",…} value [@timestamp]</c> for each sample, in order; an error ends the list as <c>! message</c>.</summary>
    public static List<string> Read(ReadOnlySpan<byte> body, int chunk = int.MaxValue, long limit = 0)
    {
        using var reader = new SampleReader();
        reader.Open(new ChunkedStream(Gzip(body), chunk), limit);
        var lines = new List<string>();
        while (reader.Read())
            lines.Add(Describe(reader.Sample));
        if (reader.Error != ReadError.None)
            lines.Add("! " + reader.ErrorMessage);
        return lines;
    }

    public static List<string> Read(string body, int chunk = int.MaxValue, long limit = 0) => Read(Encoding.UTF8.GetBytes(body), chunk, limit);

    public static byte[] Gzip(ReadOnlySpan<byte> body)
    {
        var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.NoCompression))
            gzip.Write(body);
        return output.ToArray();
    }

    private static string Describe(Sample sample)
    {
        var text = new StringBuilder();
        text.Append(Encoding.UTF8.GetString(sample.Name)).Append('{');
        for (var i = 1; i < sample.Count; i++)
        {
            text.Append(i > 1 ? "," : "").Append(Encoding.UTF8.GetString(sample.LabelName(i))).Append("=\"")
                .Append(Encoding.UTF8.GetString(sample.LabelValue(i))).Append('"');
        }
        var value = BitConverter.DoubleToUInt64Bits(sample.Value) == 0x7ff8000000000001 ? "NaN" : sample.Value.ToString("R", CultureInfo.InvariantCulture);
        return text.Append("} ").Append(value).Append(sample.HasTimestamp ? $" @{sample.Timestamp}" : "").ToString();
    }

    /// <summary>Gives its bytes in small reads, so that windows are cut in odd places.</summary>
    private sealed class ChunkedStream(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, chunk));

        // MemoryStream sends spans to the overload above when it is derived from.
    }
}
