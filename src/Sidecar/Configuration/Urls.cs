namespace Sidecar.Configuration;

/// <summary>Absolute URLs of HTTP servers, and the parts of URLs that have a variable of their own.</summary>
internal static class Urls
{
    /// <summary>http or https, with a host, without a fragment. A user and password in it are kept.</summary>
    public static Parsed<Uri> Parse(string text)
    {
        if (!text.StartsWith("http://", StringComparison.OrdinalIgnoreCase)
            && !text.StartsWith("https://", StringComparison.OrdinalIgnoreCase))
        {
            return new Wrong("not a URL that begins with http:// or https://",
                text.Contains("://", StringComparison.Ordinal) ? null : "write http:// or https:// before it");
        }
        if (!IsVisibleAscii(text) || text.Contains('\\'))
            return new Wrong("a URL with a character that must be percent-encoded");
        if (text.Contains('#'))
            return new Wrong("a URL with a fragment (#)");
        // Else http://user:1/2@host, where the slash in the password is not encoded, would be a good URL of the host "user".
        var authority = text.AsSpan(text.IndexOf("://", StringComparison.Ordinal) + 3);
        if (authority.IndexOfAny('/', '?') is var end and >= 0 && authority[end..].Contains('@'))
            return new Wrong("a URL with an @ behind the host, which is written %40, as / in a password is written %2F");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || !Hosts.IsHost(url.Host))
            return new Wrong("not a URL with a valid host and port");
        return url.Port == 0 ? new Wrong("a URL with port 0") : url;
    }

    /// <summary>The API server's base address; its path ends in a slash, so that relative paths append to it.</summary>
    public static Parsed<Uri> ParseBase(string text)
    {
        var parsed = Parse(text);
        if (parsed.Value is not { } url)
            return new Wrong(parsed.Problem!);
        if (url.UserInfo.Length > 0)
            return new Wrong("a URL with a user in it, where only a token can authenticate");
        if (text.Contains('?'))
            return new Wrong("a URL with a query, where a base address is wanted");
        return url.AbsolutePath.EndsWith('/') ? url : new Uri(url.AbsoluteUri + "/");
    }

    /// <summary>A proxy that is spoken to in plain HTTP, with a user and password in the URL where it wants them.</summary>
    public static Parsed<Uri> ParseProxy(string text)
    {
        if (text.StartsWith("https://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("socks", StringComparison.OrdinalIgnoreCase))
            return new Wrong("a proxy that is spoken to in TLS or SOCKS, where only HTTP proxies are supported");
        var parsed = Parse(text);
        return parsed.Value is not { } url ? new Wrong(parsed.Problem!)
            : url.PathAndQuery != "/" ? new Wrong("a URL with a path or query, which a proxy does not have") : url;
    }

    /// <summary>Absolute path without query: <c>/metrics</c>.</summary>
    public static Parsed<string> ParsePath(string text)
    {
        if (!text.StartsWith('/'))
            return new Wrong("not a path that begins with a slash");
        if (text.Contains('?'))
            return new Wrong("a path with a query, which belongs in SIDECAR_PARAMS");
        return IsEncoded(text) ? text : new Wrong("a path with a character that must be percent-encoded");
    }

    /// <summary>Query string without its question mark: <c>a=1&amp;b=2</c>.</summary>
    public static Parsed<string> ParseQuery(string text)
    {
        if (text.StartsWith('?'))
            return new Wrong("a query string that begins with a question mark, which is added where it is used");
        foreach (var pair in text.Split('&'))
            if (pair.Length == 0 || pair[0] == '=')
                return new Wrong("a query string with a parameter that has no name");
        return IsEncoded(text) ? text : new Wrong("a query string with a character that must be percent-encoded");
    }

    /// <summary>The parameters of a query string, decoded; one without a value has the empty one.</summary>
    public static List<KeyValuePair<string, string>> Parameters(string? query)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (var pair in (query ?? "").Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = pair.IndexOf('=') is > 0 and var equals ? (pair[..equals], pair[(equals + 1)..]) : (pair, "");
            pairs.Add(new(Decode(name), Decode(value)));
        }
        return pairs;

        static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
    }

    /// <summary>A query string as Go's url.Values.Encode writes it: sorted by name, and a plus for a space.</summary>
    public static string Query(IEnumerable<KeyValuePair<string, string>> parameters) =>
        string.Join('&', parameters.OrderBy(p => p.Key, StringComparer.Ordinal)
            .Select(p => $"{Uri.EscapeDataString(p.Key)}={Uri.EscapeDataString(p.Value)}")).Replace("%20", "+");

    private static bool IsVisibleAscii(string text) => text.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0;

    private static bool IsEncoded(string text)
    {
        if (!IsVisibleAscii(text) || text.AsSpan().ContainsAny("#\\\"<>"))
            return false;
        for (var i = text.IndexOf('%'); i >= 0; i = text.IndexOf('%', i + 1))
            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
                return false;
        return true;
    }
}
