using System.Buffers;
using System.Net.Sockets;

namespace Sidecar.Serving;

/// <summary>One client: reads heads, answers in order. Never waits; holds no buffer while the client is idle.</summary>
internal sealed class HttpConnection(Socket socket, Func<HttpRequestHead, HttpAnswer> answer, HttpLimits limits, TimeProvider time)
    : IDisposable
{
    private byte[]? buffer;
    private int filled;
    private bool isUnread; // the buffer holds what was not looked at
    private bool keepAlive;
    private bool isLingering;
    private ReadOnlyMemory<byte> unsent;
    private TimeSpan bound = limits.IdleTimeout;

    private static ReadOnlySpan<byte> HeadEnd => "\r\n\r\n"u8;
    public Socket Socket { get; } = socket;

    /// <summary>It waits for the client to take an answer, not to send.</summary>
    public bool IsSending => !unsent.IsEmpty;

    /// <summary>The client has sent more than one request, and the next is here already.</summary>
    public bool HasNext => isUnread && !IsSending;

    /// <summary>Timestamp of when it began to wait for its client: for a request, or to take an answer.</summary>
    public long WaitingSince { get; private set; } = time.GetTimestamp();

    /// <summary>Until the client has taken too long.</summary>
    public TimeSpan Left => bound - time.GetElapsedTime(WaitingSince);

    /// <summary>Does what can be done without waiting, one request at most; false when the connection has ended.</summary>
    public bool Advance()
    {
        if (isLingering)
            return Swallow();
        if (!IsSending)
        {
            if (!isUnread && !Receive())
                return false;
            isUnread = false;
            if (!TryServe())
                return true;
        }
        return Send();
    }

    public void Dispose()
    {
        if (buffer is not null)
            ArrayPool<byte>.Shared.Return(buffer);
        buffer = null;
        Socket.Dispose();
    }

    /// <summary>False when the client has closed, or its connection is broken.</summary>
    private bool Receive()
    {
        buffer ??= ArrayPool<byte>.Shared.Rent(limits.HeadSize);
        var received = Socket.Receive(buffer.AsSpan(filled, limits.HeadSize - filled), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock)
            return true;
        if (error != SocketError.Success || received == 0)
            return false;
        if (filled == 0)
            Wait(limits.RequestTimeout);
        filled += received;
        return true;
    }

    /// <summary>Answers the request in the buffer; false where its head is not whole yet.</summary>
    private bool TryServe()
    {
        while (buffer.AsSpan(0, filled).StartsWith("\r\n"u8)) // an empty line before a request is to be ignored (RFC 9112, 2.2)
            Consume(2);
        if (filled == 0)
            return false;
        var length = buffer.AsSpan(0, filled).IndexOf(HeadEnd);
        var request = default(HttpRequestHead);
        int status;
        if (length >= 0)
            status = HttpRequestHead.Parse(buffer.AsSpan(0, length), out request);
        else if (HttpRequestHead.CheckStart(buffer.AsSpan(0, filled)) is var early and not 0)
            status = early;
        else if (filled == limits.HeadSize)
            status = buffer.AsSpan(0, filled).Contains((byte)'\n') ? 431 : 414;
        else
            return false;

        var reply = status == 0 ? answer(request) : HttpAnswer.Refusal(status);
        keepAlive = request.KeepAlive;
        unsent = reply.Serialize(time.GetUtcNow(), withBody: request.Method != "HEAD", keepAlive);
        if (reply.Rented is not null)
            ArrayPool<byte>.Shared.Return(reply.Rented); // its bytes were copied behind the head
        Consume(keepAlive ? length + HeadEnd.Length : filled);
        Wait(limits.AnswerTimeout);
        return true;
    }

    /// <summary>False when the client's connection is broken.</summary>
    private bool Send()
    {
        while (!unsent.IsEmpty)
        {
            var sent = Socket.Send(unsent.Span, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
                return true;
            if (error != SocketError.Success)
                return false;
            unsent = unsent[sent..];
        }
        unsent = default;
        isUnread = filled > 0;
        if (keepAlive)
        {
            Wait(isUnread ? limits.RequestTimeout : limits.IdleTimeout);
            return true;
        }
        // Ends our half and swallows what is still on its way: closing over unread bytes would reset the connection, and the client might
        // never see the answer (RFC 9112, 9.6).
        Socket.Shutdown(SocketShutdown.Send);
        isLingering = true;
        Wait(limits.LingerTimeout);
        return true;
    }

    private bool Swallow()
    {
        Span<byte> waste = stackalloc byte[4096];
        var received = Socket.Receive(waste, SocketFlags.None, out var error);
        return error == SocketError.WouldBlock || (error == SocketError.Success && received > 0);
    }

    private void Consume(int count)
    {
        filled -= count;
        if (filled > 0)
        {
            buffer.AsSpan(count, filled).CopyTo(buffer);
            return;
        }
        ArrayPool<byte>.Shared.Return(buffer!);
        buffer = null;
    }

    private void Wait(TimeSpan most) => (WaitingSince, bound) = (time.GetTimestamp(), most);
}
