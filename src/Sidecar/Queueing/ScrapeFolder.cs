using System.Globalization;
using System.IO.Hashing;
using Sidecar.Discovery;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Queueing;

/// <summary>
/// The queue's folder: one file a scrape, written beside, flushed and renamed in; removed when all of it was accepted. There is no log and
/// no index: what is there after any end of the process is what has to be sent. The last good scrape of each target stays as
/// <c>*.last</c>, so that a series that vanishes while the process is down gets its marker after the restart.
/// </summary>
/// <remarks>
/// Names: <c>TIMESTAMP-TARGET.scrape</c> and <c>TARGET.last</c>, with the timestamp in milliseconds and 16 digits of a hash of the target;
/// <c>lock</c>; <c>damaged/</c> for what cannot be read. Each call may take as long as the disk likes, so only <see cref="FolderThread"/>
/// makes them.
/// </remarks>
internal sealed class ScrapeFolder(
    string path, FolderCalls calls, Metrics metrics, Log log, Func<string, SeriesRules?>? rules = null, TimeProvider? time = null)
    : IDisposable
{
    private const string Waiting = ".scrape";
    private const string Last = ".last";
    private const string Unfinished = ".new";
    private const string DamagedFolder = "damaged";

    /// <summary>Lists that a file may fail to be read in, where the disk is the reason, before it is set aside.</summary>
    private const int MostReads = 5;

    /// <summary>A full disk takes a file now and then: failing is over when all writes have succeeded for so long.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    /// <summary>Files written or listed by this process, so that none is listed twice. Null once all were listed.</summary>
    private HashSet<string>? known = [];
    private readonly Dictionary<string, int> failedReads = [];
    private IDisposable? held;
    private readonly TimeProvider time = time ?? TimeProvider.System;
    private long failed; // time.GetTimestamp() of the last failure
    private bool isFailing;

    public string Path => path;
    public long Calls => calls.Count;
    public bool IsListed => known is null;

    /// <summary>Takes the folder for this process; makes it where it is missing.</summary>
    /// <returns>False when another process has it: there must be one writer.</returns>
    public bool TryLock()
    {
        try
        {
            return TryHold();
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
        {
            Fail(e, "opened");
            return true;
        }
    }

    /// <summary>Files from before not listed yet, oldest first, and last good scrapes. Null while the folder cannot be read.</summary>
    public FolderList? List()
    {
        if (known is null)
            return new FolderList();
        var list = new FolderList();
        var problems = new FileProblems(log);
        try
        {
            Hold();
            var isWhole = true;
            foreach (var file in calls.List(path).Order(StringComparer.Ordinal).ToArray())
            {
                var kind = System.IO.Path.GetExtension(file);
                if (kind is Waiting or Last)
                {
                    if (!known.Add(file))
                        continue;
                    if (TryOpen(file, problems, out var isTransient) is { } found)
                        (kind == Waiting ? list.Waiting : list.Last).Add(found);
                    else if (isTransient)
                    {
                        known.Remove(file);
                        isWhole = false;
                    }
                }
                else if ((file.EndsWith(Waiting + Unfinished, StringComparison.Ordinal)
                        || file.EndsWith(Last + Unfinished, StringComparison.Ordinal))
                    && !known.Contains(file))
                    Discard(file); // it never entered the queue
            }
            list.Waiting.Sort((a, b) => a.Header.Timestamp.CompareTo(b.Header.Timestamp));
            if (isWhole)
                known = null;
            problems.Tell();
            return list;
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
        {
            foreach (var (_, file) in list.Waiting.Concat(list.Last))
                known?.Remove(file.Path);
            problems.Tell();
            Fail(e, "listed");
            return null;
        }
    }

    /// <summary>Writes the scrape. Null when that fails: it stays in memory.</summary>
    public StoredFile? Store(Scrape scrape)
    {
        var file = System.IO.Path.Combine(path, $"{scrape.Timestamp:D13}-{NameOf(scrape.Target)}{Waiting}");
        known?.Add(file);
        return Write(scrape, file, isWaiting: true);
    }

    /// <summary>The scrape was sent before it was stored: it is the target's last, or ends what was known of it.</summary>
    public void KeepLast(Scrape scrape)
    {
        if (scrape.IsGood)
            Write(scrape, LastOf(scrape.Target), isWaiting: false);
        else
            RemoveLast(scrape.Target);
    }

    /// <summary>Reads a scrape back. Where its file is damaged or gone, that is told, and the file is set aside.</summary>
    /// <param name="isLastTry">The disk had its chances: a file that cannot be read is set aside as well.</param>
    public LoadedScrape Load(StoredFile stored, bool isLastTry)
    {
        var file = stored.Path;
        FileDamage damage;
        try
        {
            using var stream = calls.Read(file);
            if (ScrapeFile.ReadHeader(stream, stream.Length, out damage) is { } header
                && ScrapeFile.ReadBodies(stream, header, rules?.Invoke(header.Target.Job), out damage) is { } scrape)
                return new LoadedScrape(scrape, IsLost: false);
        }
        catch (Exception e) when (FileErrors.IsExpected(e) && FileErrors.Number(e) is (FileErrors.NoSuchFile or FileErrors.NotAFolder))
        {
            log.Recurring(LogLevel.Error, "queue file gone",
                "A waiting scrape was removed from the queue directory by somebody else; it is lost",
                ("file", System.IO.Path.GetFileName(file)), ("remedy", "let nobody but the sidecar remove files there"));
            return new LoadedScrape(null, IsLost: true);
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
        {
            Fail(e, "read");
            if (isLastTry)
                SetAside(stored, "it cannot be read: " + FileErrors.Words(e));
            return new LoadedScrape(null, IsLost: isLastTry);
        }
        SetAside(stored, FileErrors.Words(damage));
        return new LoadedScrape(null, IsLost: true);
    }

    /// <summary>It was sent. The last good one of a target is kept for its series.</summary>
    public void Finish(StoredFile file, Target target, bool isGood) => TryRemove(() =>
    {
        if (isGood)
            calls.Rename(file.Path, LastOf(target));
        else
        {
            RemoveLast(target); // all its series were marked
            calls.Remove(file.Path);
        }
    });

    public void Remove(StoredFile file) => TryRemove(() => calls.Remove(file.Path));

    /// <summary>Moves a file that cannot be sent to where nobody sends it and nobody deletes it.</summary>
    public void SetAside(StoredFile file, string cause)
    {
        var problems = new FileProblems(log);
        SetAside(file.Path, cause, problems);
        problems.Tell();
    }

    /// <summary>The target's newest scrape, with its body if good: the newest that waits, else the last that was sent.</summary>
    public Scrape? Recall(Target target, StoredFile? newest)
    {
        try
        {
            if (newest is not null)
                return Load(newest, isLastTry: false).Scrape;
            var last = LastOf(target);
            return calls.Exists(last) ? Load(new StoredFile(last, 0), isLastTry: false).Scrape : null;
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
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

    private bool TryHold()
    {
        if (held is not null)
            return true;
        calls.MakeFolder(path);
        held = calls.Lock(System.IO.Path.Combine(path, "lock"));
        return held is not null;
    }

    private void Hold()
    {
        if (!TryHold())
            throw new IOException("another process has the folder", FileErrors.TryAgain);
    }

    private StoredFile? Write(Scrape scrape, string file, bool isWaiting)
    {
        var unfinished = file + Unfinished;
        try
        {
            StoredFile stored;
            try
            {
                stored = WriteOnce(scrape, file, unfinished, isWaiting);
            }
            catch (Exception e) when (FileErrors.IsExpected(e) && FileErrors.Number(e) == FileErrors.NoSuchFile)
            {
                // Somebody has deleted the folder under us: it is made and locked anew.
                held?.Dispose();
                held = null;
                stored = WriteOnce(scrape, file, unfinished, isWaiting);
            }
            if (isFailing && time.GetElapsedTime(failed) >= Settled)
            {
                log.Recovered("queue directory", "The queue directory can be used again", ("path", path));
                isFailing = false;
            }
            return stored;
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
        {
            Fail(e, "written");
            Discard(unfinished);
            if (isWaiting)
                Discard(file);
            return null;
        }
    }

    private StoredFile WriteOnce(Scrape scrape, string file, string unfinished, bool isWaiting)
    {
        Hold();
        long size;
        using (var stream = calls.Create(unfinished))
        {
            using var buffered = new BufferedStream(stream, 64 * 1024);
            ScrapeFile.Write(buffered, scrape);
            buffered.Flush();
            calls.Flush(stream, unfinished);
            size = stream.Length;
        }
        calls.Rename(unfinished, file);
        if (isWaiting)
            calls.FlushFolder(path);
        return new StoredFile(file, size);
    }

    private void RemoveLast(Target target) => TryRemove(() =>
    {
        if (calls.Exists(LastOf(target)))
            calls.Remove(LastOf(target));
    });

    /// <summary>A file that stays is sent once more after a restart: duplicates that receivers pass over.</summary>
    private void TryRemove(Action remove)
    {
        try
        {
            remove();
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
        {
            Fail(e, "removed from");
        }
    }

    /// <summary>The header of a file; null when it cannot be used, and then it was left where it is, or set aside.</summary>
    /// <param name="isTransient">The disk may do better next time.</param>
    private ListedScrape? TryOpen(string file, FileProblems problems, out bool isTransient)
    {
        isTransient = false;
        FileDamage damage;
        try
        {
            using var stream = calls.Read(file);
            var size = stream.Length;
            if (ScrapeFile.ReadHeader(stream, size, out damage) is { } header)
                return new ListedScrape(header, new StoredFile(file, size));
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
        {
            switch (FileErrors.Number(e))
            {
                case FileErrors.NoSuchFile:
                    break; // taken away meanwhile
                case FileErrors.Denied:
                    metrics.QueueDamagedFiles.Increment();
                    problems.Add(file, "permission denied", isMoved: false);
                    break;
                case FileErrors.IsALink or FileErrors.NoDeviceBehind or FileErrors.IsAFolder:
                    metrics.QueueDamagedFiles.Increment();
                    problems.Add(file, "it is not a regular file", isMoved: false);
                    break;
                default:
                    Fail(e, "read");
                    var failed = failedReads[file] = failedReads.GetValueOrDefault(file) + 1;
                    isTransient = failed < MostReads;
                    if (!isTransient)
                        SetAside(file, "it cannot be read: " + FileErrors.Words(e), problems);
                    break;
            }
            return null;
        }
        SetAside(file, FileErrors.Words(damage), problems);
        return null;
    }

    private void SetAside(string file, string cause, FileProblems problems)
    {
        metrics.QueueDamagedFiles.Increment();
        try
        {
            calls.MakeFolder(System.IO.Path.Combine(path, DamagedFolder));
            calls.Rename(file, System.IO.Path.Combine(path, DamagedFolder, System.IO.Path.GetFileName(file)));
            problems.Add(file, cause, isMoved: true);
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
        {
            problems.Add(file, $"{cause}; moving it to damaged/ fails: {FileErrors.Words(e)}", isMoved: false);
        }
    }

    private void Discard(string file)
    {
        try
        {
            calls.Remove(file);
        }
        catch (Exception e) when (FileErrors.IsExpected(e))
        {
            // It is looked at again at the next start.
        }
    }

    private void Fail(Exception e, string what)
    {
        isFailing = true;
        failed = time.GetTimestamp();
        metrics.QueueDirectoryFailures.Increment();
        log.Recurring(LogLevel.Error, "queue directory", $"The queue directory cannot be {what}; scrapes wait in memory until it can",
            ("path", path), ("error", FileErrors.Words(e)),
            ("remedy", "a crash loses what waits in memory: look at the volume's space, permissions and health"));
    }
}
