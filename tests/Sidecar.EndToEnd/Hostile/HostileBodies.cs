using System.IO.Compression;
using System.Text;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>Bodies made to cost the reader more than the sender.</summary>
public static class HostileBodies
{
    private const int Mebibyte = 1024 * 1024;

    /// <summary>
    /// Gzip that inflates to 4 GiB of this line. One deflate block of 16 MiB is flushed at its end and sent 256 times: what it refers back
    /// to is the same each time. The checksum that would follow is missing; nobody should get that far.
    /// </summary>
    public static byte[] Bomb(string line)
    {
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(line, 16 * Mebibyte / line.Length)));
        var block = new MemoryStream();
        using (var deflate = new DeflateStream(block, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            deflate.Write(text);
            deflate.Flush();
            block.SetLength(block.Position);
            var once = block.ToArray();
            var bomb = new MemoryStream();
            bomb.Write([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
            for (var i = 0; i < 256; i++)
                bomb.Write(once);
            return bomb.ToArray();
        }
    }

    /// <summary>One line of this many bytes.</summary>
    public static byte[] LongLine(int length) => Gzip(output =>
    {
        output.Write("a{b=\""u8);
        var part = new byte[Mebibyte];
        part.AsSpan().Fill((byte)'x');
        for (var left = length; left > 0; left -= part.Length)
            output.Write(part);
        output.Write("\"} 1\n"u8);
    });

    /// <summary>One line with this many labels.</summary>
    public static byte[] ManyLabels(int count) =>
        Gzip("a{" + string.Join(',', Enumerable.Range(0, count).Select(i => $"l{i}=\"\"")) + "} 1\n");

    /// <summary>
    /// Lines that have no label name in common, with as many and as long names as are just not odd; at the end a line that fails the
    /// scrape, so that no series is left of it.
    /// </summary>
    public static byte[] NewNames(int lines) => Gzip(output =>
    {
        for (var line = 0; line < lines; line++)
        {
            var labels = Enumerable.Range(0, 60).Select(label => $"l{line}_{label}_{new string('n', 50)}=\"v\"");
            output.Write(Encoding.UTF8.GetBytes($"a{{{string.Join(',', labels)}}} 1\n"));
        }
        output.Write("not a sample\n"u8);
    });

    public static byte[] Gzip(string text) => Gzip(output => output.Write(Encoding.UTF8.GetBytes(text)));

    private static byte[] Gzip(Action<Stream> write)
    {
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            write(gzip);
        return compressed.ToArray();
    }
}
