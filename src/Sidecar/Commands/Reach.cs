using System.Net.Sockets;
using Sidecar.Primitives;

namespace Sidecar.Commands;

/// <summary>Of a peer that does not answer: whether it takes connections all the same, which no firewall that drops packets does.</summary>
internal static class Reach
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    public static async Task<Failure> LookAsync(Failure failure, Uri url, TimeProvider time, CancellationToken cancellation)
    {
        if (failure.Reason != FailureReason.Timeout)
            return failure;
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(url.IdnHost, url.Port, cancellation).AsTask().WaitAsync(Timeout, time, cancellation);
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            return failure;
        }
        return failure with { Message = $"{failure.Message}; it takes connections", Detail = FailureDetail.Connected };
    }
}
