using Sidecar.Telemetry;

namespace Sidecar.Queueing;

/// <summary>Something that the thread of the queue directory is asked to do; can be called off until it has begun.</summary>
internal sealed class FolderOrder(Action<ScrapeFolder> call, Action? calledOff)
{
    public Action<ScrapeFolder> Call { get; } = call;

    /// <summary>What the order held is let go of.</summary>
    public Action? CalledOff { get; } = calledOff;

    /// <summary>Its place in the inbox; null once it has begun.</summary>
    public LinkedListNode<FolderOrder>? Place { get; set; }
}

/// <summary>
/// The one thread that touches the queue directory. A call of over two seconds is a hang, until the thread has caught up.
/// </summary>
internal sealed class FolderThread : IDisposable
{
    /// <summary>Between looks at whether the thread moves, while it works.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    /// <summary>Looks without a move that make a hang.</summary>
    private const int MostLooks = 2;

    /// <summary>Of the end, for a call in progress: well within what the process has left when all its time for stopping is used.</summary>
    private static readonly TimeSpan LongestEnd = TimeSpan.FromMilliseconds(300);

    private readonly object gate = new();
    private readonly LinkedList<FolderOrder> inbox = [];
    private readonly ScrapeFolder folder;
    private readonly Metrics metrics;
    private readonly Log log;
    private readonly TimeProvider time;
    private readonly InternalErrors? errors;
    private readonly ITimer watchdog;
    private readonly Thread thread;
    private bool isWatched;
    private bool isBusy;
    private bool isDisposed;
    private long begun; // orders
    private (long Orders, long Calls) seen;
    private int looks;
    private volatile bool isHanging;

    public FolderThread(ScrapeFolder folder, Metrics metrics, Log log, TimeProvider time, InternalErrors? errors = null)
    {
        this.folder = folder;
        this.metrics = metrics;
        this.log = log;
        this.time = time;
        this.errors = errors;
        watchdog = time.CreateTimer(_ => Watch(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        thread = new Thread(Work, maxStackSize: 256 * 1024) { IsBackground = true, Name = "queue folder" };
        thread.Start();
    }

    public string Path => folder.Path;

    /// <summary>A call to the file system does not come back, or what piled up behind one is being worked through.</summary>
    public bool IsHanging => isHanging;

    public bool IsIdle { get { lock (gate) return inbox.Count == 0 && !isBusy; } }

    /// <summary>Called, from any thread and without a lock, when <see cref="IsHanging"/> has changed.</summary>
    public Action? HangingChanged { get; set; }

    /// <summary>After all that was posted before. Safe under any lock but that of an order.</summary>
    /// <param name="done">Called on the thread of the folder with what the call came to.</param>
    /// <param name="failed">What it comes to when it ends in an exception that nobody expected.</param>
    /// <param name="calledOff">Called instead of both by <see cref="Cancel"/>.</param>
    public FolderOrder Post<T>(Func<ScrapeFolder, T> call, Action<T> done, T failed, Action? calledOff = null)
    {
        var result = failed;
        return Post(f => result = call(f), () => done(result), calledOff);
    }

    /// <summary>The same for a call that comes to nothing.</summary>
    public FolderOrder Post(Action<ScrapeFolder> call, Action? done = null, Action? calledOff = null)
    {
        var order = new FolderOrder(
            f =>
            {
                Guarded(() => call(f));
                if (done is not null)
                    Guarded(done);
            },
            calledOff);
        lock (gate)
        {
            order.Place = inbox.AddLast(order);
            if (!isWatched)
            {
                isWatched = true;
                looks = 0;
                watchdog.Change(Look, Look);
            }
            Monitor.PulseAll(gate);
        }
        return order;
    }

    private void Guarded(Action step)
    {
        try
        {
            step();
        }
        catch (Exception e)
        {
            errors?.Report(ProcessLoop.Disk, e, ("path", folder.Path));
        }
    }

    /// <summary>False when the order has begun: then its end comes.</summary>
    public bool Cancel(FolderOrder order)
    {
        lock (gate)
        {
            if (order.Place is not { } place)
                return false;
            order.Place = null;
            inbox.Remove(place);
        }
        order.CalledOff?.Invoke();
        return true;
    }

    /// <summary>Waits until nothing is left to do, but not for a directory that hangs. False when something is left.</summary>
    public async Task<bool> SettleAsync(TimeSpan most)
    {
        for (var began = time.GetTimestamp(); !IsIdle; await Task.Delay(TimeSpan.FromMilliseconds(1), time))
        {
            if (isHanging || time.GetElapsedTime(began) >= most)
                return false;
        }
        return true;
    }

    /// <summary>What was posted and has not begun is left undone. A thread that hangs ends with the process.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            isDisposed = true;
            Monitor.PulseAll(gate);
        }
        if (!isHanging)
            thread.Join(LongestEnd);
        watchdog.Dispose();
    }

    private void Work()
    {
        while (true)
        {
            FolderOrder? order = null;
            lock (gate)
            {
                isBusy = false;
                while (inbox.Count == 0 && !isDisposed && !isHanging)
                    Monitor.Wait(gate);
                if (isDisposed)
                    break;
                if (inbox.First is { } first)
                {
                    order = first.Value;
                    order.Place = null;
                    inbox.RemoveFirst();
                    isBusy = true;
                    begun++;
                }
            }
            if (order is null)
                Recover();
            else
                order.Call(folder);
        }
        folder.Dispose();
    }

    /// <summary>On a timer, for as long as there is work.</summary>
    private void Watch()
    {
        lock (gate)
        {
            if (!isBusy && inbox.Count == 0 || isDisposed)
            {
                isWatched = false;
                if (!isDisposed)
                    watchdog.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                return;
            }
            var now = (begun, folder.Calls);
            looks = now == seen ? looks + 1 : 0;
            seen = now;
            if (looks < MostLooks || isHanging)
                return;
            isHanging = true;
        }
        metrics.QueueDirectoryHanging.Set(1);
        log.Recurring(LogLevel.Error, "queue directory hangs", "The queue directory does not answer; scrapes wait in memory until it does",
            ("path", folder.Path), ("remedy", "a crash loses what waits in memory: look at the volume and at what it is mounted from"));
        HangingChanged?.Invoke();
    }

    private void Recover()
    {
        isHanging = false;
        metrics.QueueDirectoryHanging.Set(0);
        log.Recovered("queue directory hangs", "The queue directory answers again", ("path", folder.Path));
        HangingChanged?.Invoke();
    }
}
