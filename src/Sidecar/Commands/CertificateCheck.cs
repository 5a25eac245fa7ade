using System.Security.Cryptography.X509Certificates;
using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Commands;

/// <summary>Whose a client certificate is, and for how long.</summary>
internal static class CertificateCheck
{
    /// <param name="file">The variable that names the certificate.</param>
    /// <returns>Null where none is set.</returns>
    public static CheckStep? Run(string name, Variable file, TlsOptions options, TimeProvider time)
    {
        if (options.CertFile is null)
            return null;
        X509Certificate2 certificate;
        try
        {
            certificate = new PeerTls(options).Options().ClientCertificateContext!.TargetCertificate;
        }
        catch (PeerException e)
        {
            return CheckStep.Failed(name, e.Failure,
                new(null, $"put certificate and key, in PEM, into the files that {file.Name} and its KEY_FILE name"));
        }
        var now = time.GetUtcNow();
        var (from, until) = (new DateTimeOffset(certificate.NotBefore), new DateTimeOffset(certificate.NotAfter));
        var whose = $"{certificate.Subject} ({options.CertFile})";
        if (until < now)
            return new(name, CheckStatus.Failed, $"{whose} expired {TokenCheck.Ago(now - until)} ago ({TokenCheck.Date(until)})",
                new("the certificate was not renewed, or this machine's clock is ahead", $"renew it, and let {file.Name} name the new one"),
                FailureReason.Credentials);
        if (from > now)
            return new(name, CheckStatus.Failed, $"{whose} is valid from {TokenCheck.Date(from)} on, and here it is {TokenCheck.Date(now)}",
                new("this machine's clock is behind, or the certificate was made for later", TokenCheck.SetClock),
                FailureReason.Credentials);
        var fact = $"{whose}, expires in {TokenCheck.Ago(until - now)} ({TokenCheck.Date(until)})";
        // Whatever renews it does so before the last tenth of its life.
        return until - now > (until - from) / 10 ? new(name, CheckStatus.Ok, fact)
            : new(name, CheckStatus.Warning, fact, new("nine tenths of its life are over, and nobody has renewed it",
                $"renew it; a new file under {file.Name} is taken up without a restart"));
    }
}
