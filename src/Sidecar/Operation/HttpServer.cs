using System.Net;
using System.Net.Sockets;
using Sidecar.Configuration;

namespace Sidecar.Operation;

/// <summary>
/// A small HTTP/1.1 server over sockets, for a handful of pages and careless or hostile clients.
/// HttpListener was tried and does not do: for all addresses it binds IPv4 alone, rejects a Host that is an IPv6 address, lets a
/// half-sent request wait for over 20 s and holds any number of connections, at 15 KB each.
/// </summary>
internal sealed class HttpServer : IAsyncDisposable
{
    private readonly Socket listening;
    private readonly Func<HttpRequestHead, HttpAnswer> answer;
    private readonly HttpLimits limits;
    private readonly Log log;
    private readonly TimeProvider time;
    private readonly CancellationTokenSource stop = new();
    private readonly Lock gate = new();
    private readonly List<HttpConnection> connections = [];
    private readonly Task accepting;

    /// <param name="listening">Bound and listening, from <see cref="ListenAddress.Open"/>.</param>
    /// <param name="answer">Makes the answer to a request; called from many threads.</param>
    /// <param name="limits">What clients may cost.</param>
    /// <param name="log">Where a bug in <paramref name="answer"/> and a failing accept are told.</param>
    /// <param name="time">Clock.</param>
    public HttpServer(Socket listening, Func<HttpRequestHead, HttpAnswer> answer, HttpLimits limits, Log log, TimeProvider time)
    {
        this.listening = listening;
        this.answer = answer;
        this.limits = limits;
        this.log = log;
        this.time = time;
        Address = (IPEndPoint)listening.LocalEndPoint!;
        accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Where it listens, the port that the system chose included.</summary>
    public IPEndPoint Address { get; }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await accepting;
        listening.Dispose();
        lock (gate)
        {
            foreach (var connection in connections)
                connection.Abort();
        }
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                Admit(await listening.AcceptAsync(stop.Token));
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of file descriptors or memory, or a client that left while it waited: the next one may fare better.
                log.Recurring(LogLevel.Warn, "listener accept", "Cannot accept a connection", ("error", e.SocketErrorCode));
                await Task.Delay(TimeSpan.FromMilliseconds(100), time, CancellationToken.None);
            }
        }
    }

    /// <summary>Takes the connection in; where there is no room, the one that has waited longest for its client goes.</summary>
    private void Admit(Socket socket)
    {
        var connection = new HttpConnection(socket, AnswerSafely, limits, time);
        lock (gate)
        {
            if (connections.Count >= limits.Connections)
            {
                HttpConnection? oldest = null;
                var oldestSince = long.MaxValue;
                foreach (var candidate in connections)
                {
                    if (candidate.WaitingSince is { } since && since < oldestSince)
                        (oldest, oldestSince) = (candidate, since);
                }
                if (oldest is null)
                {
                    socket.Dispose(); // all are being answered
                    return;
                }
                oldest.Abort();
                connections.Remove(oldest);
            }
            connections.Add(connection);
        }
        _ = Task.Run(async () =>
        {
            using (connection)
                await connection.RunAsync();
            lock (gate)
                connections.Remove(connection);
        });
    }

    private HttpAnswer AnswerSafely(HttpRequestHead request)
    {
        try
        {
            return answer(request);
        }
        catch (Exception e)
        {
            log.Recurring(LogLevel.Error, "listener page", "A page could not be made: a bug", ("path", request.Path), ("exception", e));
            return HttpAnswer.Refusal(500);
        }
    }
}
