namespace Sidecar.Configuration;

/// <summary>Extra request headers. What the sidecar sets itself is refused, as in Prometheus (config/config.go).</summary>
internal static class Headers
{
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Content-Encoding", "Content-Length", "Content-Type", "Transfer-Encoding", "User-Agent", "Connection", "Keep-Alive",
        "Upgrade", "TE", "Trailer", "Expect", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "WWW-Authenticate",
        "Accept-Encoding", "Retry-Attempt", "X-Prometheus-Remote-Write-Version", "X-Prometheus-Remote-Read-Version",
    };

    public static Parsed<ImmutableArray<KeyValuePair<string, string>>> Parse(string text)
    {
        var parsed = Pairs.Parse(text);
        if (parsed.Problem is not null)
            return parsed;
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in parsed.Value)
        {
            // A name that is refused may be a piece of a value with a comma in it, so only names from our own list are repeated.
            var number = names.Count + 1;
            if (!Texts.IsToken(name))
                return new Wrong($"entry {number} has a name that is not the name of a header");
            if (Reserved.TryGetValue(name, out var reserved))
                return new Wrong($"{reserved} is a header that the sidecar sets itself", "leave it out");
            if (name.Equals("Authorization", StringComparison.OrdinalIgnoreCase))
                return new Wrong("Authorization has variables of its own, such as SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE",
                    "use SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE, or …_BASIC_AUTH_USERNAME and …_PASSWORD_FILE");
            if (value.Length == 0)
                return new Wrong($"entry {number} has no value");
            if (!Texts.IsHeaderValue(value))
                return new Wrong($"entry {number} has a value that cannot stand in a header (visible ASCII characters and spaces can)");
            if (!names.Add(name))
                return new Wrong($"entry {number} has the name of an entry before it");
        }
        return parsed;
    }
}
