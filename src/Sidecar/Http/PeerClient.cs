using System.Net;
using Sidecar.Operation;

namespace Sidecar.Http;

/// <summary>
/// HTTP to one kind of peer — the API server, the targets, the receiver — with its credentials and its trust. Credentials and PEM files are
/// read again as they change; redirects are followed, but credentials never leave the host that they are for.
/// </summary>
internal sealed class PeerClient : IDisposable
{
    private const int MostRedirects = 10;

    /// <summary>PEM files are looked at again at most this often.</summary>
    private static readonly TimeSpan TlsRefresh = TimeSpan.FromSeconds(1);

    private readonly HttpOptions options;
    private readonly int maxConnectionsPerServer;
    private readonly TimeProvider time;
    private readonly PeerCredentials credentials;
    private readonly Lock gate = new();
    private HttpMessageInvoker? invoker;
    private PeerTls? tls;
    private long tlsRead;

    public PeerClient(HttpOptions options, int maxConnectionsPerServer, TimeProvider time)
    {
        this.options = options;
        this.maxConnectionsPerServer = maxConnectionsPerServer;
        this.time = time;
        credentials = new PeerCredentials(options);
    }

    /// <summary>Sends a request and returns when the head of the answer is there.</summary>
    /// <param name="create">Makes the request; called again for each redirect and after a 401, so each time with a fresh body.</param>
    /// <exception cref="HttpRequestException">See <see cref="Failures.From"/>.</exception>
    public async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> create, CancellationToken cancellation)
    {
        var authorization = credentials.Header();
        var response = await FollowAsync(create, authorization, cancellation);
        if (response.StatusCode != HttpStatusCode.Unauthorized || !credentials.IsFromFile)
            return response;
        var rotated = credentials.Header();
        if (rotated == authorization)
            return response;
        response.Dispose();
        return await FollowAsync(create, rotated, cancellation);
    }

    public void Dispose() => invoker?.Dispose();

    private async Task<HttpResponseMessage> FollowAsync(Func<HttpRequestMessage> create, string? authorization, CancellationToken cancellation)
    {
        Uri? first = null;
        Uri? next = null;
        for (var redirects = 0; ; redirects++)
        {
            var request = create();
            first ??= request.RequestUri!;
            request.RequestUri = next ?? first;
            request.Headers.TryAddWithoutValidation("User-Agent", "sidecar/" + Metrics.Version);
            if (IsSameOrigin(first, request.RequestUri))
            {
                if (authorization is not null)
                    request.Headers.TryAddWithoutValidation("Authorization", authorization);
            }
            else
                KeepPublicHeaders(request);

            var response = await Invoker().SendAsync(request, cancellation);
            if (!IsFollowed(request.Method, response.StatusCode) || response.Headers.Location is not { } location)
                return response;
            response.Dispose();
            next = new Uri(request.RequestUri, location);
            if (redirects == MostRedirects)
                throw Bad($"{Failures.Host(first)} redirects more than {MostRedirects} times, last to {Failures.Host(next)}");
            if (next.Scheme is not ("http" or "https"))
                throw Bad($"{Failures.Host(first)} redirects to something that is not HTTP");
            if (first.Scheme == "https" && next.Scheme == "http")
                throw Bad($"{Failures.Host(first)} redirects to plain HTTP at {Failures.Host(next)}; that is not followed");
        }
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
            if (!name.StartsWith("Accept", StringComparison.OrdinalIgnoreCase) && !name.StartsWith("X-Prometheus-", StringComparison.OrdinalIgnoreCase)
                && !name.Equals("User-Agent", StringComparison.OrdinalIgnoreCase) && !name.Equals("Retry-Attempt", StringComparison.OrdinalIgnoreCase))
                request.Headers.Remove(name);
        }
    }

    /// <summary>Connections with the trust of the files as they are now. Those of before finish what they are at.</summary>
    private HttpMessageInvoker Invoker()
    {
        lock (gate)
        {
            if (invoker is not null && (!HasTlsFiles || time.GetElapsedTime(tlsRead) < TlsRefresh))
                return invoker;
            tlsRead = time.GetTimestamp();
            try
            {
                var now = PeerTls.Read(options.Tls);
                if (tls?.IsSameAs(now) == true)
                    return invoker!;
                var made = Connect(now);
                invoker?.Dispose();
                (invoker, tls) = (made, now);
            }
            catch (PeerException) when (invoker is not null)
            {
                // A file is away or half written: what was good goes on.
            }
            return invoker;
        }
    }

    private bool HasTlsFiles => options.Tls is { CaFile: not null } or { CertFile: not null } or { KeyFile: not null };

    private HttpMessageInvoker Connect(PeerTls files) => new(new SocketsHttpHandler
    {
        SslOptions = files.Options(),
        MaxConnectionsPerServer = maxConnectionsPerServer,
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false, // as Prometheus: no proxy unless configured
        AutomaticDecompression = DecompressionMethods.None,
        PooledConnectionLifetime = TimeSpan.FromMinutes(15), // so that a changed address of a name is noticed
        ConnectTimeout = TimeSpan.FromSeconds(30),
        MaxResponseHeadersLength = 64, // kilobytes
        ActivityHeadersPropagator = null,
    });
}
