using System.Security.Authentication;
using System.Security.Cryptography;
using Sidecar.Primitives;

namespace Sidecar.Http;

/// <summary>
/// Why TLS failed for another reason than the peer's certificate. OpenSSL tells by a number, which .NET keeps as the exception's HResult
/// (openssl/err.h: the library above bit 23, the reason below; openssl/sslerr.h: the reasons; alerts: RFC 8446, section 6).
/// </summary>
internal static class TlsFailures
{
    private const int SslLibrary = 20;
    private const int Alert = 1000; // and what the peer says

    /// <summary>None when it was not TLS that failed.</summary>
    public static Failure From(Exception exception, string host)
    {
        if (Failures.Find<CryptographicException>(exception, static e => e.HResult >> 23 == SslLibrary) is { } openSsl)
            return Of(openSsl.HResult & ((1 << 23) - 1), host);
        if (Failures.Find<AuthenticationException>(exception) is { InnerException: null })
            return NoTls(host); // what came was no record of TLS
        var isHandshake = Failures.Find<HttpRequestException>(exception,
            static e => e.HttpRequestError == HttpRequestError.SecureConnectionError) is not null;
        return isHandshake ? MayBePlain($"{host} closed the connection during the TLS handshake") : default;
    }

    private static Failure Failed(string message) => new(FailureReason.TlsHandshake, message);

    private static Failure NoTls(string host) => MayBePlain($"{host} does not speak TLS");

    private static Failure MayBePlain(string message) => new(
        FailureReason.TlsHandshake, $"{message}; if it speaks plain HTTP, the scheme is http", FailureDetail.MayWantHttp);

    private static Failure Of(int reason, string host) => reason switch
    {
        156 or 198 or 267 => NoTls(host), // an HTTP request, too long a packet, a wrong version number
        Alert + 40 => Failed($"{host} refuses the TLS handshake: it wants a client certificate, or no cipher is common"),
        Alert + 42 or Alert + 46 => RefusedCertificate(host, "bad certificate"),
        Alert + 43 => RefusedCertificate(host, "unsupported certificate"),
        Alert + 44 => RefusedCertificate(host, "revoked"),
        Alert + 45 => RefusedCertificate(host, "expired"),
        Alert + 48 => RefusedCertificate(host, "unknown authority"),
        Alert + 49 => RefusedCertificate(host, "access denied"),
        258 or Alert + 70 => Failed($"{host} and we have no TLS version in common"),
        Alert + 112 => Failed($"{host} does not know the server name that it was asked for"),
        Alert + 116 => Failed($"{host} wants a client certificate, and none is set"),
        _ => Failed($"the TLS handshake with {host} failed (OpenSSL's reason {reason})"),
    };

    private static Failure RefusedCertificate(string host, string alert) =>
        Failed($"{host} refuses our client certificate, or wants one ({alert})");
}
