using System.Buffers;

namespace Sidecar.Serving;

/// <summary>A request's head, parsed strictly (RFC 9112): a doubtful request gets an error status and the connection ends.</summary>
internal readonly record struct HttpRequestHead(string Method, string Path, bool KeepAlive)
{
    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>Parses the lines of a head, without the empty one that ends it. Returns 0, or the status that says what is wrong.</summary>
    public static int Parse(ReadOnlySpan<byte> head, out HttpRequestHead request)
    {
        request = default;
        var lines = head.Split("\r\n"u8);
        lines.MoveNext();
        var status = ParseRequestLine(head[lines.Current], out var method, out var path, out var isVersion10);
        if (status != 0)
            return status;

        var (hosts, close, keepAlive, hasBody) = (0, false, false, false);
        foreach (var range in lines)
        {
            var line = head[range];
            // field-line = field-name ":" OWS field-value OWS; no space before the colon, no folded lines (RFC 9112, 5)
            var colon = line.IndexOf((byte)':');
            if (colon <= 0 || line[..colon].ContainsAnyExcept(TokenBytes))
                return 400;
            var name = line[..colon];
            var value = line[(colon + 1)..].Trim(" \t"u8);
            foreach (var b in value)
            {
                if (b is (< 0x20 and not (byte)'\t') or 0x7f)
                    return 400;
            }
            if (Ascii.EqualsIgnoreCase(name, "Host"u8))
                hosts++;
            else if (Ascii.EqualsIgnoreCase(name, "Connection"u8))
            {
                close |= HasToken(value, "close"u8);
                keepAlive |= HasToken(value, "keep-alive"u8);
            }
            else if (Ascii.EqualsIgnoreCase(name, "Content-Length"u8))
            {
                if (value.IsEmpty || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
                    return 400;
                hasBody |= value.ContainsAnyExcept((byte)'0');
            }
            else if (Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8))
                hasBody = true;
        }
        // RFC 9112, 3.2: a 1.1 request has exactly one Host; which one makes no difference here, since a probe sends the pod's address.
        if (hosts > 1 || (hosts == 0 && !isVersion10))
            return 400;
        // A body is never read, so nothing after it can be told from it: the connection ends with the answer.
        request = new HttpRequestHead(method, path, !hasBody && !close && (keepAlive || !isVersion10));
        return 0;
    }

    /// <summary>Finds at the first bytes what can be no HTTP/1 request (TLS, say) and need not be waited for. 0 or a status.</summary>
    public static int CheckStart(ReadOnlySpan<byte> received)
    {
        var lineEnd = received.IndexOf((byte)'\n');
        if (lineEnd >= 0)
            return lineEnd == 0 || received[lineEnd - 1] != '\r' ? 400 : ParseRequestLine(received[..(lineEnd - 1)], out _, out _, out _);
        var method = received.IndexOf((byte)' ') is var space and >= 0 ? received[..space] : received;
        return method.ContainsAnyExcept(TokenBytes) && !method.SequenceEqual("\r"u8) ? 400 : 0;
    }

    // request-line = method SP request-target SP HTTP-version
    private static int ParseRequestLine(ReadOnlySpan<byte> line, out string method, out string path, out bool isVersion10)
    {
        method = path = "";
        isVersion10 = false;
        var first = line.IndexOf((byte)' ');
        var last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last == first || line[..first].ContainsAnyExcept(TokenBytes))
            return 400;
        var target = line[(first + 1)..last];
        var version = line[(last + 1)..];
        if (target.IsEmpty || target.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e))
            return 400;
        if (version.Length != 8 || !version.StartsWith("HTTP/"u8) || version[6] != '.'
            || !char.IsAsciiDigit((char)version[5]) || !char.IsAsciiDigit((char)version[7]))
            return 400;
        if (version[5] != '1')
            return 505;
        isVersion10 = version[7] == '0';

        // absolute-form, as sent to proxies, must be understood (3.2.2)
        if (target.Length > 7 && Ascii.EqualsIgnoreCase(target[..7], "http://"u8))
        {
            var slash = target[7..].IndexOf((byte)'/');
            target = slash < 0 ? "/"u8 : target[(7 + slash)..];
        }
        method = Encoding.ASCII.GetString(line[..first]);
        if (target[0] != '/')
            return method is "GET" or "HEAD" ? 400 : 0; // "OPTIONS *" is well-formed and not allowed
        var query = target.IndexOf((byte)'?');
        path = Encoding.ASCII.GetString(query < 0 ? target : target[..query]);
        return 0;
    }

    private static bool HasToken(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        foreach (var part in list.Split((byte)','))
        {
            if (Ascii.EqualsIgnoreCase(list[part].Trim(" \t"u8), token))
                return true;
        }
        return false;
    }
}
