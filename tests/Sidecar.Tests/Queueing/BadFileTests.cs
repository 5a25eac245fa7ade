using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Hashing;
using System.Net.Sockets;
using System.Text;
using Sidecar.Exposition;
using Sidecar.Queueing;
using Sidecar.Telemetry;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Queueing;

/// <summary>One bad file costs itself: it is set aside or left alone, one line tells, and all the others are sent.</summary>
public sealed class BadFileTests
{
    private const string Bad = "0000000000500-00000000000000ff.scrape";

    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    public static TheoryData<string> Kinds =>
        ["unreadable", "fifo", "folder", "dangling link", "looping link", "link", "huge", "empty", "not ours", "socket"];

    /// <summary>
    /// Every length that a file can be cut to, and every bit that can flip: set aside, counted, named, and the next one is sent.
    /// </summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Torn_and_flipped_files_are_set_aside_and_stop_nothing()
    {
        byte[] whole;
        string name;
        using (var target = new ScrapeFixture())
        using (var queue = new QueueFixture())
        {
            await queue.AddAsync(target.Scrape("a 1\n", 1000));
            name = queue.Files.Single();
            whole = await File.ReadAllBytesAsync(Path.Combine(queue.Folder, name), TestContext.Current.CancellationToken);
        }
        using var fixture = new QueueFixture();
        using var next = new ScrapeFixture();
        var damaged = 0;
        var inputs = Enumerable.Range(0, whole.Length).Select(length => whole[..length])
            .Concat(Enumerable.Range(0, whole.Length * 8)
            .Select(bit => whole.Select((b, i) => (byte)(i == bit / 8 ? b ^ (1 << bit % 8) : b)).ToArray()));
        foreach (var input in inputs)
        {
            await File.WriteAllBytesAsync(Path.Combine(fixture.Folder, name), input, TestContext.Current.CancellationToken);
            fixture.Restart();
            await fixture.AddAsync(next.Scrape("b 1\n", 2000 + ++damaged));
            Assert.Equal([$"b 1 @{2000 + damaged}", $"up 1 @{2000 + damaged}"], ScrapeFixture.Lines(await fixture.SendNextAsync()));
            Assert.Equal([name], fixture.Damaged);
            Assert.Equal(damaged, fixture.Metrics.QueueDamagedFiles.Value);
            Assert.Equal(0, fixture.Queue.Count);
        }
        Assert.Contains(name, fixture.Log);
    }

    [Theory]
    [InlineData("not ours", "it was not written by the sidecar")]
    [InlineData("SIDECAR\n\u0002\0\0\0\0\0\0\0", "it was written by another version of the sidecar")]
    public async Task Foreign_files_and_other_versions_are_kept_aside(string content, string cause)
    {
        using var queue = new QueueFixture();
        await File.WriteAllTextAsync(Path.Combine(queue.Folder, "0000000001000-00000000000000ff.scrape"), content,
            TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(queue.Folder, "README"), "of somebody", TestContext.Current.CancellationToken);
        queue.Restart();
        Assert.Equal(["0000000001000-00000000000000ff.scrape"], queue.Damaged);
        Assert.Contains(cause, queue.Log);
        Assert.Equal(content, await File.ReadAllTextAsync(Path.Combine(queue.Folder, "damaged", queue.Damaged[0]),
            TestContext.Current.CancellationToken));
        Assert.True(File.Exists(Path.Combine(queue.Folder, "README")));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_file_of_any_kind_blocks_no_other(string kind)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "these are files of Linux");
        Assert.SkipWhen(kind == "unreadable" && Environment.UserName == "root", "root reads all files: the next test denies the call");
        using var queue = new QueueFixture();
        using var target = new ScrapeFixture();
        for (var i = 1; i <= 3; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        Make(kind, Path.Combine(queue.Folder, Bad));
        queue.Restart();
        Assert.Equal(3, queue.Queue.Count);
        Assert.Equal(3, queue.Metrics.QueueScrapes.Value);
        for (var i = 1; i <= 3; i++)
            Assert.Equal([$"a {i} @{i}000", $"up 1 @{i}000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        if (kind != "folder") // which is not looked at
        {
            Assert.Contains(Bad, Assert.Single(queue.Log.Split('\n'), l => l.Contains("cannot be used", StringComparison.Ordinal)));
            Assert.Equal(1, queue.Metrics.QueueDamagedFiles.Value);
        }
        Assert.Equal(0, queue.Metrics.QueueDroppedScrapes[DropReason.Damaged]);
    }

    /// <summary>What a file of root, mode 0600, is to everybody else.</summary>
    [Theory]
    [InlineData(13, 0)]
    [InlineData(40, 0)]
    [InlineData(5, 1)] // after the disk had its chances
    public async Task A_file_that_cannot_be_opened_blocks_no_other(int errno, int aside)
    {
        using var queue = new QueueFixture();
        using var target = new ScrapeFixture();
        for (var i = 1; i <= 3; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        var bad = Path.Combine(queue.Folder, queue.Files[0]);
        queue.Before = (call, path) =>
        {
            if (call == FolderCall.Read && path == bad)
                throw new IOException("", errno);
        };
        queue.Restart();
        Assert.Equal(2, queue.Queue.Count);
        for (var i = 4; i <= 9; i++)
            await queue.AddAsync(target.Scrape($"a {i}\n", i * 1000));
        Assert.Equal(8, queue.Queue.Count);
        for (var i = 2; i <= 9; i++)
            Assert.Equal([$"a {i} @{i}000", $"up 1 @{i}000"], ScrapeFixture.Lines(await queue.SendNextAsync()));
        Assert.Equal(aside, queue.Damaged.Length);
        Assert.Equal(1 - aside, queue.Files.Length);
        Assert.Single(queue.Log.Split('\n'), l => l.Contains("cannot be used;", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_folder_full_of_foreign_files_makes_two_lines()
    {
        using var queue = new QueueFixture();
        for (var i = 0; i < 1000; i++)
        {
            await File.WriteAllTextAsync(Path.Combine(queue.Folder, $"{i}.scrape"), "not ours", Cancellation);
            await File.WriteAllTextAsync(Path.Combine(queue.Folder, $"{i}.txt"), "not ours", Cancellation);
            await File.WriteAllTextAsync(Path.Combine(queue.Folder, $"{i}.new"), "not ours", Cancellation);
        }
        var before = queue.Log.Length;
        queue.Restart();
        Assert.InRange(queue.Log.Length - before, 100, 2000);
        Assert.Contains("files=1000", queue.Log);
        Assert.Equal(1000, queue.Damaged.Length);
        Assert.Equal(1000, Directory.GetFiles(queue.Folder, "*.txt").Length);
        Assert.Equal(1000, Directory.GetFiles(queue.Folder, "*.new").Length); // not one of ours either
    }

    /// <summary>Each field of the header, and each number in it, edited to what cannot be, with a checksum that fits.</summary>
    [Fact]
    public async Task An_edited_header_with_a_right_checksum_is_set_aside_and_ends_nothing()
    {
        byte[] whole;
        string name;
        using (var target = new ScrapeFixture(external: [("cluster", "prod")]))
        using (var queue = new QueueFixture())
        {
            await queue.AddAsync(target.Scrape("a 1\na 2\nb 1\n", 1000));
            name = queue.Files.Single();
            whole = await File.ReadAllBytesAsync(Path.Combine(queue.Folder, name), Cancellation);
        }
        using var fixture = new QueueFixture();
        using var next = new ScrapeFixture();
        var timestamp = 2000;
        foreach (var (what, edited) in Edits(whole))
        {
            var damaged = fixture.Metrics.QueueDamagedFiles.Value;
            await File.WriteAllBytesAsync(Path.Combine(fixture.Folder, name), edited, Cancellation);
            fixture.Restart();
            Assert.True(fixture.Queue.Count == 0, what);
            Assert.True(fixture.Metrics.QueueDamagedFiles.Value == damaged + 1, what);
            Assert.Equal([name], fixture.Damaged);
            await fixture.AddAsync(next.Scrape("c 1\n", timestamp += 1000));
            Assert.Equal([$"c 1 @{timestamp}", $"up 1 @{timestamp}"], ScrapeFixture.Lines(await fixture.SendNextAsync()));
        }
    }

    /// <summary>
    /// Every byte of the header set to several values, with a checksum that fits: set aside, or sent, and no other is kept from it.
    /// </summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Any_byte_of_a_header_may_be_edited()
    {
        byte[] whole;
        string name;
        using (var target = new ScrapeFixture())
        using (var queue = new QueueFixture())
        {
            await queue.AddAsync(target.Scrape("a 1\na 2\nb 1\n", 1000));
            name = queue.Files.Single();
            whole = await File.ReadAllBytesAsync(Path.Combine(queue.Folder, name), Cancellation);
        }
        using var fixture = new QueueFixture();
        using var next = new ScrapeFixture();
        var length = BinaryPrimitives.ReadInt32LittleEndian(whole.AsSpan(12));
        var timestamp = 2000;
        for (var at = 0; at < length; at++)
        {
            foreach (var value in new byte[] { 0, 0x80, 0xff })
            {
                var edited = (byte[])whole.Clone();
                edited[16 + at] = value;
                Seal(edited, length);
                await File.WriteAllBytesAsync(Path.Combine(fixture.Folder, name), edited, Cancellation);
                fixture.Restart();
                await fixture.AddAsync(next.Scrape("c 1\n", timestamp += 1000));
                var sent = new List<string>();
                while (fixture.Queue.Count > 0)
                    sent.AddRange(ScrapeFixture.Lines(await fixture.SendNextAsync()));
                Assert.Contains($"c 1 @{timestamp}", sent);
                Assert.Empty(fixture.Files);
            }
        }
    }

    private static IEnumerable<(string What, byte[] File)> Edits(byte[] whole)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(whole.AsSpan(12));
        var fields = new Fields(whole.AsSpan(16, length).ToArray());
        foreach (var value in new[] { -1, long.MinValue, long.MaxValue, 253402300800000 })
            yield return ($"timestamp {value}", Edit(0, BitConverter.GetBytes(value)));
        for (var format = (int)Enum.GetValues<BodyFormat>().Max() + 1; format < 256; format += 50)
            yield return ($"format {format}", Edit(8, [(byte)format]));
        yield return ("honor timestamps", Edit(9, [2]));
        yield return ("ordered", Edit(10, [0xff]));
        foreach (var value in new[] { -1, int.MinValue, int.MaxValue })
            yield return ($"samples {value}", Edit(11, BitConverter.GetBytes(value)));
        foreach (var value in new[] { -1, int.MinValue, int.MaxValue, 0, 3, 1000 })
            yield return ($"skipped {value}", Edit(fields.Skipped, BitConverter.GetBytes(value)));
        foreach (var at in new[] { fields.Skipped + 4, fields.Skipped + 12 })
        {
            foreach (var value in new[] { -2, long.MinValue, long.MaxValue, 1L << 40, 1, 100_000 })
                yield return ($"length at {at} {value}", Edit(at, BitConverter.GetBytes(value)));
        }
        foreach (var url in new[] { "", "x", "/metrics", "file:///etc/passwd", "http://", "ftp://a/", new string('a', 100) })
            yield return ($"url {url}", Replace(fields.Url, fields.HonorLabels, Text(url)));
        yield return ("url of wrong UTF-8", Replace(fields.Url, fields.HonorLabels, [3, (byte)'h', 0xff, 0xfe]));
        yield return ("url too long", Edit(fields.Url, [0xff, 0xff, 0xff, 0xff, 0x7f]));
        yield return ("honor labels", Edit(fields.HonorLabels, [7]));
        foreach (var at in new[] { fields.HonorLabels + 1, fields.Interval + 16 })
        {
            foreach (var value in new[] { -1, int.MinValue, int.MaxValue, 1_000_000, 100 })
                yield return ($"labels at {at}: {value}", Edit(at, BitConverter.GetBytes(value)));
        }
        yield return ("no name", Replace(fields.HonorLabels + 5, fields.HonorLabels + 5 + 9, Text("")));
        foreach (var at in new[] { fields.Interval, fields.Interval + 8 })
        {
            foreach (var value in new[] { -2, 0, 1, long.MaxValue, long.MinValue, TimeSpan.FromDays(50).Ticks })
                yield return ($"time at {at}: {value}", Edit(at, BitConverter.GetBytes(value)));
        }
        yield return ("more", Replace(length, length, [0]));
        yield return ("less", Replace(length - 1, length, []));
        yield return ("nothing", Replace(0, length, []));

        byte[] Edit(int at, byte[] bytes)
        {
            var edited = (byte[])whole.Clone();
            bytes.CopyTo(edited, 16 + at);
            Seal(edited, length);
            return edited;
        }

        byte[] Replace(int from, int to, byte[] bytes)
        {
            byte[] edited = [.. whole[..(16 + from)], .. bytes, .. whole[(16 + to)..]];
            BinaryPrimitives.WriteInt32LittleEndian(edited.AsSpan(12), length - (to - from) + bytes.Length);
            Seal(edited, length - (to - from) + bytes.Length);
            return edited;
        }

        static byte[] Text(string text)
        {
            var bytes = new MemoryStream();
            new BinaryWriter(bytes, Encoding.UTF8).Write(text);
            return bytes.ToArray();
        }
    }

    private static void Seal(byte[] file, int length) =>
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(16 + length), XxHash3.HashToUInt64(file.AsSpan(16, length)));

    private static void Make(string kind, string path)
    {
        switch (kind)
        {
            case "unreadable":
                File.WriteAllText(path, "of root");
                if (!OperatingSystem.IsWindows())
                    File.SetUnixFileMode(path, UnixFileMode.None);
                break;
            case "fifo":
                using (var make = Process.Start("mkfifo", [path]))
                    make.WaitForExit();
                break;
            case "folder": Directory.CreateDirectory(path); break;
            case "dangling link": File.CreateSymbolicLink(path, path + "-nowhere"); break;
            case "looping link": File.CreateSymbolicLink(path, path); break;
            case "link": File.CreateSymbolicLink(path, "/etc/passwd"); break;
            case "huge":
                using (var file = File.Create(path))
                {
                    file.Write("SIDECAR\n"u8);
                    file.SetLength(1L << 32); // a hole
                }
                break;
            case "empty": File.WriteAllText(path, ""); break;
            case "not ours": File.WriteAllText(path, "not ours"); break;
            case "socket":
                using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, 0))
                {
                    socket.Bind(new UnixDomainSocketEndPoint(path + "x"));
                    File.Move(path + "x", path);
                }
                break;
        }
    }

    /// <summary>Where the fields of a header begin.</summary>
    private sealed class Fields
    {
        public Fields(byte[] header)
        {
            Skipped = 8 + 3 + 4 + 5 * 8;
            Url = Skipped + 4 + 8 + 8;
            using var from = new BinaryReader(new MemoryStream(header), Encoding.UTF8);
            from.BaseStream.Position = Url;
            from.ReadString();
            HonorLabels = (int)from.BaseStream.Position;
            from.ReadBoolean();
            for (var labels = from.ReadInt32(); labels > 0; labels--)
            {
                from.ReadString();
                from.ReadString();
            }
            Interval = (int)from.BaseStream.Position;
        }

        public int Skipped { get; }

        public int Url { get; }

        public int HonorLabels { get; }

        public int Interval { get; }
    }
}
