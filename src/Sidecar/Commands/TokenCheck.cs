using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Serving;

namespace Sidecar.Commands;

/// <summary>The files with bearer tokens: there, readable, and not expired as far as they say themselves.</summary>
internal static class TokenCheck
{
    public const string SetClock = "set the clock, by NTP (chrony, systemd-timesyncd)";

    /// <summary>Clocks of a cluster are this far apart at most, or something is wrong with one of them.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(30);

    /// <param name="variable">The one that names the file.</param>
    /// <param name="token">Null where it is no JWT, or could not be read.</param>
    public static CheckStep Run(string name, Variable variable, string file, TimeProvider time, out ServiceAccountToken? token)
    {
        token = null;
        string text;
        try
        {
            text = ServiceAccountToken.Read(file);
        }
        catch (PeerException e)
        {
            return CheckStep.Failed(name, e.Failure, File.Exists(file)
                ? new(null, $"put one token, in one line, into the file, or let {variable.Name} name another")
                : new("no service account's token is mounted here, or the path is wrong",
                    $"in a pod, set automountServiceAccountToken: true; elsewhere, let {variable.Name} name a file with a token "
                        + "(kubectl -n sidecar create token sidecar)"));
        }
        token = ServiceAccountToken.TryParse(text);
        if (token is null)
            return new(name, CheckStatus.Ok,
                $"{file} holds a token of {text.Length} characters, which is no JWT: only its receiver knows whether it is good");
        var now = time.GetUtcNow();
        if (token.Expires is { } expires && expires + Slack < now)
            return new(name, CheckStatus.Failed, $"the token in {file} expired {Ago(now - expires)} ago ({Date(expires)})",
                new("a token that is copied into a file or a Secret is not renewed; "
                        + "a projected one is renewed by the kubelet, unless its node is in trouble",
                    variable == Variables.RemoteWriteHttp.CredentialsFile ? "put a new one into the file; it is read again by itself"
                        : $"mount the service account's token (automountServiceAccountToken, or a projected volume) and let {variable.Name} "
                            + $"name that file; outside a cluster: kubectl -n sidecar create token sidecar --duration=24h >{file}"),
                FailureReason.Credentials);
        if (token.NotBefore is { } notBefore && notBefore - Slack > now)
            return new(name, CheckStatus.Failed, $"the token in {file} is valid from {Date(notBefore)} on, and here it is {Date(now)}",
                new($"the clock of this machine is {Ago(notBefore - now)} behind the API server's, or more", SetClock),
                FailureReason.Credentials);
        var whose = token.Subject ?? "a token without a subject";
        var until = token.Expires is { } end ? $"expires in {Ago(end - now)}" : "never expires";
        return new(name, CheckStatus.Ok, $"{whose}, {until} ({file})");
    }

    public static string Ago(TimeSpan time) => Durations.Format(Quantities.Rough(time));

    public static string Date(DateTimeOffset date) => date.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'");
}
