using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// The published binary started on a queue directory with files that cannot be: each costs itself, and the others are sent.
/// </summary>
public sealed class BadQueueFileTests(PublishedBinary binary) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("bad-files").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_pipe_links_and_edited_files_keep_neither_the_start_nor_the_others_up()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "these are files of Linux");
        await using var run = await CreateAsync();
        var waiting = await FillAsync(run);
        using (var make = Process.Start("mkfifo", [PathOf(1)]))
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(PathOf(2), PathOf(2)); // looping
        File.CreateSymbolicLink(PathOf(3), Path.Combine(folder, "nowhere"));
        Directory.CreateDirectory(PathOf(4));
        await File.WriteAllTextAsync(PathOf(5), "not ours", TestContext.Current.CancellationToken);
        var whole = await File.ReadAllBytesAsync(waiting[0], TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(PathOf(6), Edited(whole, 0, long.MaxValue), TestContext.Current.CancellationToken); // its timestamp
        // the body's length
        await File.WriteAllBytesAsync(PathOf(7), Edited(whole, 59, long.MaxValue), TestContext.Current.CancellationToken);

        run.Start(binary);
        await Eventually.TrueAsync(() => waiting.All(f => !File.Exists(f)), () => string.Join('\n', run.Sidecar.Log));
        await run.StopAsync();
        Assert.Empty(waiting.Select(TimestampOf).Except(run.Samples("serial").Select(s => s.Timestamp)));
        Assert.Equal(3, Directory.GetFiles(Path.Combine(folder, "damaged")).Length);
        Assert.Equal(2, run.Sidecar.Log.Count(l => l.Contains("of the queue cannot be used", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_queue_from_the_future_is_sent_and_scrapes_of_now_are_made()
    {
        await using var run = await CreateAsync();
        var waiting = await FillAsync(run);
        var ahead = TimeSpan.FromDays(1).TotalMilliseconds;
        foreach (var file in waiting)
        {
            var timestamp = TimestampOf(file) + (long)ahead;
            var edited = Edited(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken), 0, timestamp);
            await File.WriteAllBytesAsync(Path.Combine(folder, $"{timestamp:D13}-{Path.GetFileName(file).Split('-')[1]}"), edited,
                TestContext.Current.CancellationToken);
            File.Delete(file);
        }
        var scrapes = run.ApiServer.Metrics.Scrapes;
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("are from the future", $"scrapes={waiting.Length}");
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= scrapes + 4, () => string.Join('\n', run.Sidecar.Log));
        await Eventually.TrueAsync(
            () => !waiting.Select(f => TimestampOf(f) + (long)ahead).Except(run.Samples("serial").Select(s => s.Timestamp)).Any(),
            () => string.Join('\n', run.Sidecar.Log));
        Assert.Equal(0, await run.Sidecar.StopAsync());
        Assert.All(run.Receiver.Violations, v => Assert.StartsWith("out of order", v, StringComparison.Ordinal)); // as they must be
        var latest = DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeMilliseconds();
        Assert.InRange(run.Samples("serial").Count(s => s.Timestamp < latest && s.Value > scrapes), 3, int.MaxValue);
    }

    /// <summary>A life with the receiver away: what it leaves in the folder.</summary>
    private async Task<string[]> FillAsync(StandInFixture run)
    {
        run.Receiver.Answer = _ => new ReceiverAnswer(503);
        run.Start(binary);
        await Eventually.TrueAsync(() => Directory.GetFiles(folder, "*.scrape").Length >= 4, () => string.Join('\n', run.Sidecar.Log));
        Assert.Equal(0, await run.Sidecar.StopAsync());
        await run.Sidecar.DisposeAsync();
        run.Receiver.Answer = _ => new ReceiverAnswer();
        return [.. Directory.GetFiles(folder, "*.scrape").Order(StringComparer.Ordinal)];
    }

    private async Task<StandInFixture> CreateAsync()
    {
        var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Gzip = scrape => TargetBehaviour.Compress(Encoding.UTF8.GetBytes($"serial {scrape}\n"));
        foreach (var name in run.Environment.Keys.Where(k => k.StartsWith("SIDECAR_KUBERNETES_", StringComparison.Ordinal)).ToArray())
            run.Environment.Remove(name);
        run.Environment["SIDECAR_TARGETS"] = $"127.0.0.1:{run.ApiServer.Port}";
        run.Environment["SIDECAR_TLS_CA_FILE"] = run.Cluster.CaFile;
        run.Environment["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = run.Cluster.TokenFile;
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "300ms";
        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "500ms";
        run.Environment["SIDECAR_QUEUE_DIRECTORY"] = folder;
        return run;
    }

    private string PathOf(int number) => Path.Combine(folder, $"{number:D13}-00000000000000ff.scrape");

    private static long TimestampOf(string file) => long.Parse(Path.GetFileName(file).Split('-')[0], CultureInfo.InvariantCulture);

    /// <summary>A number of the header changed, and its checksum made to fit.</summary>
    private static byte[] Edited(byte[] whole, int at, long value)
    {
        var edited = (byte[])whole.Clone();
        var length = BinaryPrimitives.ReadInt32LittleEndian(edited.AsSpan(12));
        BinaryPrimitives.WriteInt64LittleEndian(edited.AsSpan(16 + at), value);
        BinaryPrimitives.WriteUInt64LittleEndian(edited.AsSpan(16 + length), XxHash3.HashToUInt64(edited.AsSpan(16, length)));
        return edited;
    }
}
