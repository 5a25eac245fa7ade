using System.Formats.Asn1;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sidecar.Http;

/// <summary>TLS towards one peer, from PEM files as they are now: a new one is made when a file has changed.</summary>
/// <exception cref="PeerException">A file cannot be read.</exception>
internal sealed class PeerTls(TlsOptions options)
{
    /// <summary>Largest file of authorities, bytes: a system's whole bundle has a quarter of that.</summary>
    private const int LargestBundle = 1024 * 1024;

    /// <summary>Largest file of a client certificate or its key, bytes.</summary>
    private const int LargestFile = PeerCredentials.LongestFile;

    private const string RsaAlgorithm = "1.2.840.113549.1.1.1"; // rsaEncryption

    private readonly byte[]? ca = Read(options.CaFile, LargestBundle);
    private readonly byte[]? certificate = Read(options.CertFile);
    private readonly byte[]? key = Read(options.KeyFile);

    /// <summary>When the last of the authorities expires; null for the system's.</summary>
    public DateTimeOffset? CaExpires { get; private set; }

    /// <summary>When our own certificate expires; null for none.</summary>
    public DateTimeOffset? CertificateExpires { get; private set; }

    /// <summary>The files still hold what was read.</summary>
    /// <exception cref="PeerException">A file cannot be read any more.</exception>
    public bool IsCurrent() =>
        IsSame(options.CaFile, ca, LargestBundle) && IsSame(options.CertFile, certificate) && IsSame(options.KeyFile, key);

    /// <exception cref="PeerException">A file is no PEM of its kind.</exception>
    public SslClientAuthenticationOptions Options()
    {
        var ssl = new SslClientAuthenticationOptions
        {
            TargetHost = options.ServerName,
            EnabledSslProtocols = options.MinVersion == SslProtocols.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13,
#pragma warning disable CA5359 // it accepts only what has no errors, but for SIDECAR_…_TLS_INSECURE_SKIP_VERIFY
            RemoteCertificateValidationCallback = Validate,
#pragma warning restore CA5359
            CertificateChainPolicy = ChainPolicy(),
        };
        if (certificate is not null && key is not null)
            ssl.ClientCertificateContext = ClientCertificate();
        return ssl;
    }

    /// <summary>TLS with a name other than the host's for SNI and verification, which SocketsHttpHandler cannot do.</summary>
    /// <param name="stream">A connection to the peer, which is disposed of with the result or where this fails.</param>
    public async Task<Stream> SecureAsync(Stream stream, CancellationToken cancellation)
    {
        var secure = new SslStream(stream);
        try
        {
            await secure.AuthenticateAsClientAsync(Options(), cancellation);
            return secure;
        }
        catch (Exception e)
        {
            await secure.DisposeAsync();
            if (e is AuthenticationException or IOException)
                throw new HttpRequestException(HttpRequestError.SecureConnectionError, inner: e);
            throw;
        }
    }

    private static byte[]? Read(string? path, int most = LargestFile) => path is null ? null : PeerFile.Read(path, most);

    private static bool IsSame(string? path, byte[]? known, int most = LargestFile) =>
        path is null || PeerFile.Read(path, most, bytes => bytes.SequenceEqual(known));

    private X509ChainPolicy ChainPolicy()
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (ca is null)
            return policy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        try
        {
            policy.CustomTrustStore.ImportFromPem(Encoding.UTF8.GetString(ca));
        }
        catch (CryptographicException)
        {
            throw PeerFile.Bad($"the CA file {options.CaFile} holds a damaged certificate");
        }
        foreach (var authority in policy.CustomTrustStore)
            CaExpires = CaExpires > authority.NotAfter ? CaExpires : authority.NotAfter;
        return policy.CustomTrustStore.Count > 0 ? policy : throw PeerFile.Bad($"the CA file {options.CaFile} holds no certificate in PEM");
    }

    /// <summary>The first certificate of the file is ours; those behind it are its authorities, and are sent along.</summary>
    private SslStreamCertificateContext ClientCertificate()
    {
        try
        {
            var pem = Encoding.UTF8.GetString(certificate!);
            using var alone = X509Certificate2.CreateFromPem(pem);
            CertificateExpires = alone.NotAfter;
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(pem);
            return SslStreamCertificateContext.Create(WithKey(alone, Encoding.UTF8.GetString(key!)), chain, offline: true);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw PeerFile.Bad(
                $"the client certificate {options.CertFile} and the key {options.KeyFile} are not a pair in PEM "
                    + "(an encrypted key cannot be used)");
        }
    }

    /// <summary>With the first PKCS#1, PKCS#8 or SEC 1 key in PEM, RSA or EC as in client-go. Other kinds would cost 0.1 MB.</summary>
    /// <exception cref="CryptographicException">There is no such key.</exception>
    /// <exception cref="ArgumentException">It is another certificate's.</exception>
    private static X509Certificate2 WithKey(X509Certificate2 certificate, ReadOnlySpan<char> pem)
    {
        while (PemEncoding.TryFind(pem, out var fields))
        {
            var bytes = Convert.FromBase64String(pem[fields.Base64Data].ToString());
            switch (pem[fields.Label].ToString(), certificate.GetKeyAlgorithm())
            {
                case (var form and ("RSA PRIVATE KEY" or "PRIVATE KEY"), RsaAlgorithm):
                    using (var rsa = RSA.Create())
                    {
                        rsa.ImportPkcs8PrivateKey(form == "PRIVATE KEY" ? bytes : Pkcs8OfRsa(bytes), out _);
                        return certificate.CopyWithPrivateKey(rsa);
                    }
                case (var form and ("EC PRIVATE KEY" or "PRIVATE KEY"), "1.2.840.10045.2.1"):
                    using (var curve = ECDsa.Create())
                    {
                        if (form == "PRIVATE KEY")
                            curve.ImportPkcs8PrivateKey(bytes, out _);
                        else
                            curve.ImportECPrivateKey(bytes, out _);
                        return certificate.CopyWithPrivateKey(curve);
                    }
            }
            pem = pem[fields.Location.End..];
        }
        throw new CryptographicException();
    }

    /// <summary>A PKCS#1 key in PKCS#8's envelope (RFC 5208, 5). .NET's own way parses the key first, with 40 KB of code.</summary>
    private static byte[] Pkcs8OfRsa(byte[] key)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteInteger(0);
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(RsaAlgorithm);
                writer.WriteNull();
            }
            writer.WriteOctetString(key);
        }
        return writer.Encode();
    }

    private bool Validate(object sender, X509Certificate? peer, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None || options.InsecureSkipVerify)
            return true;
        var host = (sender as SslStream)?.TargetHostName ?? "the peer";
        throw new PeerException(CertificateFailures.Explain(peer, chain, errors, host, options.CaFile));
    }
}
