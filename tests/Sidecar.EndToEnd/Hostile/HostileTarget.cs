using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>One connection of a hostile target, after the head of a request was read.</summary>
/// <param name="Scrape">Of this target, counted from 1.</param>
public sealed record HostileRequest(Stream Stream, string Head, int Scrape, CancellationToken Cancellation)
{
    /// <summary>With a reset and not in good order.</summary>
    public required Action Reset { get; init; }

    public ValueTask SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => Stream.WriteAsync(bytes, Cancellation);

    /// <summary>A head of 200 that announces text, then these headers.</summary>
    public ValueTask OkAsync(params string[] headers) =>
        SendAsync($"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n{string.Concat(headers.Select(h => h + "\r\n"))}\r\n");

    /// <summary>The same thing until the client goes away or the test ends.</summary>
    public async Task ForeverAsync(ReadOnlyMemory<byte> bytes, TimeSpan pause = default)
    {
        while (true)
        {
            await SendAsync(bytes);
            if (pause > TimeSpan.Zero)
                await Task.Delay(pause, Cancellation);
        }
    }
}

/// <summary>A server on a raw socket that answers as it likes; the connection ends with the answer.</summary>
public sealed class HostileTarget : IAsyncDisposable
{
    private readonly TcpListener listener;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<string> heads = [];
    private readonly Func<HostileRequest, Task> answer;
    private readonly X509Certificate2? certificate;
    private readonly Task accepting;
    private int scrapes;

    public HostileTarget(Func<HostileRequest, Task> answer, X509Certificate2? certificate = null, int port = 0)
    {
        listener = new TcpListener(IPAddress.Loopback, port);
        this.answer = answer;
        this.certificate = certificate;
        listener.Start();
        accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public string Url => $"{(certificate is null ? "http" : "https")}://127.0.0.1:{Port}/metrics";

    /// <summary>Of all requests, as they came.</summary>
    public IReadOnlyList<string> Heads => [.. heads];

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await accepting;
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                _ = ServeAsync(await listener.AcceptTcpClientAsync(stop.Token));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var owned = client;
        await Task.Yield();
        try
        {
            Stream stream = client.GetStream();
            if (certificate is not null)
            {
                var secure = new SslStream(stream);
                stream = secure;
                await secure.AuthenticateAsServerAsync(certificate);
            }
            if (await ReadHeadAsync(stream) is not { } head)
                return;
            heads.Enqueue(head);
            await answer(new HostileRequest(stream, head, Interlocked.Increment(ref scrapes), stop.Token)
            {
                Reset = () => client.Client.Close(timeout: 0),
            });
            await stream.FlushAsync(stop.Token);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException
            or System.Security.Authentication.AuthenticationException)
        {
            // The sidecar has had enough of it, or the test has.
        }
    }

    private async Task<string?> ReadHeadAsync(Stream stream)
    {
        var head = new StringBuilder();
        var buffer = new byte[4096];
        while (!head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            var read = await stream.ReadAsync(buffer, stop.Token);
            if (read == 0)
                return null;
            head.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }
        return head.ToString();
    }
}
