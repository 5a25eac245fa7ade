using System.Net;
using System.Net.Sockets;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Http;

/// <summary>
/// An HTTP proxy on the way to one peer. What goes over plain HTTP is handed to it with the whole URL (RFC 9112, section 3.2.2), which
/// SocketsHttpHandler does for a proxy that it is told of; for https it is asked for a tunnel (RFC 9110, section 9.3.6), by ourselves:
/// TLS in it may be for another name than the URL's, and what fails is named.
/// </summary>
/// <param name="url">http, with the user and password in it.</param>
internal sealed class Proxy(Uri url, NoProxy without) : IWebProxy
{
    /// <summary>For its address, the connection and its answer; below the usual timeout of a request, so that it can be told.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private const int LongestHead = 16 * 1024;

    private readonly string user = Uri.UnescapeDataString(url.UserInfo);

    public string Host { get; } = Failures.Host(url);

    /// <summary>Null for none. Only basic authentication, as for other clients with a user in the URL.</summary>
    public string? Authorization => user.Length == 0 ? null : "Basic " + Encoded;

    private string Encoded => Convert.ToBase64String(Encoding.UTF8.GetBytes(user.Contains(':') ? user : user + ':'));

    ICredentials? IWebProxy.Credentials { get => null; set => throw new NotSupportedException(); }

    public bool Covers(Uri to) => !without.Matches(to);

    /// <summary>Whether requests to this URL are handed to it whole, and so are answered by it.</summary>
    public bool Relays(Uri to) => to.Scheme == "http" && Covers(to);

    /// <summary>For the handler: which requests it writes for a proxy. To the others we connect.</summary>
    bool IWebProxy.IsBypassed(Uri host) => !Relays(host);

    Uri? IWebProxy.GetProxy(Uri destination) => url;

    public string Redact(string words)
    {
        if (user.Length == 0)
            return words;
        words = PeerCredentials.Without(words, Encoded);
        words = PeerCredentials.Without(words, user[(user.IndexOf(':') + 1)..]);
        return PeerCredentials.Without(words, url.UserInfo[(url.UserInfo.IndexOf(':') + 1)..]);
    }

    /// <summary>A connection to the proxy, and for https through it to the peer.</summary>
    /// <exception cref="PeerException">What is wrong with the proxy.</exception>
    public async Task<Socket> ConnectAsync(Uri to, NameLookups names, TimeProvider time, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        Socket? socket = null;
        try
        {
            socket = await names.ConnectAsync(url.IdnHost, url.Port, either.Token);
            if (to.Scheme == "https")
                await OpenTunnelAsync(socket, to, either.Token);
            return socket;
        }
        catch (Exception e)
        {
            socket?.Dispose();
            throw e switch
            {
                OperationCanceledException when patience.IsCancellationRequested => new PeerException(
                    Waiting(names) is { IsNone: false } waiting ? waiting : new(FailureReason.Proxy,
                        $"the proxy {Host} does not answer within {Patience.TotalSeconds:0} s{(socket is null ? "" : "; it takes connections")}")),
                SocketException socketError => new PeerException(NotReached(socketError.SocketErrorCode)),
                _ => e,
            };
        }
    }

    /// <inheritdoc cref="NameLookups.Waiting"/>
    public Failure Waiting(NameLookups names) => names.Waiting(url.IdnHost, FailureReason.Proxy, " of the proxy");

    /// <summary>The proxy's own refusal of a request; none where the peer answered, or nobody can tell.</summary>
    public Failure Refusal(HttpResponseMessage response, Uri to)
    {
        var status = (int)response.StatusCode;
        // 413 stays what it is: the request is too large, and sent again in parts.
        if (status is < 400 or 413)
            return default;
        var squid = response.Headers.NonValidated.TryGetValues("X-Squid-Error", out var errors) ? errors.ToString() : null;
        var isOwn = status == 407 || squid is not null
            || (response.Headers.NonValidated.TryGetValues("Server", out var server) && IsProxy(server.ToString()));
        return isOwn ? Refused(status, squid ?? response.ReasonPhrase ?? "", to) : default;
    }

    /// <summary>What broke between us and the proxy while it had a request.</summary>
    public Failure Broken() => new(FailureReason.Proxy, $"the proxy {Host} closed the connection without an answer in HTTP");

    private Failure NotReached(SocketError error)
    {
        var failure = Failures.FromSocket(error, url, $"the proxy {Host}");
        return new(FailureReason.Proxy, failure.Reason == FailureReason.DnsLookup
            ? $"the name {url.Host} of the proxy has no address" : failure.Message);
    }

    private static bool IsProxy(string server) =>
        server.StartsWith("tinyproxy", StringComparison.OrdinalIgnoreCase)
        || server.StartsWith("squid", StringComparison.OrdinalIgnoreCase);

    private async Task OpenTunnelAsync(Socket socket, Uri to, CancellationToken cancellation)
    {
        var name = to.HostNameType == UriHostNameType.IPv6 ? Failures.Host(to) : $"{to.IdnHost}:{to.Port}";
        var authorization = Authorization is { } value ? $"Proxy-Authorization: {value}\r\n" : "";
        var request = $"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: sidecar/{Metrics.Version}\r\n{authorization}\r\n";
        await socket.SendAsync(Encoding.ASCII.GetBytes(request), cancellation);
        var buffer = new byte[LongestHead];
        var (length, end) = (0, -1);
        while (end < 0)
        {
            var read = length < buffer.Length ? await socket.ReceiveAsync(buffer.AsMemory(length), cancellation) : 0;
            if (read == 0)
                throw new PeerException(Broken());
            length += read;
            end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
        }
        var head = Encoding.Latin1.GetString(buffer, 0, end).Split("\r\n");
        if (head[0] is not ['H', 'T', 'T', 'P', '/', '1', '.', _, ' ', _, _, _, ..] || !int.TryParse(head[0].AsSpan(9, 3), out var status))
            throw new PeerException(Broken());
        const string SquidError = "X-Squid-Error:";
        var squid = Array.Find(head, line => line.StartsWith(SquidError, StringComparison.OrdinalIgnoreCase));
        if (status / 100 != 2)
            throw new PeerException(Refused(status, (squid is null ? head[0][12..] : squid[SquidError.Length..]).Trim(), to));
        // TLS begins with us: nothing can follow its answer yet.
        if (length > end + 4)
            throw new PeerException(Broken());
    }

    private Failure Refused(int status, string words, Uri to)
    {
        words = Redact(OneLine.Of(words, 100));
        var (detail, message) = status switch
        {
            // tinyproxy answers 401 to a wrong password.
            401 or 407 => (FailureDetail.ProxyCredentials, $"the proxy {Host} wants {(user.Length == 0 ? "credentials" : "other credentials")}"),
            400 or 403 or 405 => (FailureDetail.ProxyForbids, $"the proxy {Host} does not let requests through to {Failures.Host(to)}"),
            _ => (FailureDetail.ProxyCannotReach, $"the proxy {Host} cannot reach {Failures.Host(to)}"),
        };
        return new(FailureReason.Proxy, $"{message}: it answers {status}{(words.Length > 0 ? $" ({words})" : "")}", detail);
    }
}
