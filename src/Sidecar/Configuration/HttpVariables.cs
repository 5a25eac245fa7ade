using static Sidecar.Configuration.Variables;

namespace Sidecar.Configuration;

/// <summary>The variables that say how to authenticate and how to speak TLS to one peer: the targets, or the receiver.</summary>
/// <param name="peer">Towards whom they are used, in words.</param>
internal sealed class HttpVariables(
    string prefix, VariableGroup group, string peer, string? credentialsInWords = null, string? caInWords = null)
{
    public Variable AuthorizationType { get; } = Row(prefix + "AUTHORIZATION_TYPE", group, "word", example: "Bearer", @default: "Bearer",
        meaning: "scheme in the Authorization header");
    public Variable Credentials { get; } = Row(prefix + "AUTHORIZATION_CREDENTIALS", group, "text", example: "eyJhbGciOi",
        redaction: Redaction.Whole, meaning: $"token towards the {peer}");
    public Variable CredentialsFile { get; } = Row(prefix + "AUTHORIZATION_CREDENTIALS_FILE", group, "file",
        example: "/etc/sidecar/token", inWords: credentialsInWords,
        meaning: "file with the token, read again when it changes");
    public Variable Username { get; } = Row(prefix + "BASIC_AUTH_USERNAME", group, "text", example: "sidecar",
        meaning: $"user of basic authentication towards the {peer}");
    public Variable Password { get; } = Row(prefix + "BASIC_AUTH_PASSWORD", group, "text", example: "correct-horse",
        redaction: Redaction.Whole, meaning: "password of that user");
    public Variable PasswordFile { get; } = Row(prefix + "BASIC_AUTH_PASSWORD_FILE", group, "file", example: "/etc/sidecar/password",
        meaning: "file with the password, read again when it changes");
    public Variable CaFile { get; } = Row(prefix + "TLS_CA_FILE", group, "file", example: "/etc/sidecar/ca.crt", inWords: caInWords,
        meaning: $"certificates that vouch for the {peer}");
    public Variable CertFile { get; } = Row(prefix + "TLS_CERT_FILE", group, "file", example: "/etc/sidecar/tls.crt",
        meaning: "client certificate (PEM)");
    public Variable KeyFile { get; } = Row(prefix + "TLS_KEY_FILE", group, "file", example: "/etc/sidecar/tls.key",
        meaning: "key of the client certificate (PEM)");
    public Variable ServerName { get; } = Row(prefix + "TLS_SERVER_NAME", group, "host name", example: "kubernetes.default.svc",
        meaning: "name expected in the certificate instead of the URL's host");
    public Variable InsecureSkipVerify { get; } = Row(prefix + "TLS_INSECURE_SKIP_VERIFY", group, "boolean", example: "true",
        @default: "false", meaning: "do not check the certificate");
    public Variable MinVersion { get; } = Row(prefix + "TLS_MIN_VERSION", group, "word", example: "TLS13", @default: "TLS12",
        meaning: "oldest TLS version: TLS12 or TLS13");
}
