using System.Buffers.Binary;
using System.IO.Hashing;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Queueing;

/// <summary>What is wrong with a file of the queue.</summary>
internal enum FileDamage
{
    None,
    Foreign,
    /// <summary>Written by a version of the sidecar that this one does not know.</summary>
    UnknownVersion,
    Truncated,
    /// <summary>A checksum does not fit: bits have changed.</summary>
    Checksum,
    /// <summary>The checksums fit, and a field says what cannot be.</summary>
    Nonsense,
    TooLarge,
}

/// <summary>
/// A scrape as a file: 8 bytes "SIDECAR\n", the version and the length of the header (4 bytes each, little-endian), the header, its XXH3,
/// then the skipped samples, the body and the vanished series, and the XXH3 of all three. Strings are UTF-8 behind their length.
/// The last field of the header is the job; it is not there for the only one.
/// </summary>
internal static class ScrapeFile
{
    public const int Version = 1;

    private const BodyReading AllReadings = BodyReading.BoundsAsScraped | BodyReading.ClassicToo | BodyReading.ClassicToCustomBuckets;

    private const int PrefixSize = 16;
    private const int ChecksumSize = 8;

    /// <summary>A header holds a target's labels; nothing comes near this.</summary>
    private const int LongestHeader = 1024 * 1024;

    /// <summary>The largest body that can be configured is far smaller, compressed.</summary>
    private const long LargestFile = 1L << 30;

    /// <summary>Deflate makes at most 1032 bytes of one, and a sample takes two at least.</summary>
    private const long MostSamplesPerByte = 516;

    /// <summary>Milliseconds since the Unix epoch of the end of the year 9999.</summary>
    private static readonly long LatestTimestamp = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

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
            foreach (var piece in body?.Pieces() ?? [])
                Put(piece.Span);
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

    /// <summary>Reads what stands before the bodies; null when the file is damaged.</summary>
    /// <param name="size">Bytes of the whole file.</param>
    public static ScrapeHeader? ReadHeader(Stream file, long size, out FileDamage damage)
    {
        damage = size > LargestFile ? FileDamage.TooLarge : FileDamage.None;
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
        return damage == FileDamage.None
            ? Parse(header.AsSpan(0, length), size - PrefixSize - header.Length - ChecksumSize, out damage) : null;
    }

    /// <summary>Reads what follows the header; null when it is damaged.</summary>
    /// <param name="rules">Those of now: what waited is sent by them.</param>
    public static Scrape? ReadBodies(Stream file, ScrapeHeader header, SeriesRules? rules, out FileDamage damage)
    {
        var hash = new XxHash3();
        var skipped = new byte[header.Skipped];
        CompressedBody? body = null;
        CompressedBody? vanished = null;
        damage = FileDamage.Truncated;
        var isWhole = file.ReadAtLeast(skipped, skipped.Length, throwOnEndOfStream: false) == skipped.Length;
        hash.Append(skipped);
        try
        {
            isWhole = isWhole && TryReadBody(file, header.Body, header.Format, header.Reading, hash, out body)
                && TryReadBody(file, header.Vanished, default, default, hash, out vanished);
            var checksum = new byte[ChecksumSize];
            if (isWhole && file.ReadAtLeast(checksum, ChecksumSize, throwOnEndOfStream: false) == ChecksumSize)
                damage = BinaryPrimitives.ReadUInt64LittleEndian(checksum) != hash.GetCurrentHashAsUInt64() ? FileDamage.Checksum
                    : AreRuns(skipped) ? FileDamage.None : FileDamage.Nonsense;
        }
        finally
        {
            if (damage != FileDamage.None)
            {
                body?.Release();
                vanished?.Release();
            }
        }
        return damage != FileDamage.None ? null : new Scrape
        {
            Target = header.Target,
            Labels = new TargetLabels(header.Target.Labels, header.ExternalLabels, header.HonorLabels, rules),
            Timestamp = header.Timestamp,
            Body = body,
            Vanished = vanished,
            Skipped = skipped.Length > 0 ? SkippedSamples.From(skipped) : null,
            Report = header.Report,
            Samples = header.Samples,
            HonorTimestamps = header.HonorTimestamps,
            IsOrdered = header.IsOrdered,
        };
    }

    /// <param name="length">-1 for none.</param>
    private static bool TryReadBody(
        Stream file, long length, BodyFormat format, BodyReading reading, XxHash3 hash, out CompressedBody? body)
    {
        body = null;
        if (length < 0)
            return true;
        body = new CompressedBody { Format = format, Reading = reading };
        while (body.Length < length)
        {
            var space = body.FreeSpace().Span;
            var read = file.Read(space[..(int)Math.Min(space.Length, length - body.Length)]);
            if (read == 0)
                return false;
            hash.Append(space[..read]);
            body.Advance(read);
        }
        return true;
    }

    /// <summary>Whole runs: pairs of varints that add up to what an ordinal can be; see <see cref="SkippedSamples"/>.</summary>
    private static bool AreRuns(ReadOnlySpan<byte> bytes)
    {
        var ordinals = 0L;
        var numbers = 0;
        while (!bytes.IsEmpty)
        {
            var number = 0L;
            var shift = 0;
            var length = 0;
            byte part;
            do
            {
                if (length == bytes.Length || shift > 28)
                    return false;
                part = bytes[length++];
                number |= (long)(part & 0x7f) << shift;
                shift += 7;
            }
            while (part >= 0x80);
            bytes = bytes[length..];
            numbers++;
            ordinals += number;
            if (ordinals > int.MaxValue || (number == 0 && numbers % 2 == 0))
                return false;
        }
        return numbers % 2 == 0;
    }

    private static byte[] Header(Scrape scrape)
    {
        var bytes = new MemoryStream();
        using var to = new BinaryWriter(bytes, Encoding.UTF8);
        to.Write(scrape.Timestamp);
        to.Write((byte)((byte)scrape.Format | (byte)scrape.Reading));
        to.Write(scrape.HonorTimestamps);
        to.Write(scrape.IsOrdered);
        to.Write(scrape.Samples);
        var report = scrape.Report;
        foreach (var value in new[] { report.Up, report.DurationSeconds, report.Scraped, report.PostRelabeling, report.Added })
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
        if (scrape.Target.Job.Length > 0)
            to.Write(scrape.Target.Job);
        return bytes.ToArray();
    }

    /// <summary>Nothing is believed: a header may have been edited and its checksum made anew.</summary>
    /// <param name="bodies">Bytes of the file between the header's checksum and the last.</param>
    private static ScrapeHeader? Parse(ReadOnlySpan<byte> header, long bodies, out FileDamage damage)
    {
        var from = new HeaderReader(header);
        var timestamp = from.ReadInt64(0, LatestTimestamp);
        var encoding = from.ReadByte();
        var (format, reading) = ((BodyFormat)(encoding & 0x0f), (BodyReading)(encoding & 0xf0));
        from.Check(Enum.IsDefined(format) && (reading & ~AllReadings) == 0);
        var honorTimestamps = from.ReadBoolean();
        var isOrdered = from.ReadBoolean();
        var samples = from.ReadInt32(0);
        var report = new ReportSamples(from.ReadDouble(), from.ReadDouble(), from.ReadDouble(), from.ReadDouble(), from.ReadDouble());
        var skipped = from.ReadInt32(0);
        var body = from.ReadInt64(-1, LargestFile);
        var vanished = from.ReadInt64(-1, LargestFile);
        from.Check(samples <= ReportSeries.Count + (Math.Max(body, 0) + Math.Max(vanished, 0)) * MostSamplesPerByte);
        from.Check(Uri.TryCreate(from.ReadString(), UriKind.Absolute, out var url)
            && url.Scheme is "http" or "https" && url.Host.Length > 0);
        var honorLabels = from.ReadBoolean();
        var labels = from.ReadLabels();
        var interval = Time(ref from);
        var timeout = Time(ref from);
        var external = from.ReadLabels();
        var job = "";
        if (from.HasMore)
            from.Check((job = from.ReadString()) == JobVariables.Self || JobVariables.IsName(job));
        damage = !from.IsAtEnd ? FileDamage.Nonsense
            : (skipped + Math.Max(body, 0) + Math.Max(vanished, 0)).CompareTo(bodies) switch
            {
                > 0 => FileDamage.Truncated,
                < 0 => FileDamage.Nonsense,
                _ => FileDamage.None,
            };
        return damage != FileDamage.None ? null : new ScrapeHeader
        {
            Target = new Target(url!, labels, [], interval, timeout, job),
            ExternalLabels = external,
            HonorLabels = honorLabels,
            Timestamp = timestamp,
            Format = format,
            Reading = reading,
            HonorTimestamps = honorTimestamps,
            IsOrdered = isOrdered,
            Samples = samples,
            Report = report,
            Skipped = skipped,
            Body = body,
            Vanished = vanished,
        };

        static TimeSpan? Time(ref HeaderReader from)
        {
            var ticks = from.ReadInt64(-1, Durations.MostForTimers.Ticks);
            from.Check(ticks is < 0 or >= TimeSpan.TicksPerMillisecond);
            return ticks < 0 || from.IsWrong ? null : TimeSpan.FromTicks(ticks);
        }
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
}
