using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Sidecar.Http;

/// <summary>Why a peer's certificate was rejected, in one sentence that names the cause.</summary>
internal static class CertificateWords
{
    public static string Explain(X509Certificate? peer, X509Chain? chain, SslPolicyErrors errors, string host, string? caFile)
    {
        if (peer is not X509Certificate2 certificate)
            return $"{host} showed no certificate";
        var status = (chain?.ChainStatus ?? []).Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        if (status.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            foreach (var element in chain!.ChainElements)
            {
                if (element.Certificate.NotAfter.ToUniversalTime() < DateTime.UtcNow)
                    return $"the certificate of {host} ({element.Certificate.Subject}) expired on {Date(element.Certificate.NotAfter)}";
                if (element.Certificate.NotBefore.ToUniversalTime() > DateTime.UtcNow)
                {
                    return $"the certificate of {host} ({element.Certificate.Subject}) is not valid before {Date(element.Certificate.NotBefore)}; "
                        + $"is the clock right? Here it is {Date(DateTime.UtcNow)}";
                }
            }
        }
        if (status.HasFlag(X509ChainStatusFlags.Revoked))
            return $"the certificate of {host} ({certificate.Subject}) is revoked";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
        {
            var trusted = caFile is null ? "an authority that this system trusts" : $"an authority in {caFile}";
            return certificate.Subject == certificate.Issuer
                ? $"the certificate of {host} ({certificate.Subject}) is self-signed, and not by {trusted}"
                : $"the certificate of {host} ({certificate.Subject}) is issued by {certificate.Issuer}, which is not {trusted}";
        }
        return $"the certificate is not for {host} but for {Names(certificate)}";
    }

    private static string Names(X509Certificate2 certificate)
    {
        var names = new List<string>();
        foreach (var extension in certificate.Extensions)
        {
            if (extension is X509SubjectAlternativeNameExtension alternative)
            {
                names.AddRange(alternative.EnumerateDnsNames());
                names.AddRange(alternative.EnumerateIPAddresses().Select(a => a.ToString()));
            }
        }
        return names.Count > 0 ? string.Join(", ", names.Take(10)) : certificate.Subject;
    }

    private static string Date(DateTime date) => date.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'");
}
