using System.Collections.Concurrent;

namespace Sidecar.Scraping;

/// <summary>
/// The one thread that works through bodies: parsing, hashing, encoding, compressing. About 0.6 s of work for a million samples, so one
/// suffices; and one has its scratch buffers once, where a pool of threads would keep half a megabyte on each.
/// </summary>
internal sealed class PassThread : IDisposable
{
    private readonly BlockingCollection<Action> work = [];
    private readonly PassContext context;

    public PassThread(int samplesPerRequest)
    {
        context = new PassContext(samplesPerRequest);
        new Thread(Work, maxStackSize: 512 * 1024) { IsBackground = true, Name = "passes" }.Start();
    }

    /// <summary>A whole pass, with the thread's own buffers.</summary>
    public Task<T> RunAsync<T>(Func<PassContext, T> pass) => RunAsync(() => pass(context));

    /// <summary>A step of a pass that has buffers of its own.</summary>
    public Task<T> RunAsync<T>(Func<T> step)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add(() =>
        {
            try
            {
                done.SetResult(step());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    public void Dispose() => work.CompleteAdding();

    private void Work()
    {
        var isFirst = true;
        foreach (var step in work.GetConsumingEnumerable())
        {
            if (isFirst)
                ProgramPages.LetGo(); // the start is over, and memory is about to be at its peak
            isFirst = false;
            step();
        }
    }
}
