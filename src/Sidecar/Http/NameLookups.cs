using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Sidecar.Primitives;

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

    /// <summary>While the host's name is looked up, that is what was waited for; else the failure is none.</summary>
    /// <param name="whose">Behind the name, where it is not the peer's own.</param>
    public Failure Waiting(string host, FailureReason reason, string whose = "")
    {
        lock (gate)
        {
            return !running.ContainsKey(host) ? default
                : new(reason, $"the name {host}{whose} was still being looked up when the time was over", FailureDetail.NameWaits);
        }
    }

    /// <summary>Who stops waiting leaves the lookup to those who ask next.</summary>
    private Task<IPAddress[]> FindAsync(string host, CancellationToken cancellation)
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

    /// <summary>A connection to the first address of the host that takes one.</summary>
    public async Task<Socket> ConnectAsync(string host, int port, CancellationToken cancellation)
    {
        var addresses = await FindAsync(host, cancellation);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
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
