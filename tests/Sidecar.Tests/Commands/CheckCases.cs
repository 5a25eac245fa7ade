using System.Globalization;
using Cluster;

namespace Sidecar.Tests.Commands;

/// <summary>Everything that the check tells apart.</summary>
internal static class CheckCases
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    public static IReadOnlyList<CheckCase> All { get; } =
        [.. Configuration(), .. Tokens(), .. ApiServers(), .. Discovery(), .. Targets(), .. Queues(), .. Certificates(),
            .. ReceiverCheckCases.All];

    private static IEnumerable<CheckCase> Configuration()
    {
        yield return CheckCase.With("variable missing", "SIDECAR_REMOTE_WRITE_URL", null, "configuration", "SIDECAR_REMOTE_WRITE_URL",
            "not set", "set it like http") with { ExitCode = 2 };
        yield return CheckCase.With("variable malformed", "SIDECAR_SCRAPE_INTERVAL", "15 s", "configuration",
            "SIDECAR_SCRAPE_INTERVAL=\"15 s\"", "not a duration", "like 15s") with { ExitCode = 2 };
        yield return CheckCase.With("variable unknown", "SIDECAR_SCRAPE_INTERVALL", "15s", "configuration", "SIDECAR_SCRAPE_INTERVALL",
            "SIDECAR_SCRAPE_INTERVAL") with { ExitCode = 2 };
        yield return CheckCase.With("checks off", "SIDECAR_TLS_INSECURE_SKIP_VERIFY", "true", "configuration",
            "certificates are not checked") with { ExitCode = 0, Status = "warning" };
    }

    private static IEnumerable<CheckCase> Tokens()
    {
        yield return CheckCase.With("token file missing", "SIDECAR_KUBERNETES_TOKEN_FILE", "/nowhere/token", "token",
            "/nowhere/token does not exist", "no service account's token is mounted", "automountServiceAccountToken");
        yield return CheckCase.Of("token file empty", run =>
            File.WriteAllText(run.Cluster.TokenFile, "\n"), "token", "is empty", "one token, in one line");
        yield return CheckCase.Of("token file of two lines", run =>
            File.WriteAllText(run.Cluster.TokenFile, "a\nb\n"), "token", "several lines");
        yield return Token("token expired", $$"""{"exp":{{Seconds(Now.AddHours(-3))}},"sub":"system:serviceaccount:sidecar:sidecar"}""",
            "token", "expired 3h", "not renewed", "automountServiceAccountToken", "kubectl -n sidecar create token sidecar");
        yield return Token("token of tomorrow", $$"""{"nbf":{{Seconds(Now.AddDays(1))}}}""", "token", "valid from",
            "clock of this machine is", "NTP");
        yield return Token("token for another audience", $$"""{"iss":"https://kubernetes.default.svc.cluster.local","aud":["vault"],"exp":{{Seconds(Now.AddHours(1))}}}""",
            "API server", "answers 401", "audience is vault", "SIDECAR_KUBERNETES_TOKEN_FILE");
        yield return Token("token of another cluster", $$"""{"iss":"https://a.example","aud":["https://a.example"],"exp":{{Seconds(Now.AddHours(1))}}}""",
            "API server", "answers 401", "of another cluster, or its service account was deleted");
        yield return CheckCase.Of("token unknown and no JWT", run =>
            File.WriteAllText(run.Cluster.TokenFile, "what-is-this"), "API server", "answers 401", "of another cluster");
        yield return new CheckCase("token for the receiver missing", run =>
        {
            run.Environment["SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE"] = "/nowhere/write";
            return default;
        }, "write token", "/nowhere/write does not exist", "SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE");
    }

    private static IEnumerable<CheckCase> ApiServers()
    {
        yield return new CheckCase("API server away", async run =>
            await run.ApiServer.StopAsync(), "API server", "refuses connections", "not running", "SIDECAR_KUBERNETES_API_SERVER");
        yield return CheckCase.With("API server's name unknown", "SIDECAR_KUBERNETES_API_SERVER", "https://nowhere.invalid", "API server",
            "nowhere.invalid has no address", "misspelt");
        yield return new CheckCase("another CA", run =>
        {
            using var other = new CertificateAuthority("another");
            File.WriteAllText(run.Cluster.CaFile, other.Pem);
            return default;
        }, "API server", "issued by CN=kubernetes, which is not an authority in", "another authority than the trusted one",
            "SIDECAR_KUBERNETES_CA_FILE");
        yield return CheckCase.Of("CA file without a certificate", run =>
            File.WriteAllText(run.Cluster.CaFile, "hello\n"), "API server", "holds no certificate in PEM", "fix the file");
        yield return new CheckCase("certificate for another name", async run =>
            await CheckCase.AskAsync(run, run.Cluster.Authority.Issue("api.example")),
            "API server", "is not for 127.0.0.1 but for api.example", "not among the names", "certSANs");
        yield return new CheckCase("certificate expired", async run =>
            await CheckCase.AskAsync(run, run.Cluster.Authority.Issue(["127.0.0.1"], Now.AddDays(-9), Now.AddDays(-2))),
            "API server", "expired on", "not renewed", "kubeadm certs renew");
        yield return new CheckCase("certificate of tomorrow", async run =>
            await CheckCase.AskAsync(run, run.Cluster.Authority.Issue(["127.0.0.1"], Now.AddDays(1), Now.AddDays(9))),
            "API server", "is not valid before", "clock is behind", "NTP");
        yield return CheckCase.Of("clock", run =>
            run.Time = new ShiftedTime(TimeSpan.FromHours(2)), "clock", "2h", "ahead of the API server's", "NTP");
        yield return CheckCase.Of("plain HTTP to the API server", run =>
            run.Environment["SIDECAR_KUBERNETES_API_SERVER"] = $"http://127.0.0.1:{run.ApiServer.Port}",
            "API server", "HTTP request to an HTTPS server", "plain HTTP is spoken to a port that speaks TLS", "https");
        yield return CheckCase.Of("TLS to a plain port", run =>
            run.Environment["SIDECAR_KUBERNETES_API_SERVER"] = $"https://127.0.0.1:{run.Receiver.Port}",
            "API server", "does not speak TLS", "a port that speaks plain HTTP");
        yield return CheckCase.Of("slices forbidden, endpoints allowed", run =>
            run.Cluster.RotateToken(RbacRule.Endpoints("default"), RbacRule.MetricsPath),
            "API server", "cannot list resource", "may not read endpointslices", "resources: [endpointslices]") with { ExitCode = 0,
            Status = "warning" };
        yield return CheckCase.Of("slices forbidden, and nothing else wanted", run =>
        {
            run.Environment["SIDECAR_KUBERNETES_ROLE"] = "endpointslice";
            run.Cluster.RotateToken(RbacRule.Endpoints("default"), RbacRule.MetricsPath);
        }, "API server", "may not read endpointslices", "kind: Role\n", "namespace: default", "apiGroups: [discovery.k8s.io]",
            "name: sidecar");
        yield return CheckCase.Of("endpoints forbidden", run =>
        {
            run.Environment["SIDECAR_KUBERNETES_ROLE"] = "endpoints";
            run.Cluster.RotateToken(RbacRule.Slices("default"), RbacRule.MetricsPath);
        }, "API server", "may not read endpoints", "apiGroups: [\"\"]", "resources: [endpoints]", "resourceNames: [kubernetes]");
        yield return CheckCase.Of("slices and endpoints forbidden", run =>
            run.Cluster.RotateToken(RbacRule.MetricsPath), "API server", "resources: [endpointslices]");
        yield return CheckCase.Of("all namespaces, and rights in one", run => run.Environment["SIDECAR_KUBERNETES_NAMESPACE"] = "*",
            "API server", "at the cluster scope", "kind: ClusterRole\n", "resources: [endpointslices]");
        yield return CheckCase.Of("watch forbidden", run => run.Cluster.RotateToken(
            new RbacRule("default", ["discovery.k8s.io"], ["endpointslices"], ["list"]), RbacRule.MetricsPath),
            "API server", "cannot watch resource", "may not watch endpointslices there; it is asked every 15s instead",
            "verbs: [list, watch]") with { ExitCode = 0, Status = "warning" };
        yield return CheckCase.Of("slices unknown", run =>
            run.ApiServer.HasNoSlices = true, "API server", "answers 404") with { ExitCode = 0, Status = "warning" };
        yield return CheckCase.Of("API server in trouble", run =>
            run.ApiServer.FailNext(1, ApiServer.Answers(500, "InternalError", "etcd is away")), "API server", "answers 500: etcd is away",
            "trouble of its own");
    }

    private static IEnumerable<CheckCase> Discovery()
    {
        yield return CheckCase.With("no such Service", "SIDECAR_KUBERNETES_SERVICE", "kubernets", "discovery",
            "no Service kubernets in namespace default", "name or the namespace is wrong", "kubectl get services");
        yield return CheckCase.Of("no such Service, by Endpoints", run =>
        {
            run.Environment["SIDECAR_KUBERNETES_ROLE"] = "endpoints";
            run.Environment["SIDECAR_KUBERNETES_SERVICE"] = "kubernets";
            run.Cluster.RotateToken(RbacRule.Endpoints("default"), RbacRule.MetricsPath); // those of the manifest are for one name
        }, "discovery", "no Service kubernets");
        yield return CheckCase.Of("no endpoint", run =>
        {
            run.Cluster.Withdraw(run.ApiServer);
            run.Cluster.Store.SetSlice("default", "kubernetes-none", "kubernetes", [], 6443);
        }, "discovery", "no ready endpoint", "no pod runs behind it", "kubectl describe service");
        yield return CheckCase.With("port of another name", "SIDECAR_KUBERNETES_PORT_NAME", "metrics", "discovery",
            "none with a port named metrics", "its ports are https", "SIDECAR_KUBERNETES_PORT_NAME");
        yield return CheckCase.With("the keep rule matches nothing", "SIDECAR_RELABEL_CONFIGS",
            """[{"source_labels":["__meta_kubernetes_namespace","__meta_kubernetes_service_name"],"regex":"kube-system;kubernetes","action":"keep"}]""",
            "discovery", "SIDECAR_RELABEL_CONFIGS keeps none of 1 target", "\"kube-system;kubernetes\"", "there is \"default;kubernetes\"");
    }

    private static IEnumerable<CheckCase> Targets()
    {
        yield return CheckCase.Of("/metrics forbidden", run =>
            run.Cluster.RotateToken(RbacRule.Slices("default"), RbacRule.Endpoints("default")),
            "target", "cannot get path", "system:serviceaccount:sidecar:sidecar may not read /metrics", "kind: ClusterRole\n",
            "nonResourceURLs: [/metrics]", "namespace: sidecar");
        yield return Static("no token with a static target", "https://127.0.0.1:{0}/metrics", "target", "system:anonymous",
            "no token was sent", "SIDECAR_AUTHORIZATION_CREDENTIALS_FILE");
        yield return CheckCase.With("HTTP to an HTTPS port", "SIDECAR_SCHEME", "http", "target", "HTTP request to an HTTPS server",
            "a port that speaks TLS", "SIDECAR_SCHEME to https");
        yield return CheckCase.Of("HTTPS to an HTTP port", run =>
        {
            run.Environment.Remove("SIDECAR_KUBERNETES_API_SERVER");
            run.Environment["SIDECAR_TARGETS"] = $"https://127.0.0.1:{run.Receiver.Port}/metrics";
        }, "target", "does not speak TLS", "a port that speaks plain HTTP", "SIDECAR_SCHEME");
        yield return CheckCase.With("server name that the target's certificate has not", "SIDECAR_TLS_SERVER_NAME", "api.example",
            "target", "SIDECAR_TLS_SERVER_NAME=api.example is not among the names", "unset SIDECAR_TLS_SERVER_NAME", "kubernetes");
        yield return CheckCase.With("wrong path", "SIDECAR_METRICS_PATH", "/metricz", "target", "answers 404", "the path is wrong",
            "SIDECAR_METRICS_PATH");
        yield return Serves("wrong content type", m =>
            m.ContentType = "text/html", "serves text/html", "something else than an exporter", "SIDECAR_METRICS_PATH");
        yield return Serves("no content type", m => m.ContentType = null, "Content-Type is missing", "something else than an exporter");
        yield return Serves("empty body", m => m.Serve(""), "with an empty body", "lost the body");
        yield return Serves("parse error", m =>
            m.Serve("a 1\nb{c=\"d\" 2\n"), "line 2", "b{c=\"d\" 2", "not in the exposition format", "fix the exporter");
        yield return Serves("cut body", m =>
        {
            m.Serve(string.Concat(Enumerable.Range(0, 1000).Select(i => $"a{{b=\"{i}\"}} {i * 7919}\n")));
            m.CutAfter = 100;
        }, "reset the connection", "cuts the connection");
        yield return Serves("half a gzip stream", m =>
            m.ServeGzip(TargetBehaviour.Compress("a 1\n"u8)[..^8]), "damaged or ends early", "ended the answer early");
        yield return Serves("target in trouble", m =>
            m.Status = System.Net.HttpStatusCode.InternalServerError, "answers 500", "trouble of its own");
        yield return CheckCase.Of("timeout", run =>
        {
            run.Environment["SIDECAR_SCRAPE_TIMEOUT"] = "2s";
            run.ApiServer.Metrics.Delay = TimeSpan.FromSeconds(30);
        }, "target", "SIDECAR_SCRAPE_TIMEOUT (2s)", "takes longer", "raise SIDECAR_SCRAPE_TIMEOUT");
        yield return CheckCase.With("body over the limit", "SIDECAR_BODY_SIZE_LIMIT", "10B", "target", "SIDECAR_BODY_SIZE_LIMIT (10 bytes",
            "grown past the limit", "raise SIDECAR_BODY_SIZE_LIMIT");
        yield return CheckCase.Of("samples over the limit", run =>
        {
            run.Environment["SIDECAR_SAMPLE_LIMIT"] = "1";
            run.ApiServer.Metrics.Serve("a 1\nb 1\n");
        }, "target", "SIDECAR_SAMPLE_LIMIT is 1", "raise SIDECAR_SAMPLE_LIMIT", "sidecar top");
        yield return CheckCase.With("labels over the limit", "SIDECAR_LABEL_LIMIT", "2", "target", "SIDECAR_LABEL_LIMIT is 2",
            "raise SIDECAR_LABEL_LIMIT");
        yield return Serves("series twice", m =>
            m.Serve("a 1\na 2\n"), "1 of them are there twice", "repeats series") with { ExitCode = 0, Status = "warning" };
        yield return CheckCase.With("rules that drop everything", "SIDECAR_METRIC_RELABEL_CONFIGS",
            """[{"regex":"a","source_labels":["__name__"],"action":"drop"}]""",
            "target", "none of them would be sent", "relabeling drops them all");
        yield return Serves("load balancer", m => m.Gzip = n => TargetBehaviour.Compress(System.Text.Encoding.UTF8.GetBytes(
            $"process_start_time_seconds {1.7e9 + n % 2}\n")), "different servers answer at",
            "2023-11-14 22:13:21Z, another 2023-11-14 22:13:20Z", "a load balancer", "by its own address");
        yield return CheckCase.With("load balancer, where rules drop what tells", "SIDECAR_METRIC_RELABEL_CONFIGS",
            """[{"regex":"process_.*","source_labels":["__name__"],"action":"drop"}]""", "target", "different servers answer at") with
        {
            Break = run =>
            {
                run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] =
                    """[{"regex":"process_.*","source_labels":["__name__"],"action":"drop"}]""";
                run.ApiServer.Metrics.Gzip = n => TargetBehaviour.Compress(System.Text.Encoding.UTF8.GetBytes(
                    $"a 1\nprocess_start_time_seconds {1.7e9 + n}\n"));
                return default;
            },
        };
        yield return new CheckCase("two targets of the same series", async run =>
        {
            await AnnounceAsync(run);
            run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] = """[{"regex":"instance","action":"labeldrop"}]""";
        }, "target", "1 series of https://127.0.0.1:", "like a{job=\"apiserver\"}", "receiver makes one series of both",
            "SIDECAR_RELABEL_CONFIGS");
        yield return new CheckCase("two targets of the same labels", async run =>
        {
            await AnnounceAsync(run);
            run.Environment["SIDECAR_RELABEL_CONFIGS"] = """[{"target_label":"instance","replacement":"api"}]""";
        }, "target", "6 series of https://127.0.0.1:", "instance=\"api\"", "instance of its own");
        yield return new CheckCase("more targets than allowed", async run =>
        {
            await AnnounceAsync(run);
            run.Environment["SIDECAR_TARGET_LIMIT"] = "1";
        }, "discovery", "2 targets, more than SIDECAR_TARGET_LIMIT=1", "no target is scraped", "raise SIDECAR_TARGET_LIMIT");
        yield return new CheckCase("target away", async run =>
        {
            var other = new ApiServer(run.Cluster.Store, run.Cluster.Authority.Issue("127.0.0.1"));
            await other.StartAsync();
            run.Cluster.Announce(other);
            await other.StopAsync();
        }, "target", "refuses connections", "not running");
    }

    private static IEnumerable<CheckCase> Queues()
    {
        yield return Queue("queue directory is a file", folder => File.WriteAllText(folder, ""), "cannot be used",
            "SIDECAR_QUEUE_DIRECTORY=", "a file is in the way", "name a folder");
        yield return Queue("queue directory inside a file", folder => File.WriteAllText(Path.GetDirectoryName(folder)!, ""),
            "cannot be used", "may write");
        yield return Queue("queue directory that cannot be made", _ => { }, "cannot be used") with
        {
            Break = run =>
            {
                run.Environment["SIDECAR_QUEUE_DIRECTORY"] = "/proc/no/such";
                return default;
            },
        };
        yield return Queue("volume smaller than the queue", _ => { }, "to fill", "the volume is smaller than SIDECAR_QUEUE_SIZE_LIMIT") with
        {
            ExitCode = 0, Status = "warning",
            Break = run =>
            {
                run.Environment["SIDECAR_QUEUE_DIRECTORY"] = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
                run.Environment["SIDECAR_QUEUE_SIZE_LIMIT"] = "4EiB";
                return default;
            },
        };
    }

    private static IEnumerable<CheckCase> Certificates()
    {
        yield return Certificate("client certificate expired", Now.AddDays(-9), Now.AddDays(-2), "CN=client", "expired 2d", "renew it");
        yield return Certificate("client certificate of tomorrow", Now.AddDays(1), Now.AddDays(9), "valid from", "NTP");
        yield return Certificate("client certificate at its end", Now.AddDays(-99), Now.AddDays(1), "expires in", "nobody has renewed it")
            with { ExitCode = 0, Status = "warning" };
        yield return Certificate("client certificate that is good", Now.AddDays(-1), Now.AddDays(9), "CN=client", "expires in 8d")
            with { ExitCode = 0, Status = "ok" };
        yield return CheckCase.Of("client certificate that is none", run =>
        {
            run.Environment["SIDECAR_REMOTE_WRITE_TLS_CERT_FILE"] = run.Cluster.TokenFile;
            run.Environment["SIDECAR_REMOTE_WRITE_TLS_KEY_FILE"] = run.Cluster.TokenFile;
        }, "write cert", "are not a pair in PEM", "SIDECAR_REMOTE_WRITE_TLS_CERT_FILE");
    }

    private static CheckCase Token(string name, string claims, string step, params string[] says) =>
        CheckCase.Of(name, run => File.WriteAllText(run.Cluster.TokenFile, CheckCase.Jwt(claims)), step, says);

    private static CheckCase Serves(string name, Action<TargetBehaviour> make, params string[] says) =>
        CheckCase.Of(name, run => make(run.ApiServer.Metrics), "target", says);

    private static async Task AnnounceAsync(CommandRun run)
    {
        var other = new ApiServer(run.Cluster.Store, run.Cluster.Authority.Issue("127.0.0.1"));
        await other.StartAsync();
        other.Metrics.Serve("a 1\n");
        foreach (var (token, account) in run.ApiServer.Tokens)
            other.Tokens[token] = account;
        run.Cluster.ApiServers.Add(other); // stopped with the others
        run.Cluster.Announce(other);
    }

    private static CheckCase Queue(string name, Action<string> make, params string[] says) => CheckCase.Of(name, run =>
    {
        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName(), "queue");
        if (name.Contains("inside"))
            make(folder);
        else
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
            make(folder);
        }
        run.Environment["SIDECAR_QUEUE_DIRECTORY"] = folder;
    }, "queue", says);

    private static CheckCase Certificate(string name, DateTimeOffset from, DateTimeOffset until, params string[] says) =>
        CheckCase.Of(name, run =>
        {
            using var certificate = run.Cluster.Authority.Issue(["client"], from, until);
            var file = Path.Combine(Path.GetDirectoryName(run.Cluster.TokenFile)!, "client.pem");
            using var key = System.Security.Cryptography.X509Certificates.RSACertificateExtensions.GetRSAPrivateKey(certificate)
                ?? (System.Security.Cryptography.AsymmetricAlgorithm?)System.Security.Cryptography.X509Certificates
                    .ECDsaCertificateExtensions.GetECDsaPrivateKey(certificate)!;
            File.WriteAllText(file, certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem());
            run.Environment["SIDECAR_TLS_CERT_FILE"] = run.Environment["SIDECAR_TLS_KEY_FILE"] = file;
        }, "certificate", says);

    private static CheckCase Static(string name, string url, string step, params string[] says) => CheckCase.Of(name, run =>
    {
        foreach (var variable in run.Environment.Keys.Where(k => k.StartsWith("SIDECAR_KUBERNETES_", StringComparison.Ordinal)).ToList())
            run.Environment.Remove(variable);
        run.Environment["SIDECAR_TARGETS"] = string.Format(CultureInfo.InvariantCulture, url, run.ApiServer.Port);
        run.Environment["SIDECAR_TLS_CA_FILE"] = run.Cluster.CaFile;
    }, step, says);

    private static string Seconds(DateTimeOffset time) => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}

/// <summary>A clock that is wrong by this much.</summary>
internal sealed class ShiftedTime(TimeSpan by) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
}
