using System.Buffers;
using System.Net.Sockets;

namespace Sidecar.Operation;

/// <summary>
/// One client of the listener: reads heads, answers in order, keeps the connection while the client wants it. While it waits for a
/// request it holds no buffer, so idle connections cost about nothing.
/// </summary>
internal sealed class HttpConnection(Socket socket, Func<HttpRequestHead, HttpAnswer> answer, HttpLimits limits, TimeProvider time)
    : IDisposable
{
    private static ReadOnlySpan<byte> HeadEnd => "\r\n\r\n"u8;

    private readonly CancellationTokenSource cut = new(Timeout.InfiniteTimeSpan, time);
    private byte[]? buffer;
    private int filled;
    private long waitingSince = time.GetTimestamp();

    /// <summary>
    /// When it began to wait for its client: for a request that is not here yet, or to take an answer. Null while an answer is made.
    /// </summary>
    public long? WaitingSince => Interlocked.Read(ref waitingSince) is var since and not long.MaxValue ? since : null;

    /// <summary>Ends it from outside, at any time.</summary>
    public void Abort() => socket.Dispose();

    public async Task RunAsync()
    {
        try
        {
            while (await ServeOneAsync())
                await Task.Yield(); // many requests sent at once would keep a worker for themselves, and scrapes need them too
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client left, was too slow, or had to make room: each the end of this connection and nobody else's concern.
        }
    }

    /// <summary>To be called when <see cref="RunAsync"/> has ended, not before: the buffer goes back to the pool.</summary>
    public void Dispose()
    {
        if (buffer is not null)
            ArrayPool<byte>.Shared.Return(buffer);
        buffer = null;
        socket.Dispose();
        cut.Dispose();
    }

    private async Task<bool> ServeOneAsync()
    {
        Interlocked.Exchange(ref waitingSince, time.GetTimestamp());
        if (filled == 0)
        {
            cut.CancelAfter(limits.IdleTimeout);
            await socket.ReceiveAsync(Memory<byte>.Empty, cut.Token); // completes when there is something to read
        }
        cut.CancelAfter(limits.RequestTimeout);
        var (status, length) = await ReadHeadAsync();
        if (status < 0)
            return false;
        Interlocked.Exchange(ref waitingSince, long.MaxValue);

        var request = default(HttpRequestHead);
        if (status == 0)
            status = HttpRequestHead.Parse(buffer.AsSpan(0, length), out request);
        var reply = status == 0 ? answer(request) : HttpAnswer.Refusal(status);

        Interlocked.Exchange(ref waitingSince, time.GetTimestamp());
        cut.CancelAfter(limits.AnswerTimeout);
        var bytes = reply.Serialize(time.GetUtcNow(), withBody: request.Method != "HEAD", request.KeepAlive);
        if (reply.Rented is not null)
            ArrayPool<byte>.Shared.Return(reply.Rented); // its bytes were copied behind the head
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, cut.Token)..];
        if (!request.KeepAlive)
        {
            await CloseAsync();
            return false;
        }
        Consume(length + HeadEnd.Length);
        return true;
    }

    /// <summary>Fills the buffer up to the end of a head. Status 0: its length; -1: the client closed; else what is wrong.</summary>
    private async Task<(int Status, int Length)> ReadHeadAsync()
    {
        buffer ??= ArrayPool<byte>.Shared.Rent(limits.HeadSize);
        while (true)
        {
            while (buffer.AsSpan(0, filled).StartsWith("\r\n"u8)) // an empty line before a request is to be ignored (RFC 9112, 2.2)
                Consume(2);
            buffer ??= ArrayPool<byte>.Shared.Rent(limits.HeadSize);
            if (filled > 0)
            {
                var end = buffer.AsSpan(0, filled).IndexOf(HeadEnd);
                if (end >= 0)
                    return (0, end);
                if (HttpRequestHead.CheckStart(buffer.AsSpan(0, filled)) is var status and not 0)
                    return (status, 0);
            }
            if (filled == limits.HeadSize)
                return (buffer.AsSpan(0, filled).Contains((byte)'\n') ? 431 : 414, 0);
            var received = await socket.ReceiveAsync(buffer.AsMemory(filled, limits.HeadSize - filled), cut.Token);
            if (received == 0)
                return (-1, 0);
            filled += received;
        }
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

    /// <summary>
    /// Ends our half and swallows what is still on its way: closing over unread bytes would reset the connection, and the client might
    /// never see the answer (RFC 9112, 9.6).
    /// </summary>
    private async Task CloseAsync()
    {
        socket.Shutdown(SocketShutdown.Send);
        cut.CancelAfter(limits.LingerTimeout);
        while (await socket.ReceiveAsync(buffer!, cut.Token) > 0)
        {
        }
    }
}
