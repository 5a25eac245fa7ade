using Sidecar.Configuration;
using Sidecar.Primitives;

namespace Sidecar.Http;

/// <summary>Whom a failure is about, with the variables that may be wrong.</summary>
/// <param name="Who">As people call it: the API server.</param>
/// <param name="Address">Says where it is.</param>
/// <param name="Scheme">What to change where http and https are mixed up.</param>
/// <param name="CaFile">Certificates that vouch for it.</param>
/// <param name="ServerName">The name that its certificate must have; null where there is no such variable.</param>
/// <param name="Credentials">The one that is most used.</param>
internal readonly record struct CheckPeer(
    string Who, string Address, string Scheme, string CaFile, string? ServerName, string Credentials)
{
    public static readonly CheckPeer ApiServer = new(
        "the API server", Variables.KubernetesApiServer.Name, $"the scheme in {Variables.KubernetesApiServer.Name}",
        Variables.KubernetesCaFile.Name, null,
        Variables.KubernetesTokenFile.Name);

    public static readonly CheckPeer StaticTarget = new(
        "the target", Variables.Targets.Name, $"{Variables.Scheme.Name} or the URL in {Variables.Targets.Name}",
        Variables.ScrapeHttp.CaFile.Name, Variables.ScrapeHttp.ServerName.Name, Variables.ScrapeHttp.CredentialsFile.Name);

    public static readonly CheckPeer FoundTarget = new(
        "the target", $"{Variables.KubernetesService.Name} and {Variables.KubernetesPortName.Name}", Variables.Scheme.Name,
        Variables.ScrapeHttp.CaFile.Name, Variables.ScrapeHttp.ServerName.Name, Variables.ScrapeHttp.CredentialsFile.Name);

    public static readonly CheckPeer Receiver = new(
        "the receiver", Variables.RemoteWriteUrl.Name, $"the scheme in {Variables.RemoteWriteUrl.Name}",
        Variables.RemoteWriteHttp.CaFile.Name, Variables.RemoteWriteHttp.ServerName.Name,
        $"SIDECAR_REMOTE_WRITE_BASIC_AUTH_… or {Variables.RemoteWriteHttp.CredentialsFile.Name}");
}

/// <summary>A likely cause, where the fact does not tell it, and what to do.</summary>
internal sealed class AdviceText(string? cause, string remedy)
{
    public string? Cause { get; } = cause;
    public string Remedy { get; } = remedy;
}

/// <summary>The likely cause of a failure and what to do about it, in a sentence or two each.</summary>
internal static class Advice
{
    /// <summary>Where the variable is not known.</summary>
    public const string FixFile = "fix the file that the message names, or the variable that names the file";

    public const string AsksCheck = "'sidecar check' prints the rule to paste";

    /// <summary>The user that an API server (<c>User "…" cannot …</c>) or kubelet (<c>Forbidden (user=…,</c>) refuses, or null.</summary>
    public static string? User(string message)
    {
        const string OfKubelet = "(user=";
        if (message.IndexOf(OfKubelet, StringComparison.Ordinal) is >= 0 and var at && message.IndexOf(',', at) is > 0 and var comma)
            return message[(at + OfKubelet.Length)..comma];
        var start = message.IndexOf("User \"", StringComparison.Ordinal);
        var end = start < 0 ? -1 : message.IndexOf('"', start + 6);
        return end < 0 ? null : message[(start + 6)..end];
    }

    /// <summary>A kubelet asks for a right to nodes, whatever the path.</summary>
    public static bool IsKubelets(string refusal) => refusal.Contains("resource=nodes", StringComparison.Ordinal);

    /// <summary>What may not be read, in RBAC's words.</summary>
    public static string RightTo(string path, string refusal) => IsKubelets(refusal) ? "nodes/metrics"
        : path.StartsWith("/apis/", StringComparison.Ordinal) ? path : $"{path} (a nonResourceURL)";

    /// <summary>Nobody's credentials were sent.</summary>
    public static bool IsAnonymous(string? user) => user == "system:anonymous";

    /// <param name="setServerName">The name to verify that is set; null for the address's host.</param>
    public static AdviceText For(CheckPeer peer, Failure failure, string? setServerName = null) => failure.Reason switch
    {
        FailureReason.Certificate when failure.Detail == FailureDetail.CertificateName && setServerName is not null =>
            new($"{peer.ServerName}={setServerName} is not among the names of the certificate",
                $"unset {peer.ServerName}, or set it to a name that the certificate has (an API server's has kubernetes)"),
        FailureReason.DnsLookup when failure.Detail == FailureDetail.NameWaits => ForSilentDns(peer.Address),
        FailureReason.DnsLookup => new("the name is misspelt, or this machine's DNS does not know it",
            $"look at the host in {peer.Address}; in a cluster a Service's name is NAME.NAMESPACE.svc"),
        FailureReason.ConnectionRefused => new($"{peer.Who} is not running, listens on another port, or a firewall rejects the connection",
            $"look at host and port ({peer.Address})"),
        FailureReason.Connection or FailureReason.HttpStatus when failure.Detail == FailureDetail.MayWantHttps =>
            new("plain HTTP is spoken to a port that most likely speaks TLS", $"set {peer.Scheme} to https"),
        FailureReason.Connection when failure.Detail == FailureDetail.ResetOfHttp =>
            new("the port may speak TLS, or a firewall, a NetworkPolicy or a proxy in between cuts the connection",
                $"try https:// ({peer.Scheme}), and look at host and port ({peer.Address})"),
        FailureReason.Connection => new("a firewall, a NetworkPolicy or a proxy in between cuts the connection",
            $"try the address from this pod's network, and look at host and port ({peer.Address})"),
        FailureReason.Timeout when failure.Detail == FailureDetail.Connected
            && (peer == CheckPeer.ApiServer || peer == CheckPeer.Receiver) =>
            new($"connections are taken and not answered: {peer.Who} is overloaded or hangs, or another program listens there",
                $"look at {peer.Who}'s log and at the port ({peer.Address})"
                    + (peer == CheckPeer.Receiver ? $"; {Variables.RemoteWriteTimeout.Name} is how long is waited" : "")),
        FailureReason.Timeout when peer == CheckPeer.ApiServer || peer == CheckPeer.Receiver =>
            new($"packets are dropped on the way (a firewall or a NetworkPolicy), or {peer.Who} is overloaded",
                $"look at host and port ({peer.Address}) and at what is allowed to leave this pod"),
        FailureReason.Timeout => new("the target takes longer to answer"
                + (failure.Detail == FailureDetail.Connected ? "" : ", or packets are dropped on the way")
                + "; a kube-apiserver with many resources takes seconds",
            $"raise {Variables.ScrapeTimeout.Name}, and {Variables.ScrapeInterval.Name} with it where it is shorter"),
        FailureReason.Certificate => ForCertificate(peer, failure.Detail),
        FailureReason.TlsHandshake when failure.Detail == FailureDetail.MayWantHttp =>
            new("TLS is spoken to a port that speaks plain HTTP", $"set {peer.Scheme} to http, or use the TLS port"),
        FailureReason.TlsHandshake => new("the TLS handshake failed",
            "look at the client certificate and at the TLS versions of both sides; the fact above names what the other side said"),
        FailureReason.HttpOnHttpsPort => new("plain HTTP is spoken to a port that speaks TLS", $"set {peer.Scheme} to https"),
        FailureReason.Unauthorized => new("the credentials are missing, expired, or for somebody else", $"look at {peer.Credentials}"),
        FailureReason.Forbidden when User(failure.Message) is { } user && !IsAnonymous(user) => new($"{user} may not do that", AsksCheck),
        FailureReason.Forbidden => new("the credentials are good, and what is asked is not allowed with them",
            $"grant it, or use others ({peer.Credentials})"),
        FailureReason.NotFound when peer == CheckPeer.ApiServer =>
            new("something else than an API server answers there, or a proxy with a path in front of it",
            $"look at {peer.Address}"),
        FailureReason.NotFound => new("the path is wrong, or something else answers there",
            $"look at {Variables.MetricsPath.Name} and {peer.Address}"),
        FailureReason.Redirect => new("a login page or a proxy is in between", $"let {peer.Address} name the address that answers itself"),
        FailureReason.Proxy => ForProxy(peer, failure.Detail),
        FailureReason.Credentials => new(null, FixFile),
        FailureReason.ContentType => new("something else than an exporter answers there: a web page, or JSON",
            $"look at {peer.Address} and {Variables.MetricsPath.Name}"),
        FailureReason.ContentEncoding => new("a proxy in between compresses", "make it pass answers on as they are"),
        FailureReason.Truncated => new("the target or a proxy in between ended the answer early; "
                + "a proxy's own timeout or size limit does that",
            "scrape the target without the proxy, and look at its log"),
        FailureReason.BodySizeLimit when failure.Detail == FailureDetail.QueueSizeLimit =>
            new("one scrape is larger than half of what may wait for the receiver",
                $"raise {Variables.QueueSizeLimit.Name}; 'sidecar top' tells what the size comes from"),
        FailureReason.BodySizeLimit => new("the target has grown past the limit",
            $"raise {Variables.BodySizeLimit.Name}; 'sidecar top' tells what the size comes from"),
        FailureReason.SampleLimit => new("the target has grown past the limit",
            $"raise {Variables.SampleLimit.Name}, or drop series by {Variables.MetricRelabelConfigs.Name} ('sidecar top' proposes rules)"),
        FailureReason.TargetLimit => new("discovery names more targets than the limit; as in Prometheus, none is scraped then",
            $"raise {Variables.TargetLimit.Name}, or keep fewer targets by {Variables.RelabelConfigs.Name}"),
        FailureReason.Internal => new(null, "report it with the lines of the log that name the bug; the next scrape comes all the same"),
        FailureReason.LabelLimit => new("a series has more or longer labels than are allowed",
            $"raise {Variables.LabelLimit.Name}, {Variables.LabelNameLengthLimit.Name} or {Variables.LabelValueLengthLimit.Name}, "
                + $"or drop it by {Variables.MetricRelabelConfigs.Name}"),
        FailureReason.Parse when peer == CheckPeer.ApiServer =>
            new("something else than an API server answers there, or a proxy that cuts answers", $"look at {peer.Address}"),
        FailureReason.Parse => new("the exporter writes what is not in the exposition format; "
                + "as in Prometheus, nothing of such a scrape is kept",
            "fix the exporter; the line is named above"),
        _ => new("the other side has trouble of its own", $"look at the log of {peer.Who}"),
    };

    private static AdviceText ForProxy(CheckPeer peer, FailureDetail detail) => detail switch
    {
        FailureDetail.ProxyCredentials => new("user and password are missing in its URL, or are wrong",
            $"write them into {Variables.RemoteWriteProxyUrl.Name}, like http://USER:PASSWORD@HOST:PORT, with @ / : in them percent-encoded"),
        FailureDetail.ProxyForbids => new("its rules do not allow this host, this port, or CONNECT",
            $"have it allow {peer.Who}, or name the host in {Variables.RemoteWriteNoProxy.Name} where it is reached without the proxy"),
        FailureDetail.ProxyCannotReach => new($"{peer.Who} is down, or cannot be reached or resolved from where the proxy is",
            $"look at host and port ({peer.Address}) and at the proxy's log; a host that is reached without it belongs in "
                + Variables.RemoteWriteNoProxy.Name),
        FailureDetail.NameWaits => ForSilentDns(Variables.RemoteWriteProxyUrl.Name),
        _ => new("it is not running, is no HTTP proxy, or a firewall is in between",
            $"look at host and port in {Variables.RemoteWriteProxyUrl.Name}"),
    };

    private static AdviceText ForSilentDns(string address) => new("no DNS server of this machine answers",
        $"see that the nameservers in /etc/resolv.conf can be reached, or give an IP address in {address}");

    private static AdviceText ForCertificate(CheckPeer peer, FailureDetail detail) => detail switch
    {
        FailureDetail.CertificateExpired => new("the certificate was not renewed, or this machine's clock is ahead",
            "renew it (kubeadm certs renew all, or whatever issues it), and compare the clocks"),
        FailureDetail.CertificateNotYetValid => new("this machine's clock is behind, or the certificate was made for later",
            "set the clock, by NTP (chrony, systemd-timesyncd)"),
        FailureDetail.CertificateName => new("the address that is asked is not among the names of the certificate",
            $"use one of those names in {peer.Address}"
                + (peer.ServerName is null ? "" : $", or set {peer.ServerName} to a name that it has")
                + "; with kubeadm, apiServer.certSANs adds names"),
        FailureDetail.CertificateUse => new("the certificate is made for another use, a client's for instance",
            "issue one for servers (extended key usage serverAuth)"),
        _ => new("another authority than the trusted one signed the certificate: another cluster's, a new one, or a proxy's in between",
            $"let {peer.CaFile} name the file with the authority that signed it"
                + (peer == CheckPeer.Receiver ? "" : " (with kubeadm /etc/kubernetes/pki/ca.crt)") + ", rather than switching checks off"),
    };
}
