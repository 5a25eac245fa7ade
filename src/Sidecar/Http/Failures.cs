using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sidecar.Primitives;

namespace Sidecar.Http;

/// <summary>Failures of peers in our own words: the framework's are not in the binary. Names hosts, never credentials or queries.</summary>
internal static class Failures
{
    private const int BodyStart = 2048;

    private const int LongestWords = 400;

    /// <summary><c>host:port</c>, without anything else of the URL.</summary>
    public static string Host(Uri url) => $"{url.Host}:{url.Port}";

    /// <summary>Scheme, host and path: a URL as it may be shown.</summary>
    public static string Show(Uri url) => url.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>Classifies what <see cref="PeerClient.SendAsync"/> and reading its answer throw.</summary>
    public static Failure From(Exception exception, Uri url)
    {
        if (Find<PeerException>(exception) is { } peer)
            return peer.Failure;
        var host = Host(url);
        if (exception is OperationCanceledException)
            return new Failure(FailureReason.Timeout, $"{host} does not answer: the connection took too long");
        if (TlsFailures.From(exception, host) is { IsNone: false } tls)
            return tls;
        if (Find<SocketException>(exception) is { } socket)
            return FromSocket(socket.SocketErrorCode, url, host);
        // Of the body's end HttpClient tells by an HttpIOException, of the head's by an HttpRequestException around one.
        return exception switch
        {
            HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } =>
                new Failure(FailureReason.Truncated, $"{host} closed the connection in the middle of its answer"),
            HttpIOException or HttpRequestException
            {
                HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError
            } => NoHttp(url, $"{host} does not answer in HTTP"),
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } =>
                new Failure(FailureReason.DnsLookup, $"the name {url.Host} has no address"),
            HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } =>
                new Failure(FailureReason.Connection, $"{host} sends larger headers than are read (64 kB)"),
            HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } =>
                NoHttp(url, $"{host} closed the connection without an answer", ofHttps: "; it may want a client certificate"),
            _ => new Failure(FailureReason.Connection, $"the connection to {host} broke"),
        };
    }

    private static Failure NoHttp(Uri url, string message, string ofHttps = "") => url.Scheme == "https"
        ? new(FailureReason.Connection, message + ofHttps)
        : new(FailureReason.Connection, message + "; if it speaks TLS, the scheme is https", FailureDetail.MayWantHttps);

    /// <summary>An answer that is no success, with the peer's own words where it has some.</summary>
    /// <param name="bodyStart">See <see cref="ReadStartAsync"/>.</param>
    public static Failure FromStatus(HttpStatusCode status, Uri url, ReadOnlySpan<byte> bodyStart)
    {
        var words = Words(bodyStart);
        // In the words of Go's server and of nginx.
        if (status == HttpStatusCode.BadRequest && (words.Contains("HTTP request to an HTTPS server", StringComparison.Ordinal)
            || words.Contains("HTTP request was sent to HTTPS port", StringComparison.Ordinal)))
            return new Failure(FailureReason.HttpOnHttpsPort, $"{Host(url)} wants https: {words}", Status: (int)status);
        var reason = status switch
        {
            HttpStatusCode.Unauthorized => FailureReason.Unauthorized,
            HttpStatusCode.Forbidden => FailureReason.Forbidden,
            HttpStatusCode.NotFound => FailureReason.NotFound,
            >= (HttpStatusCode)300 and < (HttpStatusCode)400 => FailureReason.Redirect,
            _ => FailureReason.HttpStatus,
        };
        // Go's server resets the connection where it has not read the whole request, and its words may be lost with it.
        var detail = status == HttpStatusCode.BadRequest && words.Length == 0 && url.Scheme == "http"
            ? FailureDetail.MayWantHttps : FailureDetail.None;
        return new Failure(reason, $"{Show(url)} answers {(int)status}{(words.Length > 0 ? ": " + words : "")}", detail, (int)status);
    }

    /// <summary>The beginning of a body, for <see cref="FromStatus"/>; what there is of it when it is cut.</summary>
    public static async Task<byte[]> ReadStartAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var start = new byte[BodyStart];
        try
        {
            if (response.Content.Headers.ContentEncoding.Count > 0)
                return []; // compressed: no words in it that could be shown as they are
            using var stream = await response.Content.ReadAsStreamAsync(cancellation);
            return start[..await stream.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellation)];
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            return [];
        }
    }

    /// <param name="host">Who it is, for the words.</param>
    public static Failure FromSocket(SocketError error, Uri url, string host) => error switch
    {
        SocketError.ConnectionRefused => new Failure(FailureReason.ConnectionRefused, $"{host} refuses connections: nothing listens there"),
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain =>
            new Failure(FailureReason.DnsLookup, $"the name {url.Host} has no address"),
        SocketError.TimedOut => new Failure(FailureReason.Timeout, $"{host} does not answer"),
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostDown or SocketError.NetworkDown =>
            new Failure(FailureReason.Connection, $"there is no route to {host}"),
        SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted =>
            new Failure(FailureReason.Connection, $"{host} reset the connection",
                url.Scheme == "http" ? FailureDetail.ResetOfHttp : FailureDetail.None),
        _ => new Failure(FailureReason.Connection, $"the connection to {host} failed ({error})"),
    };

    /// <summary>The first of the exception and those inside it that is of the type, and as asked for.</summary>
    public static T? Find<T>(Exception? exception, Predicate<T>? where = null) where T : Exception
    {
        for (; exception is not null; exception = exception.InnerException)
            if (exception is T found && where?.Invoke(found) != false)
                return found;
        return null;
    }

    /// <summary>The message of a Kubernetes Status, or the text itself; one line, bounded.</summary>
    private static string Words(ReadOnlySpan<byte> body)
    {
        var text = StatusMessage(body) ?? Encoding.UTF8.GetString(body);
        var words = new StringBuilder();
        foreach (var c in text.Trim())
        {
            if (words.Length >= LongestWords && !char.IsLowSurrogate(c))
                return words.Append('…').ToString();
            words.Append(char.IsControl(c) ? ' ' : c);
        }
        return words.ToString();
    }

    private static string? StatusMessage(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty || body[0] != (byte)'{')
            return null;
        try
        {
            var json = new Utf8JsonReader(body, isFinalBlock: false, default);
            while (json.Read())
            {
                if (json.TokenType == JsonTokenType.PropertyName && json.CurrentDepth == 1 && json.ValueTextEquals("message"u8))
                    return json.Read() && json.TokenType == JsonTokenType.String ? json.GetString() : null;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // It only looked like JSON, or like UTF-8.
        }
        return null;
    }
}
