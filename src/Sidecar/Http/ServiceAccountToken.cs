using System.Buffers.Text;
using System.Text.Json;

namespace Sidecar.Http;

/// <summary>The claims of a bearer token (JWT, RFC 7519), read and not trusted.</summary>
internal sealed class ServiceAccountToken
{
    private ServiceAccountToken(JsonElement claims)
    {
        Expires = Time(claims, "exp");
        NotBefore = Time(claims, "nbf");
        Subject = Text(claims, "sub");
        Issuer = Text(claims, "iss");
        if (Text(claims, "aud") is { } one)
            Audiences.Add(one);
        else if (claims.TryGetProperty("aud", out var several) && several.ValueKind == JsonValueKind.Array)
        {
            foreach (var audience in several.EnumerateArray())
                if (Text(audience) is { } text)
                    Audiences.Add(text);
        }
    }

    /// <summary>Null where it does not say.</summary>
    public DateTimeOffset? Expires { get; }

    public DateTimeOffset? NotBefore { get; }
    public string? Subject { get; }
    public string? Issuer { get; }
    public List<string> Audiences { get; } = [];

    /// <summary>The token was made for another audience than the API server's, which by default is its issuer's name.</summary>
    public bool IsForAnother => Audiences.Count > 0
        && !Audiences.Exists(a => a == Issuer || a.Contains("kubernetes.default", StringComparison.Ordinal));

    /// <summary>The token of a file as it would be sent.</summary>
    /// <exception cref="PeerException">There is none that could be sent.</exception>
    public static string Read(string file) => new PeerCredentials(new HttpOptions { CredentialsFile = file })
        .Header()!["Bearer ".Length..];

    /// <summary>Null for a token that is no JWT, of which nothing can be told.</summary>
    public static ServiceAccountToken? TryParse(string text)
    {
        var parts = text.Split('.');
        if (parts.Length != 3 || !Base64Url.IsValid(parts[1]))
            return null;
        try
        {
            using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            return claims.RootElement.ValueKind == JsonValueKind.Object ? new ServiceAccountToken(claims.RootElement) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null; // no JSON, or a string of half surrogates
        }
    }

    private static string? Text(JsonElement claims, string name) => claims.TryGetProperty(name, out var claim) ? Text(claim) : null;

    private static string? Text(JsonElement claim) => claim.ValueKind == JsonValueKind.String ? claim.GetString() : null;

    /// <summary>NumericDate: seconds since the Unix epoch, perhaps with a fraction.</summary>
    private static DateTimeOffset? Time(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var claim) && claim.ValueKind == JsonValueKind.Number
        && claim.TryGetDouble(out var seconds) && seconds is > 0 and < 253_000_000_000
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds) : null;
}
