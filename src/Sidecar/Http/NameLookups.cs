using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Sidecar.Http;

/// <summary>
/// Looks up the names of one peer's hosts, each on a thread of its own and of each name one at a time: the system's lookup blocks for as
/// long as DNS servers are silent and cannot be cancelled, and the pool has four threads.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A lookup that outlives its peer still gives its thread back.")]
internal sealed class NameLookups
{
    /// <summary>Where more names wait, they wait for a thread.</summary>
    private const int MostAtOnce = 16;

    private const int StackSize = 512 * 1024; // resolvers keep whole answers on it

    private readonly SemaphoreSlim threads = new(MostAtOnce);
    private readonly Lock gate = new();
    private readonly Dictionary<string, Task<IPAddress[]>> running = new(StringComparer.OrdinalIgnoreCase);

    public bool IsRunning(string host)
    {
        lock (gate)
            return running.ContainsKey(host);
    }

    /// <summary>Who stops waiting leaves the lookup to those who ask next.</summary>
    public Task<IPAddress[]> FindAsync(string host, CancellationToken cancellation)
    {
        if (IPAddress.TryParse(host, out var address))
            return Task.FromResult<IPAddress[]>([address]);
        lock (gate)
        {
            if (!running.TryGetValue(host, out var lookup))
                running[host] = lookup = LookUpAsync(host);
            return lookup.WaitAsync(cancellation);
        }
    }

    private async Task<IPAddress[]> LookUpAsync(string host)
    {
        await Task.Yield(); // it is among the running ones before it can end
        await threads.WaitAsync();
        try
        {
            var found = new TaskCompletionSource<IPAddress[]>(TaskCreationOptions.RunContinuationsAsynchronously);
            new Thread(() => LookUp(host, found), StackSize) { IsBackground = true, Name = "name lookup" }.Start();
            return await found.Task;
        }
        finally
        {
            threads.Release();
            lock (gate)
                running.Remove(host);
        }
    }

    private static void LookUp(string host, TaskCompletionSource<IPAddress[]> found)
    {
        try
        {
            found.SetResult(Dns.GetHostAddresses(host));
        }
        catch (Exception e)
        {
            found.SetException(e);
        }
    }
}
