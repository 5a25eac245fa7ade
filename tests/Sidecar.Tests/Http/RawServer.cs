using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Sidecar.Tests.Http;

/// <summary>
/// A server on a loopback port that answers with exactly the given bytes, over TLS where it has options for it. An empty answer closes the
/// connection; an answer without <c>Content-Length</c> and not chunked ends with the connection.
/// </summary>
internal sealed class RawServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Func<RawRequest, string> answer;
    private readonly ConcurrentQueue<RawRequest> requests = [];
    private readonly CancellationTokenSource stop = new();
    private readonly Task accepting;
    private int connections;

    public RawServer(Func<RawRequest, string> answer, SslServerAuthenticationOptions? tls = null)
    {
        this.answer = answer;
        Tls = tls;
        listener.Start();
        accepting = AcceptAsync();
    }

    /// <summary>For connections from now on.</summary>
    public SslServerAuthenticationOptions? Tls { get; set; }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public Uri Url => new($"{(Tls is null ? "http" : "https")}://127.0.0.1:{Port}/");

    public IReadOnlyList<RawRequest> Requests => [.. requests];

    public int Connections => Volatile.Read(ref connections);

    public static string Ok(string body) => Answer("200 OK", body);

    public static string Json(string body) => Answer("200 OK", body, "Content-Type: application/json");

    /// <param name="status">Number and phrase.</param>
    public static string Answer(string status, string body = "", params string[] headers) =>
        $"HTTP/1.1 {status}\r\n{string.Concat(headers.Select(h => h + "\r\n"))}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync(); // first: it accepts now or has not begun to accept again
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
            catch (Exception e) when (stop.IsCancellationRequested
                && e is SocketException or InvalidOperationException or OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        Interlocked.Increment(ref connections);
        using var owned = client;
        try
        {
            Stream stream = client.GetStream();
            if (Tls is { } tls)
            {
                var secure = new SslStream(stream);
                stream = secure;
                await secure.AuthenticateAsServerAsync(tls);
            }
            while (await RawRequest.ReadAsync(stream) is { } request)
            {
                requests.Enqueue(request);
                var bytes = Encoding.UTF8.GetBytes(answer(request));
                await stream.WriteAsync(bytes);
                var head = Encoding.UTF8.GetString(bytes).Split("\r\n\r\n")[0];
                var isComplete = head.Split("Content-Length: ") is [_, var rest]
                    && bytes.Length == Encoding.UTF8.GetByteCount(head) + 4 + int.Parse(rest.Split("\r\n")[0]);
                if (!isComplete)
                    return;
            }
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away, or the test wants the handshake to fail.
        }
    }
}
