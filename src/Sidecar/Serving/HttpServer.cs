using System.Net;
using System.Net.Sockets;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>
/// A small HTTP/1.1 server over sockets, for a handful of pages and careless or hostile clients. One thread of its own serves all clients
/// and waits for none, so that health is told even where every thread of the pool hangs; and connections have one owner.
/// HttpListener was tried and does not do: for all addresses it binds IPv4 alone, rejects a Host that is an IPv6 address, lets a
/// half-sent request wait for over 20 s and holds any number of connections, at 15 KB each.
/// </summary>
/// <param name="listening">Bound and listening, from <see cref="ListenAddress.Open"/>.</param>
/// <param name="answer">Makes the answer to a request, on the server's thread.</param>
/// <param name="round">Called on the same thread before requests are answered, and every two seconds.</param>
internal sealed class HttpServer(
    Socket listening, Func<HttpRequestHead, HttpAnswer> answer, Action round, HttpLimits limits, InternalErrors errors, Log log,
    TimeProvider time) : IDisposable
{
    /// <summary>However long nothing comes, the thread looks round this often.</summary>
    public static readonly TimeSpan LongestRound = TimeSpan.FromSeconds(2);

    /// <summary>After an accept that failed: out of file descriptors, say, which is so for a while.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<Socket, HttpConnection> connections = [];
    private readonly List<Socket> readable = [];
    private readonly List<Socket> writable = [];
    private readonly List<Socket> broken = [];
    private Thread? thread;
    private bool isPaused; // does not accept
    private volatile bool isDisposed;

    /// <summary>Where it listens, the port that the system chose included.</summary>
    public IPEndPoint Address { get; } = (IPEndPoint)listening.LocalEndPoint!;

    public HttpServer Start()
    {
        listening.Blocking = false;
        thread = new Thread(Run, maxStackSize: 256 * 1024) { IsBackground = true, Name = "listener" };
        thread.Start();
        return this;
    }

    public void Dispose()
    {
        isDisposed = true;
        listening.Dispose(); // wakes the thread
        thread?.Join(TimeSpan.FromSeconds(1));
    }

    private void Run()
    {
        while (!isDisposed)
        {
            try
            {
                Wait();
                if (isDisposed)
                    break;
                round();
                Serve();
            }
            catch (Exception) when (isDisposed)
            {
                break;
            }
            catch (Exception e)
            {
                errors.Report(ProcessLoop.Listener, e);
                Thread.Sleep(Pause);
            }
        }
        foreach (var connection in connections.Values)
            connection.Dispose();
    }

    /// <summary>Until a socket is ready, a client has taken too long, or it is time to look round.</summary>
    private void Wait()
    {
        readable.Clear();
        writable.Clear();
        broken.Clear();
        var wait = LongestRound;
        if (isPaused)
            wait = Pause;
        else
            readable.Add(listening);
        foreach (var connection in connections.Values)
        {
            (connection.IsSending ? writable : readable).Add(connection.Socket);
            broken.Add(connection.Socket);
            var left = connection.HasNext ? TimeSpan.Zero : connection.Left;
            wait = left < wait ? left : wait;
        }
        wait = wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
        if (readable.Count + writable.Count > 0)
            Socket.Select(readable, writable, broken, wait);
        else
            Thread.Sleep(wait);
        isPaused = false;
    }

    private void Serve()
    {
        var isAsked = readable.Remove(listening);
        foreach (var connection in connections.Values)
        {
            if ((IsReady(connection) && !TryAdvance(connection)) || connection.Left <= TimeSpan.Zero)
                End(connection); // allowed while enumerating
        }
        if (isAsked)
            Accept();
    }

    private bool IsReady(HttpConnection connection) => connection.HasNext || readable.Contains(connection.Socket)
        || writable.Contains(connection.Socket) || broken.Contains(connection.Socket);

    /// <summary>The edge of a connection: whatever happens, its slot is given back.</summary>
    private bool TryAdvance(HttpConnection connection)
    {
        try
        {
            return connection.Advance();
        }
        catch (SocketException)
        {
            return false; // the client left: nobody else's concern
        }
        catch (Exception e)
        {
            errors.Report(ProcessLoop.Listener, e);
            return false;
        }
    }

    private void End(HttpConnection connection)
    {
        connections.Remove(connection.Socket);
        connection.Dispose();
    }

    /// <summary>Takes a connection in; where there is no room, the one that has waited longest for its client goes.</summary>
    private void Accept()
    {
        Socket socket;
        try
        {
            socket = listening.Accept();
            socket.Blocking = false;
        }
        catch (SocketException e)
        {
            if (e.SocketErrorCode is SocketError.WouldBlock or SocketError.ConnectionAborted)
                return; // the client left while it waited
            // Out of file descriptors or memory: the next one may fare better.
            log.Recurring(LogLevel.Warn, "listener accept", "Cannot accept a connection", ("error", e.SocketErrorCode),
                ("remedy", "raise the limit of open files (ulimit -n), or look for what holds connections open"));
            isPaused = true;
            return;
        }
        if (connections.Count >= limits.Connections)
            End(connections.Values.MinBy(c => c.WaitingSince)!);
        connections.Add(socket, new HttpConnection(socket, AnswerSafely, limits, time));
    }

    private HttpAnswer AnswerSafely(HttpRequestHead request)
    {
        try
        {
            return answer(request);
        }
        catch (Exception e)
        {
            errors.Report(ProcessLoop.Listener, e, ("path", request.Path));
            return HttpAnswer.Refusal(500);
        }
    }
}
