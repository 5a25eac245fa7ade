using System.Collections.Concurrent;
using Sidecar.RemoteWrite;

namespace Sidecar.Scraping;

/// <summary>
/// The one thread that works through bodies: parsing, hashing, encoding, compressing. About 0.6 s of work for a million samples, so one
/// suffices; and one has its scratch buffers once, where a pool of threads would keep half a megabyte on each. A step that takes long
/// while others wait is left to end by itself, and another thread goes on with them: no target's body delays the other targets.
/// </summary>
internal sealed class PassThread : IDisposable
{
    /// <summary>Some 300,000 samples. A body of a gigabyte that is worth nothing takes seconds.</summary>
    private const long LongMilliseconds = 200;

    private const long TidyingMilliseconds = 5 * 60 * 1000;

    [ThreadStatic]
    private static Worker? current;

    private readonly int samplesPerRequest;
    private readonly ReceiverProtocol? protocol;
    private readonly BlockingCollection<(Action<PassContext> Step, TimeSpan Limit)> work = [];
    private readonly SemaphoreSlim turn = new(1);
    private PassContext? spare;
    private long nextTidying; // Environment.TickCount64; the first pass is when the start is over

    /// <param name="protocol">Tells in which version requests are made; null for 1.0.</param>
    public PassThread(int samplesPerRequest, ReceiverProtocol? protocol = null)
    {
        this.samplesPerRequest = samplesPerRequest;
        this.protocol = protocol;
        Start();
    }

    /// <summary>A whole pass, with the thread's own buffers.</summary>
    /// <param name="limit">Of a long pass's wait for its turn; it is to find out by itself when its time is over.</param>
    public Task<T> RunAsync<T>(Func<PassContext, T> pass, TimeSpan? limit = null)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add((context =>
        {
            try
            {
                done.SetResult(pass(context));
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        }, limit ?? Timeout.InfiniteTimeSpan));
        return done.Task;
    }

    /// <summary>A step of a pass that has buffers of its own.</summary>
    public Task<T> RunAsync<T>(Func<T> step) => RunAsync(_ => step());

    /// <summary>To be called now and then from within a step.</summary>
    public static void Pause() => current?.LetOthersPass();

    public void Dispose() => work.CompleteAdding();

    /// <summary>
    /// Now and then, what nobody needs goes back to the system: a new TLS connection, which each peer gets every quarter of an hour, touches 2 MB
    /// of OpenSSL and leaves 1 MB on the heap, and objects that grew old are collected only when there are many of them.
    /// </summary>
    private void Tidy()
    {
        var now = Environment.TickCount64;
        var due = Volatile.Read(ref nextTidying);
        if (now < due || Interlocked.CompareExchange(ref nextTidying, now + TidyingMilliseconds, due) != due)
            return;
        if (due != 0)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        NativeHeap.Trim();
        ProgramPages.LetGo();
    }

    private void Start()
    {
        var worker = new Worker(this);
        new Thread(worker.Work, maxStackSize: 512 * 1024) { IsBackground = true, Name = "passes" }.Start();
    }

    private sealed class Worker(PassThread passes)
    {
        private long started;
        private TimeSpan limit;
        private bool isReplaced;
        private bool hasTurn;

        public void Work()
        {
            current = this;
            var context = Interlocked.Exchange(ref passes.spare, null) ?? new PassContext(passes.samplesPerRequest, passes.protocol);
            foreach (var (step, stepLimit) in passes.work.GetConsumingEnumerable())
            {
                passes.Tidy(); // memory is about to be at its peak
                started = Environment.TickCount64;
                limit = stepLimit;
                step(context);
                if (isReplaced)
                    break;
            }
            if (hasTurn)
                passes.turn.Release();
            context.Reader.Dispose();
            passes.spare = context;
        }

        /// <summary>Long steps go on one at a time, so that there is always a processor's share for the others.</summary>
        public void LetOthersPass()
        {
            if (isReplaced || passes.work.Count == 0 || Environment.TickCount64 - started < LongMilliseconds)
                return;
            isReplaced = true;
            passes.Start();
            hasTurn = passes.turn.Wait(limit);
        }
    }
}
