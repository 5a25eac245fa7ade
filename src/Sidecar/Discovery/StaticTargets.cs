using Sidecar.Configuration;

namespace Sidecar.Discovery;

/// <summary>SIDECAR_TARGETS: a comma-separated list of <c>host:port</c> and URLs.</summary>
internal static class StaticTargets
{
    public static Parsed<ImmutableArray<StaticTarget>> Parse(string text)
    {
        if (text.Split(',', StringSplitOptions.TrimEntries).Any(entry => entry.Any(char.IsWhiteSpace)))
            return new Wrong("entries are separated by commas, and there are blanks in one", "write it like 10.0.0.1:6443,10.0.0.2:6443");
        var targets = ImmutableArray.CreateBuilder<StaticTarget>();
        var problems = new List<string>();
        var number = 0;
        foreach (var entry in text.Split(',', StringSplitOptions.TrimEntries))
        {
            number++;
            var parsed = entry.Contains("://", StringComparison.Ordinal) ? ParseUrl(entry) : ParseAddress(entry);
            if (parsed.Value is { } target)
                targets.Add(target);
            else
                problems.Add($"entry {number} is {parsed.Problem}");
        }
        return problems.Count == 0 ? targets.ToImmutable() : new Wrong(string.Join(", ", problems));
    }

    private static Parsed<StaticTarget> ParseUrl(string text)
    {
        var parsed = Urls.Parse(text);
        if (parsed.Value is not { } url)
            return new Wrong(parsed.Problem!);
        if (url.UserInfo.Length > 0)
            return new Wrong("a URL with a user in it, which belongs in SIDECAR_BASIC_AUTH_USERNAME and SIDECAR_BASIC_AUTH_PASSWORD_FILE");
        return new StaticTarget(
            $"{url.Host}:{url.Port}",
            url.Scheme,
            url.AbsolutePath == "/" ? null : url.AbsolutePath,
            url.Query.Length > 1 ? url.Query[1..] : null);
    }

    private static Parsed<StaticTarget> ParseAddress(string text)
    {
        if (text.Length == 0)
            return new Wrong("empty");
        if (text.Contains('/'))
            return new Wrong("an address with a path, which needs a scheme before it (https://host:6443/path)");
        var parsed = Hosts.ParseAddress(text);
        return parsed.Value is { } address ? new StaticTarget(address, null, null, null) : new Wrong("an address " + parsed.Problem);
    }
}
