namespace Sidecar.Configuration;

/// <summary>The variables that say how to authenticate and how to speak TLS to one peer: the targets, or the receiver.</summary>
internal sealed record HttpVariables
{
    public required Variable AuthorizationType { get; init; }
    public required Variable Credentials { get; init; }
    public required Variable CredentialsFile { get; init; }
    public required Variable Username { get; init; }
    public required Variable Password { get; init; }
    public required Variable PasswordFile { get; init; }
    public required Variable CaFile { get; init; }
    public required Variable CertFile { get; init; }
    public required Variable KeyFile { get; init; }
    public required Variable ServerName { get; init; }
    public required Variable InsecureSkipVerify { get; init; }
    public required Variable MinVersion { get; init; }
}
