using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Commands;

/// <summary>The files with bearer tokens: there, readable, and not expired as far as they say themselves.</summary>
internal static class TokenCheck
{
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
            return Unreadable(name, variable, file, e.Failure);
        }
        token = ServiceAccountToken.TryParse(text);
        if (token is null)
            return new CheckStep(name, CheckStatus.Ok,
                $"{file} holds a token of {text.Length} characters, which is no JWT: only its receiver knows whether it is good");
        var now = time.GetUtcNow();
        if (token.Expires is { } expires && expires + Slack < now)
        {
            return new CheckStep(name, CheckStatus.Failed, $"the token in {file} expired {Ago(now - expires)} ago ({Date(expires)})")
            {
                Reason = Word.Of(FailureReason.Credentials),
                Cause = "a token that is copied into a file or a Secret is not renewed; "
                    + "a projected one is renewed by the kubelet, unless its node is in trouble",
                Remedy = variable == Variables.RemoteWriteHttp.CredentialsFile ? "put a new one into the file; it is read again by itself"
                    : $"mount the service account's token (automountServiceAccountToken, or a projected volume) and let {variable.Name} "
                        + $"name that file; outside a cluster: kubectl -n sidecar create token sidecar --duration=24h >{file}",
            };
        }
        if (token.NotBefore is { } notBefore && notBefore - Slack > now)
        {
            return new CheckStep(name, CheckStatus.Failed,
                $"the token in {file} is valid from {Date(notBefore)} on, and here it is {Date(now)}")
            {
                Reason = Word.Of(FailureReason.Credentials),
                Cause = $"the clock of this machine is {Ago(notBefore - now)} behind the API server's, or more",
                Remedy = "set the clock, by NTP (chrony, systemd-timesyncd)",
            };
        }
        var whose = token.Subject ?? "a token without a subject";
        var until = token.Expires is { } end ? $"expires in {Ago(end - now)}" : "never expires";
        return new CheckStep(name, CheckStatus.Ok, $"{whose}, {until} ({file})");
    }

    private static CheckStep Unreadable(string name, Variable variable, string file, Failure failure)
    {
        var isMissing = !File.Exists(file);
        return new CheckStep(name, CheckStatus.Failed, failure.Message)
        {
            Reason = Word.Of(failure.Reason),
            Cause = isMissing ? "no service account's token is mounted here, or the path is wrong" : null,
            Remedy = isMissing
                ? $"in a pod, set automountServiceAccountToken: true; elsewhere, let {variable.Name} name a file with a token "
                    + "(kubectl -n sidecar create token sidecar)"
                : $"put one token, in one line, into the file, or let {variable.Name} name another",
        };
    }

    public static string Ago(TimeSpan time) => Durations.Format(time.TotalDays >= 2 ? TimeSpan.FromHours(Math.Floor(time.TotalHours))
        : time.TotalMinutes >= 1 ? TimeSpan.FromMinutes(Math.Floor(time.TotalMinutes))
        : TimeSpan.FromSeconds(Math.Floor(time.TotalSeconds)));

    public static string Date(DateTimeOffset date) => date.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'");
}
