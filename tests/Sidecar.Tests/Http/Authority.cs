using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sidecar.Tests.Http;

/// <summary>An authority and what it issues, in memory.</summary>
internal sealed class Authority
{
    public static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly X509Certificate2 certificate;

    /// <param name="revocationList">Where the list of what its issuer has revoked is said to be.</param>
    public Authority(string name = "kubernetes", Authority? issuer = null, Uri? revocationList = null)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (revocationList is not null)
            request.CertificateExtensions.Add(
                CertificateRevocationListBuilder.BuildCrlDistributionPointExtension([revocationList.ToString()]));
        certificate = issuer is null
            ? request.CreateSelfSigned(Now.AddYears(-3), Now.AddYears(3))
            : request.Create(issuer.certificate, Now.AddYears(-2), Now.AddYears(2), RandomNumberGenerator.GetBytes(8))
            .CopyWithPrivateKey(key);
    }

    public string Pem => certificate.ExportCertificatePem() + "\n";

    /// <summary>A certificate for these names and addresses, of an EC key.</summary>
    public X509Certificate2 Issue(string[] names, DateTimeOffset? notBefore = null, DateTimeOffset? notAfter = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = Issue(new CertificateRequest($"CN={names.FirstOrDefault("nobody")}", key, HashAlgorithmName.SHA256),
            names, notBefore, notAfter);
        using var pair = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    /// <summary>The same of an RSA key.</summary>
    public X509Certificate2 IssueRsa(string[] names)
    {
        using var key = RSA.Create(2048);
        using var issued = Issue(new CertificateRequest($"CN={names[0]}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), names,
            null, null);
        using var pair = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    /// <summary>What a server on loopback needs.</summary>
    public SslServerAuthenticationOptions Server(params string[] names) => Server(Issue(names.Length > 0 ? names : ["127.0.0.1"]));

    public SslServerAuthenticationOptions Server(X509Certificate2 server) =>
        new() { ServerCertificateContext = SslStreamCertificateContext.Create(server, [certificate], offline: true) };

    private X509Certificate2 Issue(CertificateRequest request, string[] names, DateTimeOffset? notBefore, DateTimeOffset? notAfter)
    {
        var alternative = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
                alternative.AddIpAddress(address);
            else
                alternative.AddDnsName(name);
        }
        // As Go's crypto/x509 does: it tells authorities of one name apart.
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(certificate, true, false));
        if (names.Length > 0)
            request.CertificateExtensions.Add(alternative.Build());
        // From a name and a generator, because an RSA key is signed for by an EC one here.
        return request.Create(certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(certificate.GetECDsaPrivateKey()!),
            notBefore ?? Now.AddDays(-1), notAfter ?? Now.AddYears(1), RandomNumberGenerator.GetBytes(8));
    }
}
