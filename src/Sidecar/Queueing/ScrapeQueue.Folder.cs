using Sidecar.Discovery;
using Sidecar.Records;
using Sidecar.Telemetry;

namespace Sidecar.Queueing;

/// <summary>What the queue asks of the folder's thread, and what becomes of an entry when the thread has answered.</summary>
internal sealed partial class ScrapeQueue
{
    /// <summary>What a start, a scrape loop or the end of the process waits for the folder at most.</summary>
    private static readonly TimeSpan MostWait = TimeSpan.FromSeconds(2);

    /// <summary>A folder that has not answered since the start holds the sending of what is new up for no longer.</summary>
    private static readonly TimeSpan MostHold = TimeSpan.FromMinutes(1);

    /// <summary>Scrapes that are being read back, or were and wait to be taken.</summary>
    private const int MostLoads = 4;

    /// <summary>Tries to read a file before it is set aside; they take ten seconds, in which other targets are sent.</summary>
    private const int MostReads = 5;

    private int loads;
    private int unstored; // entries that wait and could not be stored
    private bool isListed;
    private long opened;

    /// <summary>New scrapes wait for older ones in the folder until it has answered, memory is half full, or a minute has passed.</summary>
    private bool IsHeldBack =>
        folder is not null && !isListed && !ended && totals.MemoryBytes < options.MemoryLimit / 2 && time.GetElapsedTime(opened) < MostHold;

    /// <summary>A disk that works may be a little behind: what is about to be stored is not dropped for it.</summary>
    private long MemoryLimit => folder is { IsHanging: false } && unstored == 0 ? 2 * options.MemoryLimit : options.MemoryLimit;

    /// <summary>First: queues the folder's scrapes, later if it does not answer. False if another process has the folder.</summary>
    public async Task<bool> OpenAsync()
    {
        if (folder is null)
            return true;
        opened = time.GetTimestamp();
        folder.HangingChanged = OnHangingChanged;
        var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        folder.Post(
            f => f.TryLock(),
            isOurs =>
            {
                if (!isOurs)
                    answer.TrySetResult(false);
                folder.Post(f => isOurs ? f.List() : null, list =>
                {
                    Resume(list);
                    answer.TrySetResult(true);
                }, failed: null);
            },
            failed: true);
        try
        {
            return await answer.Task.WaitAsync(MostWait, time);
        }
        catch (TimeoutException)
        {
            return true;
        }
    }

    /// <summary>
    /// The target's newest scrape from before this loop, sent or not, with its body if good; null for none, or while the folder does not
    /// answer. To be called before the first <see cref="Add"/>; released by the caller.
    /// </summary>
    public async Task<Scrape?> RecallAsync(Target target, CancellationToken cancellation)
    {
        if (folder is null)
            return null;
        var answer = new TaskCompletionSource<Scrape?>(TaskCreationOptions.RunContinuationsAsynchronously);
        FolderOrder order;
        lock (gate)
        {
            var newest = targets.TryGetValue(target.Key, out var line) ? line.Newest ?? line.InFlight : null;
            if (newest is { IsInMemory: true })
                return newest.Scrape.AddReference();
            order = folder.Post(
                f => f.Recall(target, newest?.File),
                recalled =>
                {
                    if (!answer.TrySetResult(recalled))
                        recalled?.Release(); // nobody waits any more
                },
                failed: null);
        }
        try
        {
            return await answer.Task.WaitAsync(MostWait, time, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            folder.Cancel(order);
            if (!answer.TrySetResult(null))
                (await answer.Task)?.Release();
            cancellation.ThrowIfCancellationRequested();
            return null;
        }
    }

    /// <summary>Another target has the series now: what the folder knows of this one is of no use.</summary>
    public void Forget(Target target) => folder?.Post(f => f.Forget(target));

    /// <summary>At the end: what is being stored gets some time, unless the folder hangs.</summary>
    /// <param name="isLate">Cancelled when the time for sending is over, and a moment is left.</param>
    public Task SettleAsync(CancellationToken isLate) =>
        folder?.SettleAsync(isLate.IsCancellationRequested ? MostWait / 10 : MostWait) ?? Task.CompletedTask;

    /// <summary>A target whose file is being removed is skipped, unless the disk hangs: old scrapes must not follow newer ones.</summary>
    private bool IsBusy(TargetLine line) =>
        line.InFlight is { } taken && (taken.Exit == QueueExit.None || folder is not { IsHanging: true });

    private void Store(QueuedScrape entry)
    {
        if (folder is null)
            return;
        var scrape = entry.Scrape.AddReference();
        entry.Storing = folder.Post(
            f => (File: f.Store(scrape), More: f.IsListed ? null : f.List()),
            stored =>
            {
                scrape.Release();
                Resume(stored.More);
                Stored(entry, stored.File);
            },
            failed: default, calledOff: scrape.Release);
    }

    private void Stored(QueuedScrape entry, StoredFile? file)
    {
        lock (gate)
        {
            entry.Storing = null;
            if (entry.Exit != QueueExit.None)
            {
                entry.File = file;
                LeaveFolder(entry);
            }
            else if (file is null)
            {
                entry.IsUnstored = true;
                unstored++;
            }
            else
            {
                totals.Remove(entry);
                entry.File = file;
                totals.Add(entry);
                Park(entry);
                StoreAnother();
            }
            DropOverLimit(newest: null);
            Report();
        }
        Wake();
    }

    /// <summary>The disk takes files again: what could not be stored gets another try, one after another.</summary>
    private void StoreAnother()
    {
        if (unstored == 0 || targets.Values.SelectMany(line => line.All).FirstOrDefault(e => e.IsUnstored) is not { } entry)
            return;
        entry.IsUnstored = false;
        unstored--;
        Store(entry);
    }

    /// <summary>What is in its file and not next lets go of its memory.</summary>
    private void Park(QueuedScrape entry)
    {
        if (entry.File is null || !targets.TryGetValue(entry.Target.Key, out var line) || line.InFlight == entry
            || (line.First == entry && line.InFlight is null))
            return;
        NoLongerLoaded(entry);
        entry.Release();
    }

    private void NoLongerLoaded(QueuedScrape entry)
    {
        if (!entry.IsLoaded)
            return;
        entry.IsLoaded = false;
        loads--;
    }

    private void Load(QueuedScrape entry)
    {
        if (loads >= MostLoads || folder is null)
            return;
        loads++;
        entry.IsLoading = true;
        var file = entry.File!;
        var isLastTry = entry.FailedReads + 1 == MostReads;
        folder.Post(f => f.Load(file, isLastTry), loaded => Loaded(entry, loaded), failed: new LoadedScrape(null, IsLost: isLastTry));
    }

    private void Loaded(QueuedScrape entry, LoadedScrape loaded)
    {
        lock (gate)
        {
            entry.IsLoading = false;
            if (entry.Exit != QueueExit.None || !targets.TryGetValue(entry.Target.Key, out var line))
            {
                loads--;
                loaded.Scrape?.Release();
            }
            else if (loaded.Scrape is { } scrape)
            {
                entry.Load(scrape);
                entry.IsLoaded = true;
                Park(entry); // older ones may have come before it meanwhile
            }
            else
            {
                loads--;
                if (loaded.IsLost)
                {
                    line.Remove(entry);
                    CountDropped(entry.Samples, DropReason.Damaged);
                    Leave(entry, QueueExit.Lost);
                }
                else
                    entry.Retry = time.CreateTimer(
                        _ => ReadAgain(entry), null, TimeSpan.FromSeconds(++entry.FailedReads), Timeout.InfiniteTimeSpan);
            }
            Report();
        }
        Wake();
    }

    private void ReadAgain(QueuedScrape entry)
    {
        lock (gate)
        {
            entry.Retry?.Dispose();
            entry.Retry = null;
        }
        Wake();
    }

    /// <summary>The entry, which is in no line any more, is no longer accounted for; its file goes its way.</summary>
    private void Leave(QueuedScrape entry, QueueExit exit)
    {
        totals.Remove(entry);
        entry.Exit = exit;
        NoLongerLoaded(entry);
        if (entry.IsUnstored)
            unstored--;
        entry.IsUnstored = false;
        var last = exit == QueueExit.Delivered && entry.Storing is not null ? entry.Scrape.AddReference() : null;
        if (entry.Storing is { } storing && folder!.Cancel(storing))
        {
            entry.Storing = null;
            if (last is not null)
                KeepLast(LineOf(entry.Target), last);
        }
        else
            last?.Release();
        entry.Release();
        if (entry.Storing is null)
            LeaveFolder(entry);
    }

    /// <summary>Nothing is being written any more: if there is a file, it goes; then the target's next one may.</summary>
    private void LeaveFolder(QueuedScrape entry)
    {
        if (entry.File is not { } file)
        {
            Gone(entry);
            return;
        }
        // While its file was being written a newer one was sent, which is the target's last.
        var isLast = !(targets.TryGetValue(entry.Target.Key, out var line) && line.KeepingLast is not null);
        folder!.Post(
            f =>
            {
                switch (entry.Exit)
                {
                    case QueueExit.Delivered when isLast:
                        f.Finish(file, entry.Target, entry.IsGood);
                        break;
                    case QueueExit.Delivered or QueueExit.Dropped:
                        f.Remove(file);
                        break;
                    case QueueExit.SetAside:
                        f.SetAside(file, entry.Cause ?? "it cannot be sent");
                        break;
                }
            },
            () =>
            {
                lock (gate)
                {
                    Gone(entry);
                    Report();
                }
                Wake();
            });
    }

    private void Gone(QueuedScrape entry)
    {
        if (targets.TryGetValue(entry.Target.Key, out var line) && line.InFlight == entry)
            line.InFlight = null;
    }

    /// <summary>Of scrapes sent before they were stored, only the newest is stored, as the target's last.</summary>
    private void KeepLast(TargetLine line, Scrape scrape)
    {
        if (line.KeepingLast is { } before)
            folder!.Cancel(before);
        FolderOrder? order = null;
        order = line.KeepingLast = folder!.Post(
            f => f.KeepLast(scrape),
            () =>
            {
                scrape.Release();
                lock (gate)
                {
                    if (line.KeepingLast == order)
                        line.KeepingLast = null;
                    Report();
                }
            },
            calledOff: scrape.Release);
    }

    private void OnHangingChanged()
    {
        lock (gate)
        {
            DropOverLimit(newest: null);
            Report();
        }
        for (var i = 0; i < MostLoads; i++)
            Wake();
    }

    /// <summary>What waits in the folder comes before what was scraped since.</summary>
    private void Resume(FolderList? list)
    {
        lock (gate)
        {
            isListed = true;
            if (list is null)
                return;
            var horizon = (time.GetUtcNow() + MostAhead).ToUnixTimeMilliseconds();
            foreach (var byTarget in list.Waiting.GroupBy(s => s.Header.Target.Key))
            {
                QueuedScrape[] entries =
                    [.. byTarget.Select(s => new QueuedScrape(s.Header, s.File) { IsAhead = s.Header.Timestamp > horizon })];
                var line = LineOf(entries[0].Target);
                var first = line.First;
                line.AddBefore(entries);
                if (first is not null)
                    Park(first);
                foreach (var entry in entries)
                {
                    totals.Add(entry);
                    metrics.QueueHighestTimestampSeconds.Raise(entry.Timestamp / 1000.0);
                }
                remembered.Add(entries[0].Target);
            }
            remembered.AddRange(list.Last.Select(s => s.Header.Target).ExceptBy(remembered.Select(t => t.Key), t => t.Key));
            if (list.Waiting.Count > 0)
                log.Info("Scrapes that wait in the queue directory are sent first", ("scrapes", list.Waiting.Count),
                    ("bytes", list.Waiting.Sum(s => s.File.Size)),
                    ("oldest", DateTimeOffset.FromUnixTimeMilliseconds(list.Waiting[0].Header.Timestamp)));
            if (totals.Ahead > 0)
            {
                log.Warn("Scrapes in the queue directory are from the future; they are sent, and new ones are made by the clock of now",
                    ("scrapes", totals.Ahead), ("newest", DateTimeOffset.FromUnixTimeMilliseconds(list.Waiting[^1].Header.Timestamp)),
                    ("remedy", "the clock was ahead, or is behind now: set it right; "
                        + "a receiver may refuse samples older than those it has"));
            }
            DropOverLimit(newest: null);
            DropOverAge();
            Report();
        }
        Wake();
    }
}
