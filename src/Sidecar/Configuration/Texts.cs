using System.Security.Authentication;

namespace Sidecar.Configuration;

/// <summary>Values that are mostly taken as they are: names, files, credentials.</summary>
internal static class Texts
{
    public static Parsed<string> ParseLine(string text) =>
        text.Any(char.IsControl) ? new Wrong("with a line break or another control character in it") : text;

    /// <summary>The path of a file. Whether it is there shows when it is read, since projected files come and go.</summary>
    public static Parsed<string> ParseFile(string text)
    {
        if (text.Contains("-----BEGIN", StringComparison.Ordinal) || text.StartsWith("eyJ", StringComparison.Ordinal))
            return new Wrong("what belongs inside the file, where the path of the file is wanted",
                "write it into a file, mount that, and write its path here");
        return ParseLine(text);
    }

    /// <summary>What follows the scheme in an Authorization header.</summary>
    public static Parsed<string> ParseCredentials(string text) =>
        IsHeaderValue(text) ? text : new Wrong("not credentials that can stand in a header (visible ASCII characters in one line can)");

    public static Parsed<string> ParseAuthorizationType(string text)
    {
        if (text.Equals("basic", StringComparison.OrdinalIgnoreCase))
            return new Wrong("Basic has variables of its own", "use …_BASIC_AUTH_USERNAME and …_BASIC_AUTH_PASSWORD_FILE");
        return IsToken(text) ? text : new Wrong("not an authentication scheme, which is one word");
    }

    /// <summary>RFC 7617: the first colon ends the user's name, so it cannot hold one.</summary>
    public static Parsed<string> ParseUsername(string text) =>
        text.Contains(':') ? new Wrong("a user name with a colon in it, which basic authentication cannot carry") : ParseLine(text);

    /// <summary>A name to verify in a certificate: no port, no wildcard.</summary>
    public static Parsed<string> ParseServerName(string text) =>
        Hosts.IsHost(Hosts.Bracketed(text))
            ? text
            : new Wrong("neither a DNS name nor an IP address (a port does not belong here)");

    /// <summary>Name of a namespace, Service or port: a DNS label (RFC 1123).</summary>
    public static Parsed<string> ParseKubernetesName(string text)
    {
        var good = text.Length is > 0 and <= 63 && text[0] != '-' && text[^1] != '-'
            && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
        return good ? text : new Wrong("not the name of a Kubernetes object (at most 63 of a-z, 0-9 and -)");
    }

    public static Parsed<string> ParseKubernetesNameOrAll(string text) => text == "*" ? text : ParseKubernetesName(text);

    /// <summary>Prometheus's names for TLS versions; the two oldest are refused, since today's OpenSSL refuses them anyway.</summary>
    public static Parsed<SslProtocols> ParseTlsVersion(string text) => text switch
    {
        "TLS12" => SslProtocols.Tls12,
        "TLS13" => SslProtocols.Tls13,
        "TLS10" or "TLS11" => new Wrong("a version of TLS that is too old to be supported (TLS12 and TLS13 are)"),
        _ => new Wrong("none of TLS12, TLS13"),
    };

    /// <summary>RFC 9110, 5.6.2: token = 1*tchar.</summary>
    public static bool IsToken(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c));

    /// <summary>RFC 9110, 5.5, without obsolete bytes: visible characters, with spaces and tabs only between them.</summary>
    public static bool IsHeaderValue(string text) =>
        text.Length > 0 && text[0] is > ' ' && text[^1] is > ' ' && text.All(c => c is (>= ' ' and <= '~') or '\t');
}
