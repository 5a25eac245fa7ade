using System.Collections.Concurrent;

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

    [ThreadStatic]
    private static Worker? current;

    private readonly int samplesPerRequest;
    private readonly BlockingCollection<(Action<PassContext> Step, TimeSpan Limit)> work = [];
    private readonly SemaphoreSlim turn = new(1);
    private PassContext? spare;
    private int isStarted;

    public PassThread(int samplesPerRequest)
    {
        this.samplesPerRequest = samplesPerRequest;
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
            var context = Interlocked.Exchange(ref passes.spare, null) ?? new PassContext(passes.samplesPerRequest);
            foreach (var (step, stepLimit) in passes.work.GetConsumingEnumerable())
            {
                if (Interlocked.Exchange(ref passes.isStarted, 1) == 0)
                    ProgramPages.LetGo(); // the start is over, and memory is about to be at its peak
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
