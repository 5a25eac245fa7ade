using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Tests.Http;

public sealed class PeerTlsTests : IDisposable
{
    private readonly Folder folder = new();
    private readonly Authority authority = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_CA_file_is_trusted_and_may_be_a_bundle()
    {
        await using var server = new RawServer(_ => RawServer.Ok("hello"), authority.Server("127.0.0.1", "localhost"));
        using var asking = Asking("# others first\n" + new Authority("other").Pem + "\n\n" + authority.Pem);
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        Assert.Equal("200 hello", await asking.GetAsync(new Uri($"https://localhost:{server.Port}/")));
    }

    [Fact]
    public async Task An_intermediate_authority_comes_with_the_peers_certificate()
    {
        var intermediate = new Authority("intermediate", authority);
        await using var server = new RawServer(_ => RawServer.Ok("hello"), intermediate.Server());
        using var asking = Asking(authority.Pem);
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
    }

    [Fact]
    public async Task With_a_CA_file_the_systems_authorities_count_for_nothing()
    {
        await using var server = new RawServer(_ => RawServer.Ok(""), authority.Server());
        using var asking = Asking(new Authority("other").Pem);
        Check(await asking.FailAsync(server.Url), "CN=127.0.0.1", "issued by CN=kubernetes", "not an authority in " + folder.At("ca.crt"));
    }

    [Fact]
    public async Task Without_a_CA_file_the_system_is_named()
    {
        await using var server = new RawServer(_ => RawServer.Ok(""), authority.Server());
        using var asking = new Asking(new());
        Check(await asking.FailAsync(server.Url), "issued by CN=kubernetes", "an authority that this system trusts");
    }

    [Fact]
    public async Task An_authority_of_the_same_name_with_another_key_is_told()
    {
        await using var server = new RawServer(_ => RawServer.Ok(""), new Authority().Server());
        using var asking = Asking(authority.Pem);
        Check(await asking.FailAsync(server.Url), "issued by CN=kubernetes", "another key");
    }

    [Fact]
    public async Task An_expired_certificate_is_told_with_its_date()
    {
        await using var server = new RawServer(_ =>
            RawServer.Ok(""), authority.Server(authority.Issue(["127.0.0.1"], Authority.Now.AddDays(-100), Authority.Now.AddDays(-3))));
        using var asking = Asking(authority.Pem);
        Check(await asking.FailAsync(server.Url), "CN=127.0.0.1", "expired on "
            + Authority.Now.AddDays(-3).UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'"));
    }

    [Fact]
    public async Task A_certificate_of_the_future_makes_one_ask_for_the_clock()
    {
        await using var server = new RawServer(_ =>
            RawServer.Ok(""), authority.Server(authority.Issue(["127.0.0.1"], Authority.Now.AddDays(3), Authority.Now.AddDays(9))));
        using var asking = Asking(authority.Pem);
        Check(await asking.FailAsync(server.Url), "not valid before " + Authority.Now.AddDays(3).ToString("yyyy-MM-dd"), "clock");
    }

    [Fact]
    public async Task A_certificate_for_others_is_told_with_its_names()
    {
        await using var server = new RawServer(_ => RawServer.Ok(""), authority.Server("kubernetes.default.svc", "10.96.0.1"));
        using var asking = Asking(authority.Pem);
        Check(await asking.FailAsync(server.Url), "not for 127.0.0.1 but for kubernetes.default.svc, 10.96.0.1");
    }

    [Fact]
    public async Task A_certificate_without_names_is_told_by_its_subject()
    {
        await using var server = new RawServer(_ => RawServer.Ok(""), authority.Server(authority.Issue([])));
        using var asking = Asking(authority.Pem);
        Check(await asking.FailAsync(server.Url), "CN=nobody, and has no alternative names");
    }

    [Fact]
    public void A_self_signed_certificate_is_told()
    {
        var self = X509Certificate2.CreateFromPem(authority.Pem);
        var words = CertificateFailures.Explain(self, ChainOf(self), SslPolicyErrors.RemoteCertificateChainErrors, "peer", null).Message;
        Assert.Contains("(CN=kubernetes) is self-signed", words);
    }

    [Fact]
    public async Task The_server_name_is_verified_and_sent_instead_of_the_hosts()
    {
        string? sent = null;
        using var certificate = authority.Issue(["kubernetes.default.svc"]);
        var tls = new SslServerAuthenticationOptions
        {
            ServerCertificateSelectionCallback = (_, name) =>
            {
                sent = name;
                return certificate;
            },
        };
        await using var server = new RawServer(_ => RawServer.Ok("hello"), tls);
        using var asking = new Asking(new() { Tls =
            new() { CaFile = folder.Write("ca.crt", authority.Pem), ServerName = "kubernetes.default.svc" } });
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        Assert.Equal("kubernetes.default.svc", sent);
        Assert.Equal($"127.0.0.1:{server.Port}", server.Requests.Single().Header("Host"));
    }

    [Fact]
    public async Task A_peer_that_is_not_the_server_name_is_rejected()
    {
        await using var server = new RawServer(_ => RawServer.Ok("hello"), authority.Server());
        using var asking = new Asking(new() { Tls =
            new() { CaFile = folder.Write("ca.crt", authority.Pem), ServerName = "kubernetes.default.svc" } });
        Check(await asking.FailAsync(server.Url), "not for kubernetes.default.svc but for 127.0.0.1");
    }

    [Fact]
    public async Task With_a_server_name_failures_are_told_as_without()
    {
        await using var server = new RawServer(_ => RawServer.Ok("plain"));
        using var asking = new Asking(new() { Tls = new() { ServerName = "kubernetes.default.svc" } });
        Assert.Equal("200 plain", await asking.GetAsync(server.Url));
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = new Uri($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
        var answering = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync();
            await client.GetStream().WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
            _ = await client.GetStream().ReadAsync(new byte[10_000]);
        });
        var failure = await asking.FailAsync(url);
        Assert.Equal(FailureReason.TlsHandshake, failure.Reason);
        Assert.Contains("does not speak TLS", failure.Message);
        await answering;
        listener.Stop();
        Assert.Equal(FailureReason.ConnectionRefused, (await asking.FailAsync(url)).Reason);
        Assert.Equal(FailureReason.DnsLookup, (await asking.FailAsync(new Uri("https://no-such-name.invalid/"))).Reason);
    }

    [Fact]
    public async Task Any_certificate_will_do_where_verification_is_off()
    {
        await using var server = new RawServer(_ => RawServer.Ok("hello"), authority.Server("elsewhere"));
        using var asking = new Asking(new() { Tls = new() { InsecureSkipVerify = true } });
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
    }

    [Fact]
    public async Task A_CA_file_that_changes_is_trusted_anew()
    {
        var next = new Authority();
        await using var server = new RawServer(_ => RawServer.Ok("hello"), authority.Server());
        using var asking = Asking(authority.Pem);
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));

        await using var rotated = new RawServer(_ => RawServer.Ok("rotated"), next.Server());
        await asking.FailAsync(rotated.Url);
        folder.Write("ca.crt", authority.Pem + next.Pem);
        asking.PassTime();
        Assert.Equal("200 rotated", await asking.GetAsync(rotated.Url));
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
    }

    [Theory]
    [InlineData(null, "does not exist")]
    [InlineData("", "holds no certificate in PEM")]
    [InlineData("no PEM at all", "holds no certificate in PEM")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged")]
    public async Task A_bad_CA_file_is_a_failure_at_first_and_later_the_last_good_one_stays(string? content, string words)
    {
        await using var server = new RawServer(_ => RawServer.Ok("hello"), authority.Server());
        var file = folder.Write("ca.crt", content ?? "");
        if (content is null)
            File.Delete(file);
        using var asking = new Asking(new() { Tls = new() { CaFile = file } });
        var failure = await asking.FailAsync(server.Url);
        Assert.Equal(FailureReason.Credentials, failure.Reason);
        Assert.Contains(file, failure.Message);
        Assert.Contains(words, failure.Message);

        folder.Write("ca.crt", authority.Pem);
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        if (content is null)
            File.Delete(file);
        else
            folder.Write("ca.crt", content);
        asking.PassTime();
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        Assert.Contains(words, asking.Log);
    }

    [Theory]
    [InlineData("EC PRIVATE KEY")]
    [InlineData("PRIVATE KEY")]
    [InlineData("RSA PRIVATE KEY")]
    public async Task A_client_certificate_is_shown_and_changes_with_its_files(string key)
    {
        string? shown = null;
        var tls = authority.Server();
        tls.ClientCertificateRequired = true;
        tls.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            shown = certificate?.Subject;
            return certificate is not null;
        };
        await using var server = new RawServer(_ => RawServer.Answer("200 OK", "hello", "Connection: close"), tls);
        var options = new HttpOptions { Tls =
            new() { CaFile = folder.Write("ca.crt", authority.Pem), CertFile = folder.At("tls.crt"), KeyFile = folder.At("tls.key") } };
        WritePair("one", key);
        using var asking = new Asking(options);
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        Assert.Equal("CN=one", shown);

        WritePair("two", key);
        asking.PassTime();
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        Assert.Equal("CN=two", shown);
    }

    [Fact]
    public async Task A_key_of_another_certificate_is_told()
    {
        WritePair("one", "PRIVATE KEY");
        var certificate = File.ReadAllText(folder.At("tls.crt"));
        WritePair("two", "PRIVATE KEY");
        folder.Write("tls.crt", certificate);
        using var asking = new Asking(new() { Tls = new() { CertFile = folder.At("tls.crt"), KeyFile = folder.At("tls.key") } });
        var failure = await asking.FailAsync(new Uri("https://127.0.0.1:1/"));
        Assert.Equal(FailureReason.Credentials, failure.Reason);
        Assert.Contains("are not a pair", failure.Message);
    }

    /// <summary>
    /// As Go and Prometheus: no revocation list is fetched, and nobody is asked, so that no third party has a say in a scrape.
    /// </summary>
    [Fact]
    public async Task Nobody_is_asked_whether_a_certificate_is_revoked()
    {
        await using var distribution = new RawServer(_ => RawServer.Ok(""));
        var intermediate = new Authority("intermediate", authority, revocationList: distribution.Url);
        await using var server = new RawServer(_ => RawServer.Ok("hello"), intermediate.Server());
        using var asking = Asking(authority.Pem);
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        Assert.Equal(0, distribution.Connections);
    }

    [Fact]
    public async Task Two_authorities_of_one_name_may_stand_in_a_bundle()
    {
        var renewed = new Authority();
        await using var old = new RawServer(_ => RawServer.Ok("old"), authority.Server());
        await using var young = new RawServer(_ => RawServer.Ok("young"), renewed.Server());
        using var asking = Asking(authority.Pem + renewed.Pem);
        Assert.Equal("200 old", await asking.GetAsync(old.Url));
        Assert.Equal("200 young", await asking.GetAsync(young.Url));
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, true)]
    [InlineData(SslProtocols.Tls13, true)]
#pragma warning disable SYSLIB0039, CA5397 // the point is that they are refused
    [InlineData(SslProtocols.Tls11, false)]
    [InlineData(SslProtocols.Tls, false)]
#pragma warning restore SYSLIB0039, CA5397
    public async Task TLS_begins_at_1_2(SslProtocols version, bool isGood)
    {
        var tls = authority.Server();
        tls.EnabledSslProtocols = version;
        await using var server = new RawServer(_ => RawServer.Ok("hello"), tls);
        using var asking = Asking(authority.Pem);
        if (isGood)
        {
            Assert.Equal("200 hello", await asking.GetAsync(server.Url));
            return;
        }
        var failure = await asking.FailAsync(server.Url);
        Assert.Equal(FailureReason.TlsHandshake, failure.Reason);
    }

    [Fact]
    public async Task A_client_certificate_brings_its_intermediate_along()
    {
        var chainLength = 0;
        var intermediate = new Authority("clients", authority);
        var tls = authority.Server();
        tls.ClientCertificateRequired = true;
        tls.RemoteCertificateValidationCallback = (_, _, chain, _) =>
        {
            chainLength = chain!.ChainPolicy.ExtraStore.Count + 1;
            return chainLength > 1;
        };
        await using var server = new RawServer(_ => RawServer.Ok("hello"), tls);
        using var pair = intermediate.Issue(["one"]);
        var options = new HttpOptions
        {
            Tls = new()
            {
                CaFile = folder.Write("ca.crt", authority.Pem),
                CertFile = folder.Write("tls.crt", pair.ExportCertificatePem() + "\n" + intermediate.Pem),
                KeyFile = folder.Write("tls.key", pair.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
            },
        };
        using var asking = new Asking(options);
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        Assert.Equal(2, chainLength);
    }

    [Fact]
    public async Task A_key_file_larger_than_64_KiB_is_refused()
    {
        WritePair("one", "PRIVATE KEY");
        folder.Write("tls.key", new string('k', 65537));
        using var asking = new Asking(new() { Tls = new() { CertFile = folder.At("tls.crt"), KeyFile = folder.At("tls.key") } });
        var failure = await asking.FailAsync(new Uri("https://127.0.0.1:1/"));
        Assert.Equal(FailureReason.Credentials, failure.Reason);
        Assert.Contains("larger than 64 KiB", failure.Message);
    }

    private static X509Chain ChainOf(X509Certificate2 certificate)
    {
        var chain = new X509Chain { ChainPolicy = { RevocationMode = X509RevocationMode.NoCheck } };
        chain.Build(certificate);
        return chain;
    }

    private static void Check(Failure failure, params string[] words)
    {
        Assert.Equal(FailureReason.Certificate, failure.Reason);
        Assert.All(words, w => Assert.Contains(w, failure.Message));
    }

    private Asking Asking(string ca) => new(new() { Tls = new() { CaFile = folder.Write("ca.crt", ca) } });

    private void WritePair(string name, string key)
    {
        using var pair = key.StartsWith("RSA", StringComparison.Ordinal) ? authority.IssueRsa([name]) : authority.Issue([name]);
        folder.Write("tls.crt", pair.ExportCertificatePem());
        folder.Write("tls.key", key switch
        {
            "RSA PRIVATE KEY" => pair.GetRSAPrivateKey()!.ExportRSAPrivateKeyPem(),
            "EC PRIVATE KEY" => pair.GetECDsaPrivateKey()!.ExportECPrivateKeyPem(),
            _ => pair.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(),
        });
    }
}
