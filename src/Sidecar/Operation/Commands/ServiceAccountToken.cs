using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Sidecar.Http;

namespace Sidecar.Operation.Commands;

/// <summary>
/// What a bearer token says of itself: the claims of a JWT (RFC 7519), read and not trusted; its signature is the API server's affair.
/// </summary>
internal sealed class ServiceAccountToken
{
    /// <summary>Null where it does not say.</summary>
    public DateTimeOffset? Expires { get; private set; }

    public DateTimeOffset? NotBefore { get; private set; }

    public string? Subject { get; private set; }

    public string? Issuer { get; private set; }

    public List<string> Audiences { get; } = [];

    /// <summary>
    /// It was made for somebody else than the API server. What that calls itself is its issuer's name unless it is told otherwise
    /// (--api-audiences), and nearly everywhere the Service's.
    /// </summary>
    public bool IsForAnother => Audiences.Count > 0
        && !Audiences.Exists(a => a == Issuer || a.Contains("kubernetes.default", StringComparison.Ordinal));

    /// <summary>The token of a file as it would be sent.</summary>
    /// <exception cref="PeerException">There is none that could be sent.</exception>
    public static string Read(string file) => new PeerCredentials(new HttpOptions { CredentialsFile = file })
        .Header(out _)!["Bearer ".Length..];

    /// <summary>Null for a token that is no JWT, of which nothing can be told.</summary>
    public static ServiceAccountToken? TryParse(string text)
    {
        var parts = text.Split('.');
        if (parts.Length != 3 || !Base64Url.IsValid(parts[1]))
            return null;
        var token = new ServiceAccountToken();
        try
        {
            token.ReadClaims(Base64Url.DecodeFromChars(parts[1]));
            return token;
        }
        catch (JsonException)
        {
            return null;
        }
        catch (InvalidOperationException)
        {
            return null; // a string of half surrogates
        }
    }

    private void ReadClaims(byte[] claims)
    {
        var json = new Utf8JsonReader(claims);
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject)
            throw new JsonException();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var claim = Encoding.UTF8.GetString(json.ValueSpan);
            json.Read();
            switch (claim)
            {
                case "exp":
                    Expires = Time(ref json);
                    break;
                case "nbf":
                    NotBefore = Time(ref json);
                    break;
                case "sub" when json.TokenType == JsonTokenType.String:
                    Subject = json.GetString();
                    break;
                case "iss" when json.TokenType == JsonTokenType.String:
                    Issuer = json.GetString();
                    break;
                case "aud" when json.TokenType == JsonTokenType.String:
                    Audiences.Add(json.GetString()!);
                    break;
                case "aud" when json.TokenType == JsonTokenType.StartArray:
                    while (json.Read() && json.TokenType == JsonTokenType.String)
                        Audiences.Add(json.GetString()!);
                    break;
                default:
                    json.Skip();
                    break;
            }
        }
    }

    /// <summary>NumericDate: seconds since the Unix epoch, perhaps with a fraction.</summary>
    private static DateTimeOffset? Time(ref Utf8JsonReader json) =>
        json.TokenType == JsonTokenType.Number && json.TryGetDouble(out var seconds) && seconds is > 0 and < 253_000_000_000
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds) : null;
}
