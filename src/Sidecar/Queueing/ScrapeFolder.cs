using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Operation;
using Sidecar.Relabeling;
using Sidecar.Scraping;

namespace Sidecar.Queueing;

/// <summary>
/// The queue's folder: one file a scrape, written beside, flushed and renamed in; removed when all of it was accepted. There is no log and
/// no index: what is there after any end of the process is what has to be sent. The last good scrape of each target stays as
/// <c>*.last</c>, so that a series that vanishes while the process is down gets its marker after the restart.
/// </summary>
/// <remarks>
/// Names: <c>TIMESTAMP-TARGET.scrape</c> and <c>TARGET.last</c>, with the timestamp in milliseconds and 16 digits of a hash of the target;
/// <c>lock</c>; <c>damaged/</c> for what cannot be read. Not thread-safe but for <see cref="Load"/>: the queue calls it one at a time.
/// </remarks>
internal sealed class ScrapeFolder(string path, FolderCalls calls, Metrics metrics, Log log, SeriesRules? rules = null) : IDisposable
{
    private const string Waiting = ".scrape";
    private const string Last = ".last";
    private const string Unfinished = ".new";
    private const string DamagedFolder = "damaged";

    private FileStream? held;
    private bool isFailing;

    public string Path => path;

    /// <summary>The folder could be used when it was used last.</summary>
    public bool IsOpen => held is not null && !isFailing;

    /// <summary>Takes the folder for this process; makes it where it is missing.</summary>
    /// <returns>False when another process has it: there must be one writer.</returns>
    public bool TryLock()
    {
        try
        {
            Lock();
        }
        catch (IOException) when (IsLockedByAnother())
        {
            return false;
        }
        catch (Exception e) when (IsExpected(e))
        {
            Fail(e, "opened");
        }
        return true;
    }

    /// <summary>What waits there from before, oldest first, parked; and the last good scrape of each target that has none waiting. Null while the folder cannot be read.</summary>
    public (List<Scrape> Waiting, List<Scrape> Last)? List()
    {
        try
        {
            if (held is null)
                Lock();
            var waiting = new List<Scrape>();
            var last = new List<Scrape>();
            foreach (var file in calls.List(path).Order(StringComparer.Ordinal))
            {
                switch (System.IO.Path.GetExtension(file))
                {
                    case Waiting when Open(file) is { } scrape:
                        waiting.Add(scrape);
                        break;
                    case Last when Open(file) is { } scrape:
                        last.Add(scrape);
                        break;
                    case Unfinished:
                        calls.Remove(file); // it never entered the queue
                        break;
                }
            }
            waiting.Sort((a, b) => a.Timestamp.CompareTo(b.Timestamp));
            return (waiting, last);
        }
        catch (Exception e) when (IsExpected(e))
        {
            Fail(e, "listed");
            return null;
        }
    }

    /// <summary>Writes the scrape. False when that fails: it stays in memory.</summary>
    public bool Store(Scrape scrape)
    {
        var file = System.IO.Path.Combine(path, $"{scrape.Timestamp:D13}-{NameOf(scrape.Target)}{Waiting}");
        var unfinished = file + Unfinished;
        try
        {
            if (held is null)
                Lock();
            long size;
            using (var stream = calls.Create(unfinished))
            {
                using (var buffered = new BufferedStream(stream, 64 * 1024))
                {
                    ScrapeFile.Write(buffered, scrape);
                    buffered.Flush();
                    calls.Flush(stream);
                    size = stream.Length;
                }
            }
            calls.Rename(unfinished, file);
            calls.FlushFolder(path);
            scrape.File = file;
            scrape.FileSize = size;
        }
        catch (Exception e) when (IsExpected(e))
        {
            Fail(e, "written");
            Discard(unfinished);
            Discard(file);
            return false;
        }
        if (isFailing)
            log.Recovered("queue directory", "The queue directory can be used again", ("path", path));
        isFailing = false;
        return true;
    }

    /// <summary>Reads a parked scrape back. False when its file is damaged or gone: it is set aside and will never be sent.</summary>
    /// <param name="isLastTry">The disk had its chances: a file that cannot be read is set aside as well. Before, that throws.</param>
    public bool Load(Scrape scrape, bool isLastTry = true)
    {
        if (!scrape.IsParked || scrape.File is not { } file)
            return true;
        FileDamage damage;
        try
        {
            using var stream = calls.Read(file);
            if (ScrapeFile.ReadHeader(stream, out damage) is not null && ScrapeFile.ReadBodies(stream, scrape, out damage))
                return true;
        }
        catch (FileNotFoundException)
        {
            log.Recurring(LogLevel.Error, "queue file gone", "A waiting scrape was removed from the queue directory by somebody else; it is lost",
                ("file", System.IO.Path.GetFileName(file)), ("scraped", DateTimeOffset.FromUnixTimeMilliseconds(scrape.Timestamp)));
            return false;
        }
        catch (Exception e) when (IsExpected(e))
        {
            Fail(e, "read");
            if (!isLastTry)
                throw new IOException(Cause(e), e);
            SetAside(file, "it cannot be read: " + Cause(e));
            return false;
        }
        SetAside(file, Words(damage));
        return false;
    }

    /// <summary>It need not be sent any more. The last good one of a target is kept for its series.</summary>
    /// <param name="wasSent">Not dropped: it is the target's last.</param>
    public void Remove(Scrape scrape, bool wasSent)
    {
        if (scrape.File is not { } file)
            return;
        var last = LastOf(scrape.Target);
        scrape.File = null;
        try
        {
            if (wasSent && scrape.IsGood)
                calls.Rename(file, last);
            else
            {
                if (wasSent && File.Exists(last))
                    calls.Remove(last); // all its series were marked
                calls.Remove(file);
            }
        }
        catch (Exception e) when (IsExpected(e))
        {
            // It will be sent once more after a restart: duplicates that receivers pass over.
            Fail(e, "removed from");
        }
    }

    /// <summary>A copy of the target's newest scrape, with its body if it was good: of the one that waits, else of the last that was sent.</summary>
    public Scrape? Recall(Target target, Scrape? newest)
    {
        var file = newest is null ? LastOf(target) : newest.File;
        try
        {
            if (file is null || (newest is null && !File.Exists(file)) || Open(file) is not { } scrape)
                return null;
            return Load(scrape) ? scrape : null;
        }
        catch (Exception e) when (IsExpected(e))
        {
            Fail(e, "read");
            return null;
        }
    }

    public void Forget(Target target) => Discard(LastOf(target));

    public void Dispose() => held?.Dispose();

    private static string NameOf(Target target) =>
        XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(target.Key)).ToString("x16", CultureInfo.InvariantCulture);

    private string LastOf(Target target) => System.IO.Path.Combine(path, NameOf(target) + Last);

    private static bool IsExpected(Exception e) => e is IOException or UnauthorizedAccessException or NotSupportedException;

    private void Lock()
    {
        Directory.CreateDirectory(path);
        held = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>The lock file is there and can be opened by everybody but us: .NET's FileShare.None is flock on Unix.</summary>
    private bool IsLockedByAnother()
    {
        try
        {
            using var other = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return false;
        }
        catch (IOException)
        {
            return File.Exists(System.IO.Path.Combine(path, "lock"));
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The parked scrape of a file; null when it is damaged, and then it was set aside.</summary>
    private Scrape? Open(string file)
    {
        FileDamage damage;
        using (var stream = calls.Read(file))
        {
            if (ScrapeFile.ReadHeader(stream, out damage, rules) is { } scrape)
            {
                scrape.File = file;
                scrape.FileSize = stream.Length;
                return scrape;
            }
        }
        SetAside(file, Words(damage));
        return null;
    }

    private void SetAside(string file, string cause)
    {
        metrics.QueueDamagedFiles.Increment();
        var name = System.IO.Path.GetFileName(file);
        try
        {
            Directory.CreateDirectory(System.IO.Path.Combine(path, DamagedFolder));
            calls.Rename(file, System.IO.Path.Combine(path, DamagedFolder, name));
            log.Error("A file of the queue cannot be used; it was moved to damaged/", ("file", name), ("cause", cause));
        }
        catch (Exception e) when (IsExpected(e))
        {
            log.Error("A file of the queue cannot be used, and cannot be moved to damaged/", ("file", name), ("cause", cause), ("error", Cause(e)));
        }
    }

    private void Discard(string file)
    {
        try
        {
            calls.Remove(file);
        }
        catch (Exception e) when (IsExpected(e))
        {
            // It is looked at again at the next start.
        }
    }

    private void Fail(Exception e, string what)
    {
        isFailing = true;
        metrics.QueueDirectoryFailures.Increment();
        log.Recurring(LogLevel.Error, "queue directory", $"The queue directory cannot be {what}; scrapes wait in memory until it can",
            ("path", path), ("cause", Cause(e)), ("remedy", "a crash loses what waits in memory: look at the volume's space, permissions and health"));
    }

    private static string Words(FileDamage damage) => damage switch
    {
        FileDamage.Foreign => "it was not written by the sidecar",
        FileDamage.UnknownVersion => "it was written by another version of the sidecar, which can still send it",
        FileDamage.Truncated => "it ends too early",
        _ => "its checksum does not fit: the disk has changed it",
    };

    /// <summary>On Unix the low bits of HResult are the errno of the failed call.</summary>
    private static string Cause(Exception e) => e switch
    {
        UnauthorizedAccessException => "permission denied, or the file system is read-only",
        DirectoryNotFoundException => "there is no such folder",
        FileNotFoundException => "there is no such file",
        _ => (e.HResult & 0xffff) switch
        {
            28 => "no space left on the device",
            30 => "the file system is read-only",
            5 => "input/output error: the disk is failing",
            122 => "the disk quota is exceeded",
            27 => "the file is too large",
            11 => "another process has the folder",
            116 => "the network file system has lost it (stale handle)",
            var errno => $"error {errno} of the operating system",
        },
    };
}
