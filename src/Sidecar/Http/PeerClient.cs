using System.Net;
using System.Net.Sockets;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Http;

/// <summary>
/// HTTP to one kind of peer with its credentials and trust, whose files are read again as they change. Redirects are followed, without
/// credentials to other hosts.
/// </summary>
/// <param name="log">Logs when a file becomes unreadable and the last good copy stays in use.</param>
internal sealed class PeerClient(HttpOptions options, int maxConnectionsPerServer, TimeProvider time, Log? log = null) : IDisposable
{
    private const int MostRedirects = 10;

    /// <summary>PEM files are looked at again at most this often.</summary>
    private static readonly TimeSpan TlsRefresh = TimeSpan.FromSeconds(1);

    private readonly PeerCredentials credentials = new(options);
    private readonly string credentialsLogKey = $"credentials {options.CredentialsFile ?? options.BasicAuthPasswordFile}";
    private readonly string tlsLogKey = $"tls files {options.Tls.CaFile} {options.Tls.CertFile}";
    private readonly PeerFileThread files = new(time);
    private readonly NameLookups names = new();
    private readonly Lock gate = new(); // of the first connection where there are no files; else the files' thread alone makes connections
    private volatile string? lastHeader;
    private volatile HttpMessageInvoker? invoker;
    private HttpMessageInvoker? retired;
    private volatile PeerTls? tls;
    private (string? Header, DateTimeOffset? Expires) token; // of the judgement's thread
    private long tlsRead;

    private bool HasTlsFiles => options.Tls is { CaFile: not null } or { CertFile: not null } or { KeyFile: not null };

    /// <summary>Sends a request and returns when the head of the answer is there.</summary>
    /// <param name="create">Makes the request; called again for each redirect and after a 401, so each time with a fresh body.</param>
    /// <exception cref="HttpRequestException">See <see cref="Failures.From"/>.</exception>
    public async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> create, CancellationToken cancellation)
    {
        var authorization = await AuthorizationAsync(cancellation);
        var response = await FollowAsync(create, authorization, cancellation);
        if (response.StatusCode != HttpStatusCode.Unauthorized || !credentials.IsFromFile)
            return response;
        var rotated = await AuthorizationAsync(cancellation);
        if (rotated == authorization)
            return response;
        response.Dispose();
        return await FollowAsync(create, rotated, cancellation);
    }

    /// <summary>When what it authenticates with and trusts expires, as far as that is known. One caller at a time.</summary>
    public PeerExpiry Expiry
    {
        get
        {
            const string Bearer = "Bearer ";
            if ((lastHeader ?? $"{options.AuthorizationType} {options.Credentials}") is var header && header != token.Header)
                token = (header, header.StartsWith(Bearer, StringComparison.Ordinal)
                    ? ServiceAccountToken.TryParse(header[Bearer.Length..])?.Expires : null);
            return new PeerExpiry(token.Expires, tls?.CertificateExpires, tls?.CaExpires);
        }
    }

    /// <summary>The peer was waited for long enough; while its name is looked up, that is what was waited for.</summary>
    /// <param name="words">Where it has an address.</param>
    public Failure TimedOut(Uri url, string words)
    {
        var waiting = options.Proxy is { } proxy && proxy.Covers(url) ? proxy.Waiting(names)
            : names.Waiting(url.IdnHost, FailureReason.DnsLookup);
        return waiting.IsNone ? new Failure(FailureReason.Timeout, words) : waiting;
    }

    /// <summary>The failure as it may be shown: what the peer said may hold what it was sent.</summary>
    public Failure Redact(Failure failure)
    {
        if (failure.IsNone)
            return failure;
        var words = credentials.Redact(failure.Message);
        return failure with { Message = options.Proxy?.Redact(words) ?? words };
    }

    public void Dispose()
    {
        invoker?.Dispose();
        retired?.Dispose();
        files.Dispose();
    }

    private async ValueTask<string?> AuthorizationAsync(CancellationToken cancellation)
    {
        if (!credentials.IsFromFile)
            return credentials.Header();
        try
        {
            lastHeader = await files.RunAsync(credentials.Header, cancellation);
            log?.Recovered(credentialsLogKey, "Credentials can be read again");
        }
        catch (PeerException e) when (lastHeader is not null)
        {
            // The file is between two versions, or its mount is away: the last one may well be good still, and the peer judges it.
            log?.Recurring(LogLevel.Warn, credentialsLogKey, "Credentials cannot be read again; the last good ones are used",
                ("error", e.Failure.Message), ("remedy", "fix the file or its mount; the file is read again for each request"));
        }
        return lastHeader;
    }

    private async Task<HttpResponseMessage> FollowAsync(
        Func<HttpRequestMessage> create, string? authorization, CancellationToken cancellation)
    {
        Uri? next = null;
        var isAtHome = true;
        for (var redirects = 0; ; redirects++)
        {
            var request = create();
            var url = request.RequestUri = next ?? request.RequestUri!;
            request.Headers.TryAddWithoutValidation("User-Agent", "sidecar/" + Metrics.Version);
            if (!isAtHome)
                KeepPublicHeaders(request);
            else if (authorization is not null && !(options.IsForTlsOnly && url.Scheme == "http"))
                request.Headers.TryAddWithoutValidation("Authorization", authorization);
            if (options.Proxy is { Authorization: { } toProxy } proxy && proxy.Relays(url))
                request.Headers.TryAddWithoutValidation("Proxy-Authorization", toProxy);

            var response = await SendAsync(request, isRedirected: next is not null, cancellation);
            if (!options.FollowsRedirects || !IsFollowed(request.Method, response.StatusCode)
                || response.Headers.Location is not { } location)
                return response;
            response.Dispose();
            if (!Uri.TryCreate(url, location, out next) || next.Scheme is not ("http" or "https"))
                throw Bad($"{Failures.Host(url)} redirects to something that is not HTTP");
            if (redirects == MostRedirects)
                throw Bad($"{Failures.Host(url)} redirects once more after {MostRedirects} redirects, to {Failures.Host(next)}");
            if (url.Scheme == "https" && next.Scheme == "http")
                throw Bad($"{Failures.Host(url)} redirects to plain HTTP at {Failures.Host(next)}, which is not followed");
            // Once another host has had a say in where to go, nothing secret is sent any more, not even to the first.
            isAtHome &= IsSameOrigin(url, next);
        }
    }

    /// <summary>One request. Failures of a proxy or behind a redirect name that host, which the caller does not know.</summary>
    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, bool isRedirected, CancellationToken cancellation)
    {
        var url = request.RequestUri!;
        var proxy = options.Proxy?.Relays(url) == true ? options.Proxy : null;
        HttpResponseMessage response;
        try
        {
            try
            {
                response = await (await InvokerAsync(cancellation)).SendAsync(request, cancellation);
            }
            catch (ObjectDisposedException)
            {
                // Certificates were renewed twice while this request waited for a thread: its connections are gone, and it was not sent.
                response = await (await InvokerAsync(cancellation)).SendAsync(request, cancellation);
            }
        }
        catch (HttpRequestException e) when ((isRedirected || proxy is not null) && Failures.Find<PeerException>(e) is null)
        {
            throw new PeerException(proxy?.Broken() ?? Failures.From(e, url));
        }
        if (proxy?.Refusal(response, url) is { IsNone: false } refusal)
        {
            response.Dispose();
            throw new PeerException(refusal);
        }
        return response;
    }

    private static PeerException Bad(string message) => new(new Failure(FailureReason.Redirect, message));

    private static bool IsSameOrigin(Uri one, Uri other) => one.Scheme == other.Scheme && one.Host == other.Host && one.Port == other.Port;

    /// <summary>307 and 308 keep the method; the others would turn a POST into a GET, which is no write any more.</summary>
    private static bool IsFollowed(HttpMethod method, HttpStatusCode status) => status switch
    {
        HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect => true,
        HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther => method == HttpMethod.Get,
        _ => false,
    };

    /// <summary>A header that the user configured may be a secret: another host gets only those of the protocol.</summary>
    private static void KeepPublicHeaders(HttpRequestMessage request)
    {
        foreach (var (name, _) in request.Headers.NonValidated.ToArray())
        {
            if (!Starts(name, "Accept") && !Starts(name, "X-Prometheus-") && !Starts(name, "User-Agent") && !Starts(name, "Retry-Attempt"))
                request.Headers.Remove(name);
        }

        static bool Starts(string name, string with) => name.StartsWith(with, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Connections with the trust of the files as they are now. Those of before finish what they are at.</summary>
    private async ValueTask<HttpMessageInvoker> InvokerAsync(CancellationToken cancellation)
    {
        if (invoker is { } known && (!HasTlsFiles || time.GetElapsedTime(Interlocked.Read(ref tlsRead)) < TlsRefresh))
            return known;
        if (!HasTlsFiles)
        {
            lock (gate)
                return invoker ??= Connect(new PeerTls(options.Tls));
        }
        try
        {
            await files.RunAsync(Refresh, cancellation);
            log?.Recovered(tlsLogKey, "Certificate files can be read again");
        }
        catch (PeerException e) when (invoker is not null)
        {
            log?.Recurring(LogLevel.Warn, tlsLogKey, "Certificate files cannot be read again; the last good ones are used",
                ("error", e.Failure.Message), ("remedy", "fix the file or its mount; the file is looked at again each second"));
        }
        return invoker!;
    }

    /// <summary>On the files' thread: looks at them again where that is due.</summary>
    private bool Refresh()
    {
        if (invoker is not null && time.GetElapsedTime(Interlocked.Read(ref tlsRead)) < TlsRefresh)
            return true; // another request was first
        Interlocked.Exchange(ref tlsRead, time.GetTimestamp());
        if (tls?.IsCurrent() == true)
            return true;
        var now = new PeerTls(options.Tls);
        var made = Connect(now);
        // Another thread may have the old one in hand and not yet used it: it is disposed of only with the next change.
        retired?.Dispose();
        (retired, invoker, tls) = (invoker, made, now);
        return true;
    }

    /// <summary>
    /// Lookups that hold no thread of the pool; tunnels whose failures are named and other TLS names, which the handler cannot do. It takes
    /// secured streams.
    /// </summary>
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, PeerTls files, CancellationToken cancellation)
    {
        var url = context.InitialRequestMessage.RequestUri!;
        var socket = options.Proxy is { } proxy && proxy.Covers(url) ? await proxy.ConnectAsync(url, names, time, cancellation)
            : await names.ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellation);
        var stream = new NetworkStream(socket, ownsSocket: true);
        return url.Scheme == "https" && options.Tls.ServerName is not null ? await files.SecureAsync(stream, cancellation) : stream;
    }

    private HttpMessageInvoker Connect(PeerTls files) => new(new SocketsHttpHandler
    {
        ConnectCallback = (context, cancellation) => ConnectAsync(context, files, cancellation),
        SslOptions = files.Options(),
        MaxConnectionsPerServer = maxConnectionsPerServer,
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = options.Proxy is not null, // as Prometheus: no proxy unless configured
        Proxy = options.Proxy,
        AutomaticDecompression = DecompressionMethods.None,
        PooledConnectionLifetime = TimeSpan.FromMinutes(15), // so that a changed address of a name is noticed
        ConnectTimeout = TimeSpan.FromSeconds(30),
        MaxResponseHeadersLength = 64, // kilobytes
        ActivityHeadersPropagator = null,
    });
}

/// <summary>When a peer will not believe us any more, or we not the peer; null where nothing is known.</summary>
/// <param name="Ca">The last of the authorities.</param>
internal readonly record struct PeerExpiry(DateTimeOffset? Token, DateTimeOffset? Certificate, DateTimeOffset? Ca)
{
    /// <summary>Of two peers of the same kind, whatever expires first.</summary>
    public PeerExpiry OrSooner(PeerExpiry other) =>
        new(Sooner(Token, other.Token), Sooner(Certificate, other.Certificate), Sooner(Ca, other.Ca));

    public DateTimeOffset? First => Sooner(Token, Sooner(Certificate, Ca));

    private static DateTimeOffset? Sooner(DateTimeOffset? one, DateTimeOffset? other) => one is null || other < one ? other : one;
}
