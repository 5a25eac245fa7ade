using System.Formats.Asn1;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Sidecar.Primitives;

namespace Sidecar.Http;

/// <summary>Why a peer's certificate was rejected.</summary>
internal static class CertificateFailures
{
    private const X509ChainStatusFlags UnknownAuthority =
        X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.NotSignatureValid;

    /// <param name="host">Name or address that was asked for.</param>
    /// <param name="caFile">Of the trusted authorities; null for the system's.</param>
    public static Failure Explain(X509Certificate? peer, X509Chain? chain, SslPolicyErrors errors, string host, string? caFile)
    {
        if (peer is not X509Certificate2 certificate)
            return Rejected($"{host} showed no certificate");
        var status = (chain?.ChainStatus ?? []).Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        if (status.HasFlag(X509ChainStatusFlags.NotTimeValid) && OutOfTime(chain!, host) is { } outOfTime)
            return outOfTime;
        if ((status & UnknownAuthority) != 0)
            return Rejected(Unknown(certificate, chain!, host, caFile));
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors))
            return Rejected($"the certificate of {host} ({certificate.Subject}) may not be used for this ({status})",
                FailureDetail.CertificateUse);
        return Rejected($"the certificate is not for {host} but for {Names(certificate)}", FailureDetail.CertificateName);
    }

    private static Failure Rejected(string message, FailureDetail detail = FailureDetail.None) =>
        new(FailureReason.Certificate, message, detail);

    private static Failure? OutOfTime(X509Chain chain, string host)
    {
        var now = DateTime.UtcNow;
        for (var i = 0; i < chain.ChainElements.Count; i++)
        {
            var certificate = chain.ChainElements[i].Certificate;
            var whose = $"{(i == 0 ? "the certificate" : "the authority behind the certificate")} of {host} ({certificate.Subject})";
            if (certificate.NotAfter.ToUniversalTime() < now)
                return Rejected($"{whose} expired on {Date(certificate.NotAfter)}", FailureDetail.CertificateExpired);
            if (certificate.NotBefore.ToUniversalTime() > now)
                return Rejected($"{whose} is not valid before {Date(certificate.NotBefore)}; is the clock right? Here it is {Date(now)}",
                    FailureDetail.CertificateNotYetValid);
        }
        return null;
    }

    private static string Unknown(X509Certificate2 certificate, X509Chain chain, string host, string? caFile)
    {
        var trusted = caFile is null ? "an authority that this system trusts" : $"an authority in {caFile}";
        if (certificate.Subject == certificate.Issuer)
            return $"the certificate of {host} ({certificate.Subject}) is self-signed, and not {trusted}";
        // A cluster's authority that was made anew keeps its name, so that names alone would contradict themselves.
        var isNamesake = caFile is not null && chain.ChainPolicy.CustomTrustStore.Any(c => c.Subject == certificate.Issuer);
        return $"the certificate of {host} ({certificate.Subject}) is issued by {certificate.Issuer}, which is not {trusted}"
            + (isNamesake ? ": the one of that name there has another key" : "");
    }

    private static string Names(X509Certificate2 certificate)
    {
        const int Most = 10;
        var names = new List<string>();
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value == "2.5.29.17")
                AddNames(extension.RawData, names);
        }
        return names.Count switch
        {
            0 => $"{certificate.Subject}, and has no alternative names",
            <= Most => string.Join(", ", names),
            _ => $"{string.Join(", ", names.Take(Most))} and {names.Count - Most} more",
        };
    }

    /// <summary>DNS names and addresses of subjectAltName (RFC 5280, 4.2.1.6). .NET's type for it adds 50 KB to the executable.</summary>
    private static void AddNames(byte[] extension, List<string> names)
    {
        try
        {
            var sequence = new AsnReader(extension, AsnEncodingRules.DER).ReadSequence();
            while (sequence.HasData)
            {
                var tag = sequence.PeekTag();
                if (tag.HasSameClassAndValue(new Asn1Tag(TagClass.ContextSpecific, 2)))
                    names.Add(sequence.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                else if (tag.HasSameClassAndValue(new Asn1Tag(TagClass.ContextSpecific, 7)))
                    names.Add(new IPAddress(sequence.ReadOctetString(tag)).ToString());
                else
                    sequence.ReadEncodedValue();
            }
        }
        catch (Exception e) when (e is AsnContentException or ArgumentException)
        {
            // The names up to there are what can be told.
        }
    }

    private static string Date(DateTime date) => date.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'");
}
