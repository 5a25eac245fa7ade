using System.Text;

namespace Sidecar.Http;

/// <summary>The Authorization header of one peer. Files are read anew for every request: projected tokens rotate.</summary>
internal sealed class PeerCredentials(HttpOptions options)
{
    /// <summary>Longest token or password file, bytes.</summary>
    public const int LongestFile = 64 * 1024;

    private string? lastGood;

    /// <summary>Whether a second look may find something else.</summary>
    public bool IsFromFile => options.CredentialsFile is not null || options.BasicAuthPasswordFile is not null;

    /// <summary>Null for none.</summary>
    /// <exception cref="PeerException">A file cannot be read or holds what no header can.</exception>
    public string? Header()
    {
        if (options.BasicAuthUsername is not null || options.BasicAuthPassword is not null || options.BasicAuthPasswordFile is not null)
        {
            var password = options.BasicAuthPasswordFile is { } passwordFile ? Read(passwordFile) : options.BasicAuthPassword;
            return "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{options.BasicAuthUsername}:{password}"));
        }
        var credentials = options.CredentialsFile is { } file ? Read(file) : options.Credentials;
        return credentials is null ? null : $"{options.AuthorizationType} {credentials}";
    }

    private string Read(string path)
    {
        string text;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            Span<byte> bytes = new byte[LongestFile + 1];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > LongestFile)
                throw Bad($"the file {path} is larger than {LongestFile / 1024} KiB, which no token or password is");
            text = Encoding.UTF8.GetString(bytes[..length]).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The file is between two versions, or its mount is away: the last one may well be good still.
            return Volatile.Read(ref lastGood) ?? throw Bad($"the file {path} {Cause(e)}");
        }
        if (text.Length == 0)
            throw Bad($"the file {path} is empty");
        if (text.AsSpan().ContainsAnyInRange('\0', '\x1f') || text.Contains('\x7f'))
            throw Bad($"the file {path} holds control characters or several lines, which cannot be sent");
        Volatile.Write(ref lastGood, text);
        return text;
    }

    public static string Cause(Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "does not exist",
        UnauthorizedAccessException => "may not be read by this user",
        _ => "cannot be read",
    };

    private static PeerException Bad(string message) => new(new Failure(FailureReason.Credentials, message));
}
