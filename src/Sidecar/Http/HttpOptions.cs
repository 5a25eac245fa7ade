using System.Security.Authentication;

namespace Sidecar.Http;

/// <summary>How to speak to one peer: an API server, the targets, or a receiver. Credentials and basic auth are never both set.</summary>
internal sealed record HttpOptions
{
    /// <summary>The scheme in the Authorization header, <c>Bearer</c> by default.</summary>
    public string AuthorizationType { get; init; } = "Bearer";

    public string? Credentials { get; init; }

    /// <summary>Nobody said by hand for this very job that they are to go out, so they never go over plain HTTP.</summary>
    public bool IsForTlsOnly { get; init; }

    /// <summary>Read anew for every request, because projected tokens rotate.</summary>
    public string? CredentialsFile { get; init; }

    public string? BasicAuthUsername { get; init; }
    public string? BasicAuthPassword { get; init; }
    public string? BasicAuthPasswordFile { get; init; }
    public TlsOptions Tls { get; init; } = new();

    /// <summary>Where not, a redirect is the answer.</summary>
    public bool FollowsRedirects { get; init; } = true;

    /// <summary>Null where the peer is reached without one.</summary>
    public Proxy? Proxy { get; init; }

    /// <summary>What a record prints of itself ends up in logs and in the output of tests, so the secrets stay out.</summary>
    public override string ToString() => nameof(HttpOptions);
}

/// <summary>TLS towards one peer. Files are PEM and are read again when they change.</summary>
internal sealed record TlsOptions
{
    public string? CaFile { get; init; }
    public string? CertFile { get; init; }
    public string? KeyFile { get; init; }

    /// <summary>Name to verify and to send as SNI instead of the host's.</summary>
    public string? ServerName { get; init; }

    public bool InsecureSkipVerify { get; init; }
    public SslProtocols MinVersion { get; init; } = SslProtocols.Tls12;
}
