using System.Collections.Concurrent;

namespace Sidecar.Http;

/// <summary>Reads one peer's files on its own thread. Callers wait a bounded time, and not at all while the thread hangs.</summary>
internal sealed class PeerFileThread(TimeProvider time) : IDisposable
{
    /// <summary>Small files that are in memory as a rule take microseconds.</summary>
    private static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(2);

    private readonly BlockingCollection<Action> reads = [];
    private int isStarted;
    private long readingSince; // time.GetTimestamp() of the read in progress; 0 for none
    private volatile bool wasWaitedFor; // as long as anybody waits for it

    private bool IsHanging => Interlocked.Read(ref readingSince) is not 0 and var since
        && (wasWaitedFor || time.GetElapsedTime(since) >= LongestRead);

    /// <summary>Runs a read on the thread.</summary>
    /// <exception cref="PeerException">The read hangs, or one before it does.</exception>
    public async Task<T> RunAsync<T>(Func<T> read, CancellationToken cancellation)
    {
        if (IsHanging)
            throw Hanging();
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        reads.Add(() =>
        {
            if (cancellation.IsCancellationRequested)
                return; // who asked has gone
            wasWaitedFor = false;
            Interlocked.Exchange(ref readingSince, time.GetTimestamp());
            try
            {
                done.TrySetResult(read());
            }
            catch (Exception e)
            {
                done.TrySetException(e);
            }
            Interlocked.Exchange(ref readingSince, 0);
        }, cancellation);
        if (Interlocked.Exchange(ref isStarted, 1) == 0)
            new Thread(Work, maxStackSize: 256 * 1024) { IsBackground = true, Name = "peer files" }.Start();
        try
        {
            return await done.Task.WaitAsync(LongestRead, time, cancellation);
        }
        catch (TimeoutException)
        {
            wasWaitedFor = true; // the read began a little later than the wait for it, and nobody waits a second time
            throw Hanging();
        }
    }

    public void Dispose() => reads.CompleteAdding();

    private static PeerException Hanging() => PeerFile.Bad(
        "a file of credentials or certificates takes more than 2 s to read: its mount hangs, or it is no regular file");

    private void Work()
    {
        foreach (var read in reads.GetConsumingEnumerable())
            read();
    }
}
