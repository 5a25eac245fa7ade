using System.Security.Authentication;
using System.Security.Cryptography;
using Sidecar.Primitives;

namespace Sidecar.Http;

/// <summary>
/// Why TLS failed for another reason than the peer's certificate. OpenSSL tells by a number, which .NET keeps as the exception's HResult
/// (openssl/err.h: the library above bit 23, the reason below; openssl/sslerr.h: the reasons, 1000 and more for the peer's alerts).
/// </summary>
internal static class TlsFailures
{
    private const int SslLibrary = 20;

    // Alerts of RFC 8446, section 6, as OpenSSL's reasons.
    private const int HandshakeFailure = 1040;
    private const int BadCertificate = 1042;
    private const int UnsupportedCertificate = 1043;
    private const int CertificateRevoked = 1044;
    private const int CertificateExpired = 1045;
    private const int CertificateUnknown = 1046;
    private const int UnknownAuthority = 1048;
    private const int AccessDenied = 1049;
    private const int ProtocolVersion = 1070;
    private const int UnrecognizedName = 1112;
    private const int CertificateRequired = 1116;

    // OpenSSL's own.
    private const int HttpRequest = 156;
    private const int PacketLengthTooLong = 198;
    private const int UnsupportedProtocol = 258;
    private const int WrongVersionNumber = 267;

    /// <summary>None when it was not TLS that failed.</summary>
    public static Failure From(Exception exception, string host)
    {
        if (Reason(exception) is { } reason)
            return Of(reason, host);
        if (Failures.Find<AuthenticationException>(exception) is { InnerException: null })
            return NoTls(host); // what came was no record of TLS
        return IsHandshake(exception) ? MayBePlain($"{host} closed the connection during the TLS handshake") : default;
    }

    private static bool IsHandshake(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError })
                return true;
        }
        return false;
    }

    private static Failure Failed(string message) => new(FailureReason.TlsHandshake, message);

    private static Failure NoTls(string host) => MayBePlain($"{host} does not speak TLS");

    private static Failure MayBePlain(string message) => new(
        FailureReason.TlsHandshake, $"{message}; if it speaks plain HTTP, the scheme is http", FailureDetail.MayWantHttp);

    private static int? Reason(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is CryptographicException && exception.HResult >> 23 == SslLibrary)
                return exception.HResult & ((1 << 23) - 1);
        }
        return null;
    }

    private static Failure Of(int reason, string host) => reason switch
    {
        HttpRequest or PacketLengthTooLong or WrongVersionNumber => NoTls(host),
        CertificateRequired => Failed($"{host} wants a client certificate, and none is set"),
        HandshakeFailure => Failed($"{host} refuses the TLS handshake: it wants a client certificate, or no cipher is common"),
        BadCertificate or UnsupportedCertificate or CertificateRevoked or CertificateExpired or CertificateUnknown or UnknownAuthority
            or AccessDenied => Failed($"{host} refuses our client certificate, or wants one ({Alert(reason)})"),
        UnsupportedProtocol or ProtocolVersion => Failed($"{host} and we have no TLS version in common"),
        UnrecognizedName => Failed($"{host} does not know the server name that it was asked for"),
        _ => Failed($"the TLS handshake with {host} failed (OpenSSL's reason {reason})"),
    };

    private static string Alert(int reason) => reason switch
    {
        UnsupportedCertificate => "unsupported certificate",
        CertificateRevoked => "revoked",
        CertificateExpired => "expired",
        UnknownAuthority => "unknown authority",
        AccessDenied => "access denied",
        _ => "bad certificate",
    };
}
