using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Sidecar.Http;

/// <summary>TLS towards one peer, from PEM files as they are now: a new one is made when a file has changed.</summary>
internal sealed class PeerTls
{
    private readonly TlsOptions options;
    private readonly byte[]? ca;
    private readonly byte[]? certificate;
    private readonly byte[]? key;

    private PeerTls(TlsOptions options, byte[]? ca, byte[]? certificate, byte[]? key)
    {
        this.options = options;
        this.ca = ca;
        this.certificate = certificate;
        this.key = key;
    }

    /// <exception cref="PeerException">A file cannot be read.</exception>
    public static PeerTls Read(TlsOptions options) =>
        new(options, ReadFile(options.CaFile), ReadFile(options.CertFile), ReadFile(options.KeyFile));

    /// <summary>The files hold the same bytes.</summary>
    public bool IsSameAs(PeerTls other) => Same(ca, other.ca) && Same(certificate, other.certificate) && Same(key, other.key);

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
            ssl.ClientCertificates = [ClientCertificate()];
        return ssl;
    }

    private static bool Same(byte[]? one, byte[]? other) => one.AsSpan().SequenceEqual(other) && one is null == other is null;

    private static byte[]? ReadFile(string? path)
    {
        if (path is null)
            return null;
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Bad($"the file {path} {PeerCredentials.Cause(e)}");
        }
    }

    private static PeerException Bad(string message) => new(new Failure(FailureReason.Credentials, message));

    private X509ChainPolicy ChainPolicy()
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (ca is null)
            return policy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        try
        {
            policy.CustomTrustStore.ImportFromPem(System.Text.Encoding.UTF8.GetString(ca));
        }
        catch (CryptographicException)
        {
            throw Bad($"the CA file {options.CaFile} holds a damaged certificate");
        }
        return policy.CustomTrustStore.Count > 0 ? policy : throw Bad($"the CA file {options.CaFile} holds no certificate in PEM");
    }

    private X509Certificate2 ClientCertificate()
    {
        try
        {
            // PKCS#1, PKCS#8 and EC keys; the chain behind the first certificate is not sent, as the peer has its CA.
            var pair = X509Certificate2.CreateFromPem(
                System.Text.Encoding.UTF8.GetString(certificate!), System.Text.Encoding.UTF8.GetString(key!));
            if (!OperatingSystem.IsWindows())
                return pair;
            using (pair)
                return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), null); // Windows wants the key in a store
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw Bad($"the client certificate {options.CertFile} and the key {options.KeyFile} are not a pair in PEM (an encrypted key cannot be used)");
        }
    }

    private bool Validate(object sender, X509Certificate? peer, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None || options.InsecureSkipVerify)
            return true;
        var host = (sender as SslStream)?.TargetHostName ?? "the peer";
        throw new PeerException(new Failure(FailureReason.Certificate, CertificateWords.Explain(peer, chain, errors, host, options.CaFile)));
    }
}
