using System.Buffers.Binary;
using System.Collections.Immutable;
using System.IO.Hashing;
using System.Text;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Relabeling;
using Sidecar.RemoteWrite;
using Sidecar.Scraping;

namespace Sidecar.Queueing;

/// <summary>What is wrong with a file of the queue.</summary>
internal enum FileDamage
{
    None,
    /// <summary>It is not one of ours.</summary>
    Foreign,
    /// <summary>Written by a version of the sidecar that this one does not know.</summary>
    UnknownVersion,
    /// <summary>It ends too early.</summary>
    Truncated,
    /// <summary>A checksum does not fit: bits have changed.</summary>
    Checksum,
}

/// <summary>
/// A scrape as a file: 8 bytes "SIDECAR\n", the version and the length of the header (4 bytes each, little-endian), the header, its XXH3,
/// then the skipped samples, the body and the vanished series, and the XXH3 of all three. Strings are UTF-8 behind their length.
/// </summary>
internal static class ScrapeFile
{
    public const int Version = 1;

    private const int PrefixSize = 16;
    private const int ChecksumSize = 8;

    /// <summary>A header holds a target's labels; nothing comes near this.</summary>
    private const int LongestHeader = 1024 * 1024;

    private static ReadOnlySpan<byte> Magic => "SIDECAR\n"u8;

    public static void Write(Stream file, Scrape scrape)
    {
        var header = Header(scrape);
        var start = new byte[PrefixSize + header.Length + ChecksumSize];
        Magic.CopyTo(start);
        BinaryPrimitives.WriteInt32LittleEndian(start.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(start.AsSpan(12), header.Length);
        header.CopyTo(start, PrefixSize);
        BinaryPrimitives.WriteUInt64LittleEndian(start.AsSpan(PrefixSize + header.Length), XxHash3.HashToUInt64(header));
        file.Write(start);

        var hash = new XxHash3();
        Put(scrape.Skipped is { } skipped ? skipped.Bytes : []);
        foreach (var body in new[] { scrape.Body, scrape.Vanished })
        {
            foreach (var block in body?.Blocks() ?? [])
                Put(block.Span);
        }
        var checksum = new byte[ChecksumSize];
        BinaryPrimitives.WriteUInt64LittleEndian(checksum, hash.GetCurrentHashAsUInt64());
        file.Write(checksum);

        void Put(ReadOnlySpan<byte> bytes)
        {
            hash.Append(bytes);
            file.Write(bytes);
        }
    }

    /// <summary>Reads what stands before the bodies: the scrape is parked, and null when the file is damaged.</summary>
    /// <param name="rules">Those of now: what waited is sent by them.</param>
    public static Scrape? ReadHeader(Stream file, out FileDamage damage, SeriesRules? rules = null)
    {
        damage = FileDamage.None;
        var prefix = new byte[PrefixSize];
        var read = file.ReadAtLeast(prefix, PrefixSize, throwOnEndOfStream: false);
        if (!prefix.AsSpan(0, Math.Min(read, Magic.Length)).SequenceEqual(Magic[..Math.Min(read, Magic.Length)]))
            damage = FileDamage.Foreign;
        else if (read < PrefixSize)
            damage = FileDamage.Truncated;
        else if (BinaryPrimitives.ReadInt32LittleEndian(prefix.AsSpan(8)) != Version)
            damage = FileDamage.UnknownVersion;
        if (damage != FileDamage.None)
            return null;
        var length = BinaryPrimitives.ReadInt32LittleEndian(prefix.AsSpan(12));
        if (length is < 0 or > LongestHeader)
        {
            damage = FileDamage.Checksum;
            return null;
        }
        var header = new byte[length + ChecksumSize];
        if (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length)
            damage = FileDamage.Truncated;
        else if (XxHash3.HashToUInt64(header.AsSpan(0, length)) != BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(length)))
            damage = FileDamage.Checksum;
        return damage == FileDamage.None ? Parse(header.AsSpan(0, length).ToArray(), rules) : null;
    }

    /// <summary>Reads what follows the header and gives it back to the parked scrape; false when it is damaged.</summary>
    public static bool ReadBodies(Stream file, Scrape scrape, out FileDamage damage)
    {
        var hash = new XxHash3();
        var skippedBytes = new byte[scrape.Parked.Skipped];
        CompressedBody? body = null;
        CompressedBody? vanished = null;
        damage = FileDamage.Truncated;
        if (file.ReadAtLeast(skippedBytes, skippedBytes.Length, throwOnEndOfStream: false) == skippedBytes.Length)
        {
            hash.Append(skippedBytes);
            body = ReadBody(file, scrape.Parked.Body, hash);
            vanished = body is not null || scrape.Parked.Body < 0 ? ReadBody(file, scrape.Parked.Vanished, hash) : null;
            var checksum = new byte[ChecksumSize];
            var isWhole = (body is not null || scrape.Parked.Body < 0) && (vanished is not null || scrape.Parked.Vanished < 0)
                && file.ReadAtLeast(checksum, ChecksumSize, throwOnEndOfStream: false) == ChecksumSize;
            if (isWhole)
                damage = BinaryPrimitives.ReadUInt64LittleEndian(checksum) == hash.GetCurrentHashAsUInt64() ? FileDamage.None : FileDamage.Checksum;
        }
        if (damage != FileDamage.None)
        {
            body?.Release();
            vanished?.Release();
            return false;
        }
        if (body is not null)
            body.Format = scrape.Parked.Format;
        scrape.Unpark(body, vanished, scrape.Parked.Skipped > 0 ? SkippedSamples.From(skippedBytes) : null);
        return true;
    }

    private static CompressedBody? ReadBody(Stream file, long length, XxHash3 hash)
    {
        if (length < 0)
            return null;
        var body = new CompressedBody();
        while (body.Length < length)
        {
            var space = body.FreeSpace().Span;
            var read = file.Read(space[..(int)Math.Min(space.Length, length - body.Length)]);
            if (read == 0)
            {
                body.Release();
                return null;
            }
            hash.Append(space[..read]);
            body.Advance(read);
        }
        return body;
    }

    private static byte[] Header(Scrape scrape)
    {
        var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes, Encoding.UTF8);
        to.Write(scrape.Timestamp);
        to.Write((byte)scrape.Format);
        to.Write(scrape.HonorTimestamps);
        to.Write(scrape.IsOrdered);
        to.Write(scrape.Samples);
        foreach (var value in new[] { scrape.Report.Up, scrape.Report.DurationSeconds, scrape.Report.Scraped, scrape.Report.PostRelabeling, scrape.Report.Added })
            to.Write(BitConverter.DoubleToInt64Bits(value));
        to.Write(scrape.Skipped is { } skipped ? skipped.Bytes.Length : 0);
        to.Write(scrape.Body?.Length ?? -1);
        to.Write(scrape.Vanished?.Length ?? -1);
        to.Write(scrape.Target.Url.AbsoluteUri);
        to.Write(scrape.Labels.HonorLabels);
        WriteLabels(to, scrape.Target.Labels);
        to.Write(scrape.Target.Interval?.Ticks ?? -1);
        to.Write(scrape.Target.Timeout?.Ticks ?? -1);
        WriteLabels(to, scrape.Labels.External);
        return bytes.ToArray();
    }

    /// <summary>The checksum fits, so it is as <see cref="Header"/> wrote it.</summary>
    private static Scrape Parse(byte[] header, SeriesRules? rules)
    {
        using var from = new BinaryReader(new MemoryStream(header), Encoding.UTF8);
        var timestamp = from.ReadInt64();
        var format = (BodyFormat)from.ReadByte();
        var honorTimestamps = from.ReadBoolean();
        var isOrdered = from.ReadBoolean();
        var samples = from.ReadInt32();
        var report = new ReportSamples(Double(), Double(), Double(), Double(), Double());
        var parked = new ParkedBodies(format, from.ReadInt32(), from.ReadInt64(), from.ReadInt64());
        var url = new Uri(from.ReadString());
        var honorLabels = from.ReadBoolean();
        var target = new Target(url, ReadLabels(from), [], Time(), Time());
        return new Scrape
        {
            Target = target,
            Labels = new TargetLabels(target.Labels, ReadLabels(from), honorLabels, rules),
            Timestamp = timestamp,
            Body = null,
            Vanished = null,
            Skipped = null,
            Report = report,
            Samples = samples,
            HonorTimestamps = honorTimestamps,
            IsOrdered = isOrdered,
            Parked = parked,
            IsParked = true,
        };

        TimeSpan? Time() => from.ReadInt64() is >= 0 and var ticks ? TimeSpan.FromTicks(ticks) : null;

        double Double() => BitConverter.Int64BitsToDouble(from.ReadInt64());
    }

    private static void WriteLabels(BinaryWriter to, ImmutableArray<KeyValuePair<string, string>> labels)
    {
        to.Write(labels.Length);
        foreach (var (name, value) in labels)
        {
            to.Write(name);
            to.Write(value);
        }
    }

    private static ImmutableArray<KeyValuePair<string, string>> ReadLabels(BinaryReader from)
    {
        var labels = new KeyValuePair<string, string>[from.ReadInt32()];
        for (var i = 0; i < labels.Length; i++)
            labels[i] = KeyValuePair.Create(from.ReadString(), from.ReadString());
        return [.. labels];
    }
}
