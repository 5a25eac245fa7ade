using Sidecar.Configuration;

namespace Sidecar.Http;

/// <summary>The Authorization header of one peer. Files are read anew for every request: projected tokens rotate.</summary>
internal sealed class PeerCredentials(HttpOptions options)
{
    /// <summary>Longest token or password file, bytes.</summary>
    public const int LongestFile = 64 * 1024;

    private volatile string? lastRead; // from the file

    /// <summary>Whether a second look may find something else.</summary>
    public bool IsFromFile => options.CredentialsFile is not null || options.BasicAuthPasswordFile is not null;

    private bool IsBasic =>
        options is { BasicAuthUsername: not null } or { BasicAuthPassword: not null } or { BasicAuthPasswordFile: not null };

    /// <summary>Null for none.</summary>
    /// <exception cref="PeerException">A file cannot be read or holds what no header can.</exception>
    public string? Header()
    {
        if (IsBasic)
        {
            var password = options.BasicAuthPasswordFile is { } passwordFile ? Read(passwordFile) : options.BasicAuthPassword;
            return "Basic " + Basic(password);
        }
        var credentials = options.CredentialsFile is { } file ? Read(file) : options.Credentials;
        return credentials is null ? null : $"{options.AuthorizationType} {credentials}";
    }

    /// <summary>The words without our secrets: a peer may well answer with what it was sent.</summary>
    public string Redact(string words)
    {
        words = Without(words, options.Credentials);
        words = Without(words, options.BasicAuthPassword);
        words = Without(words, lastRead);
        if (IsBasic)
            words = Without(words, Basic(options.BasicAuthPassword ?? lastRead));
        return words;
    }

    /// <summary>Without the secret, and without its beginning where the words were cut in the middle of it.</summary>
    public static string Without(string words, string? secret)
    {
        if (string.IsNullOrEmpty(secret))
            return words;
        words = words.Replace(secret, Redacted.Mark, StringComparison.Ordinal);
        if (!words.EndsWith('…'))
            return words;
        for (var length = Math.Min(secret.Length, words.Length) - 1; length >= 4; length--)
        {
            if (words.AsSpan(0, words.Length - 1).EndsWith(secret.AsSpan(0, length)))
                return string.Concat(words.AsSpan(0, words.Length - 1 - length), Redacted.Mark, "…");
        }
        return words;
    }

    private string Basic(string? password) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.BasicAuthUsername}:{password}"));

    private string Read(string path)
    {
        var text = PeerFile.Read(path, LongestFile, static bytes => Encoding.UTF8.GetString(bytes)).Trim();
        if (text.Length == 0)
            throw PeerFile.Bad($"the file {path} is empty");
        if (text.AsSpan().ContainsAnyInRange('\0', '\x1f') || text.Contains('\x7f'))
            throw PeerFile.Bad($"the file {path} holds control characters or several lines, which cannot be sent");
        if (options.CredentialsFile is not null && !Ascii.IsValid(text))
            throw PeerFile.Bad($"the file {path} holds characters other than ASCII, which no token has");
        lastRead = text;
        return text;
    }
}
