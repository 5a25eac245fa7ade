using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Cluster.Campaigns;

/// <summary>A file that waited was changed: that scrape of a target may be lost, and no other.</summary>
public sealed record Damaged(int Target, long Timestamp, long At);

/// <summary>Puts into the queue directory what does not belong there, and changes what does.</summary>
public sealed class QueueLitter(QueueDisk disk, CampaignTarget[] targets, CampaignLog log)
{
    private readonly List<Damaged> damaged = [];
    private int number;

    public Damaged[] Damaged
    {
        get
        {
            lock (damaged)
                return [.. damaged];
        }
    }

    public int Count { get; private set; }

    /// <summary>One thing; a full or vanishing file is no reason to stop.</summary>
    public void Put(Random random, Faults allowed)
    {
        var choices = new List<Action<Random>>();
        if (allowed.HasFlag(Faults.Litter))
            choices.AddRange([Foreign, Copy, Copy, Unfinished]);
        if (allowed.HasFlag(Faults.Oddities))
            choices.AddRange([Link, Pipe, Directory]);
        if (allowed.HasFlag(Faults.Damage))
            choices.Add(Damage);
        var choice = choices[random.Next(choices.Count)];
        try
        {
            choice(random);
            Count++;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Write($"--- litter: {choice.Method.Name} failed: {e.Message}");
        }
    }

    private void Foreign(Random random)
    {
        var bytes = new byte[random.Next(0, 3000)];
        random.NextBytes(bytes);
        File.WriteAllBytes(NewFile(random, "foreign"), bytes);
    }

    /// <summary>A scrape that waits, once more, under another name, cut or with a bit flipped.</summary>
    private void Copy(Random random)
    {
        if (Pick(random) is not { } file)
            return;
        var bytes = File.ReadAllBytes(file);
        if (bytes.Length == 0)
            return;
        File.WriteAllBytes(NewFile(random, "damaged copy"), Spoil(random, bytes));
    }

    private void Unfinished(Random random) => File.WriteAllText(NewFile(random, "unfinished") + ".new", "SIDECAR\n");

    private void Link(Random random) => File.CreateSymbolicLink(NewFile(random, "link into nowhere"), "/nowhere/at/all");

    private void Pipe(Random random)
    {
        using var mkfifo = Process.Start("mkfifo", [NewFile(random, "pipe")]);
        mkfifo.WaitForExit();
    }

    private void Directory(Random random) => System.IO.Directory.CreateDirectory(NewFile(random, "folder"));

    private void Damage(Random random)
    {
        if (Pick(random) is not { } file)
            return;
        var bytes = File.ReadAllBytes(file);
        if (bytes.Length < 100)
            return;
        // The header has the target's URL in the clear.
        var text = Encoding.Latin1.GetString(bytes);
        var target = Array.FindIndex(targets, t => text.Contains($"http://127.0.0.1:{t.Port}/", StringComparison.Ordinal));
        if (target < 0)
            throw new IOException("whose file this is cannot be told");
        var timestamp = long.Parse(Path.GetFileName(file).Split('-')[0], CultureInfo.InvariantCulture);
        lock (damaged)
            damaged.Add(new Damaged(target, timestamp, Spells.Now));
        log.Write($"--- litter: {Path.GetFileName(file)} of target {target} is damaged in place");
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        var spoilt = Spoil(random, bytes);
        stream.Write(spoilt);
        stream.SetLength(spoilt.Length);
    }

    private static byte[] Spoil(Random random, byte[] bytes)
    {
        if (random.Next(2) == 0)
            return bytes[..random.Next(bytes.Length)];
        bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
        return bytes;
    }

    private string? Pick(Random random)
    {
        var waiting = disk.Waiting().Where(f => !f.Contains("-litter", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        return waiting.Length == 0 ? null : waiting[random.Next(waiting.Length)];
    }

    private string NewFile(Random random, string what)
    {
        var name = $"{Spells.Now - random.Next(100_000)}-litter{number++:D10}.scrape";
        log.Write($"--- litter: {what} {name}");
        return Path.Combine(disk.Folder, name);
    }
}
