using System.Net;
using System.Net.Sockets;

namespace Sidecar.Configuration;

/// <summary><c>host:port</c>, an IPv6 host in brackets.</summary>
internal static class Hosts
{
    /// <summary>The address of a target: <c>10.0.0.1:6443</c>, <c>[fd00::1]:6443</c>.</summary>
    public static Parsed<string> ParseAddress(string text) => Parse(text, emptyHost: false, leastPort: 1);

    /// <summary>An address to listen on: <c>:9090</c> for all addresses, port 0 for any free one.</summary>
    public static Parsed<string> ParseListenAddress(string text) => Parse(text, emptyHost: true, leastPort: 0);

    /// <summary>A DNS name, an IPv4 address, or an IPv6 address in brackets.</summary>
    public static bool IsHost(ReadOnlySpan<char> host)
    {
        if (host is ['[', .. var inner, ']'])
            return !inner.Contains('%') && IPAddress.TryParse(inner, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6;
        if (host is [.., '.'])
            host = host[..^1];
        if (host.Length is 0 or > 253)
            return false;

        var last = ReadOnlySpan<char>.Empty;
        foreach (var range in host.Split('.'))
        {
            last = host[range];
            if (last.Length is 0 or > 63 || last[0] == '-' || last[^1] == '-')
                return false;
            foreach (var c in last)
                if (!char.IsAsciiLetterOrDigit(c) && c is not '-' and not '_')
                    return false;
        }
        // A name whose last part is a number is meant as an IPv4 address, so it must be a whole one.
        return last.ContainsAnyExceptInRange('0', '9') || (host.Count('.') == 3 && IPAddress.TryParse(host, out _));
    }

    /// <summary>A host as it stands in a URL and before a port.</summary>
    public static string Bracketed(string host) => host.Contains(':') && !host.StartsWith('[') ? $"[{host}]" : host;

    private static Parsed<string> Parse(string text, bool emptyHost, int leastPort)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 0 || text.EndsWith(']'))
            return new Wrong("without a port");
        var host = text.AsSpan(0, colon);
        if (host.Contains(':') && host is not ['[', .., ']'])
            return new Wrong("without brackets around the IPv6 address");
        if (!int.TryParse(text.AsSpan(colon + 1), System.Globalization.NumberStyles.None, null, out var port)
            || port < leastPort || port > ushort.MaxValue)
            return new Wrong($"with a port that is not a number from {leastPort} to 65535");
        // A host that Uri refuses, too, could never be asked.
        if (!(host.IsEmpty && emptyHost) && !(IsHost(host) && Uri.TryCreate($"http://{text}/", UriKind.Absolute, out _)))
            return new Wrong("with a host that is neither a DNS name nor an IP address");
        return $"{host}:{port}";
    }
}
