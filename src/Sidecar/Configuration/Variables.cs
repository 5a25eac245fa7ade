namespace Sidecar.Configuration;

/// <summary>Every variable of this version. Parsing, help, <c>sidecar config</c>, the README and tests follow from this table.</summary>
internal static class Variables
{
    public const string Prefix = "SIDECAR_";

    public const string JobsName = Prefix + "JOBS";

    private const string ServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";

    // Rows add themselves in the order in which they are written, so this stands first and All stands last.
    private static readonly ImmutableArray<Variable>.Builder Table = ImmutableArray.CreateBuilder<Variable>();

    public static Variable Jobs { get; } = Row(
        JobsName, VariableGroup.Targets, "names", example: "apiserver,kube-scheduler", inWords: "one job without a name",
        meaning: "jobs, comma-separated; each may set any variable of Targets and Scraping behind its name: SIDECAR_KUBE_SCHEDULER__SCHEME");
    public static Variable Targets { get; } = Row(
        "SIDECAR_TARGETS", VariableGroup.Targets, "addresses",
        example: "10.0.0.1:6443,https://10.0.0.2:6443/metrics", redaction: Redaction.UrlPassword,
        meaning: "host:port or URL, comma-separated; set, it turns Kubernetes discovery off");
    public static Variable KubernetesRole { get; } = Row(
        "SIDECAR_KUBERNETES_ROLE", VariableGroup.Targets, "word", example: "endpointslice", @default: "auto",
        meaning: "endpointslice, endpoints, or auto: slices, and Endpoints where slices are denied or unknown");
    public static Variable KubernetesNamespace { get; } = Row(
        "SIDECAR_KUBERNETES_NAMESPACE", VariableGroup.Targets, "name", example: "default", @default: "default",
        meaning: "namespace of the Service; * for all");
    public static Variable KubernetesService { get; } = Row(
        "SIDECAR_KUBERNETES_SERVICE", VariableGroup.Targets, "name", example: "kubernetes", @default: "kubernetes",
        meaning: "the Service whose endpoints are scraped, asked for by name; * for all");
    public static Variable KubernetesPortName { get; } = Row(
        "SIDECAR_KUBERNETES_PORT_NAME", VariableGroup.Targets, "name", example: "https", @default: "https",
        meaning: "the port of the endpoints that is scraped; * for all");
    public static Variable KubernetesLabelSelector { get; } = Row(
        "SIDECAR_KUBERNETES_LABEL_SELECTOR", VariableGroup.Targets, "selector", example: "app=web,tier!=cache",
        meaning: "labels of the slices or Endpoints, passed to the API server");
    public static Variable KubernetesApiServer { get; } = Row(
        "SIDECAR_KUBERNETES_API_SERVER", VariableGroup.Targets, "URL",
        example: "https://10.96.0.1:443", inWords: "in-cluster address", redaction: Redaction.UrlPassword,
        meaning: "base address of the API server");
    public static Variable KubernetesTokenFile { get; } = Row(
        "SIDECAR_KUBERNETES_TOKEN_FILE", VariableGroup.Targets, "file",
        example: ServiceAccount + "token", @default: ServiceAccount + "token", inWords: "the service account's",
        meaning: "token towards the API server, read again when it changes; the default holds over https only");
    public static Variable KubernetesCaFile { get; } = Row(
        "SIDECAR_KUBERNETES_CA_FILE", VariableGroup.Targets, "file",
        example: ServiceAccount + "ca.crt", @default: ServiceAccount + "ca.crt", inWords: "the service account's",
        meaning: "certificates that vouch for the API server, read again when they change");
    public static Variable KubernetesInsecureSkipVerify { get; } = Row(
        "SIDECAR_KUBERNETES_TLS_INSECURE_SKIP_VERIFY", VariableGroup.Targets, "boolean", example: "true", @default: "false",
        meaning: "do not check the API server's certificate");
    public static Variable KubernetesRefreshInterval { get; } = Row(
        "SIDECAR_KUBERNETES_REFRESH_INTERVAL", VariableGroup.Targets, "duration", example: "30s", @default: "15s",
        meaning: "how often the API server is asked for the endpoints");
    public static Variable KubernetesWatch { get; } = Row(
        "SIDECAR_KUBERNETES_WATCH", VariableGroup.Targets, "boolean", example: "false", @default: "true",
        meaning: "also watch between polls, where that is allowed");
    public static Variable Shard { get; } = Row(
        "SIDECAR_SHARD", VariableGroup.Targets, "number", example: "0", @default: "0",
        meaning: "which share of the targets is ours, from 0: hashmod of the discovered address");
    public static Variable Shards { get; } = Row(
        "SIDECAR_SHARDS", VariableGroup.Targets, "number", example: "3", @default: "1",
        meaning: "among how many sidecars the targets are divided");

    public static Variable JobName { get; } = Row(
        "SIDECAR_JOB_NAME", VariableGroup.Scraping, "text", example: "apiserver", @default: "apiserver",
        meaning: "the job label of every target");
    public static Variable ScrapeInterval { get; } = Row(
        "SIDECAR_SCRAPE_INTERVAL", VariableGroup.Scraping, "duration", example: "15s", @default: "15s",
        meaning: "how often each target is scraped");
    public static Variable ScrapeTimeout { get; } = Row(
        "SIDECAR_SCRAPE_TIMEOUT", VariableGroup.Scraping, "duration", example: "10s", @default: "10s",
        meaning: "bound of one scrape; the default shrinks to a shorter interval");
    public static Variable Scheme { get; } = Row(
        "SIDECAR_SCHEME", VariableGroup.Scraping, "word", example: "https", @default: "https",
        meaning: "http or https, where a target does not say");
    public static Variable MetricsPath { get; } = Row(
        "SIDECAR_METRICS_PATH", VariableGroup.Scraping, "path", example: "/metrics", @default: "/metrics",
        meaning: "where the metrics are, where a target does not say");
    public static Variable Params { get; } = Row(
        "SIDECAR_PARAMS", VariableGroup.Scraping, "query string", example: "format=text&verbose=1",
        meaning: "added to the URL of every target that has no query");
    public static HttpVariables ScrapeHttp { get; } = new(Prefix, VariableGroup.Scraping, "targets",
        credentialsInWords: "the service account's where targets come from Kubernetes over https",
        caInWords: "the service account's where targets come from Kubernetes");
    public static Variable FollowRedirects { get; } = Row(
        "SIDECAR_FOLLOW_REDIRECTS", VariableGroup.Scraping, "boolean", example: "false", @default: "true",
        meaning: "a scrape goes where the target redirects it to, without credentials to another host; else it fails");
    public static Variable HonorLabels { get; } = Row(
        "SIDECAR_HONOR_LABELS", VariableGroup.Scraping, "boolean", example: "true", @default: "false",
        meaning: "scraped labels win over target labels instead of becoming exported_…");
    public static Variable HonorTimestamps { get; } = Row(
        "SIDECAR_HONOR_TIMESTAMPS", VariableGroup.Scraping, "boolean", example: "false", @default: "true",
        meaning: "timestamps in what is scraped are used");
    public static Variable TrackTimestampsStaleness { get; } = Row(
        "SIDECAR_TRACK_TIMESTAMPS_STALENESS", VariableGroup.Scraping, "boolean", example: "true", @default: "false",
        meaning: "staleness markers for series with timestamps of their own too");
    public static Variable ScrapeProtocols { get; } = Row(
        "SIDECAR_SCRAPE_PROTOCOLS", VariableGroup.Scraping, "words", example: "PrometheusText1.0.0,PrometheusText0.0.4",
        @default: "OpenMetricsText1.0.0,OpenMetricsText0.0.1,PrometheusText1.0.0,PrometheusText0.0.4",
        inWords: "OpenMetrics, then text; newest first",
        meaning: "formats asked for, best first; PrometheusProto first turns native histograms on");
    public static Variable ScrapeNativeHistograms { get; } = Row(
        "SIDECAR_SCRAPE_NATIVE_HISTOGRAMS", VariableGroup.Scraping, "boolean", example: "true",
        inWords: "`true` where PrometheusProto is asked for first",
        meaning: "native histograms are read, and protobuf, which alone carries them, is asked for first");
    public static Variable AlwaysScrapeClassicHistograms { get; } = Row(
        "SIDECAR_ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS", VariableGroup.Scraping, "boolean", example: "true", @default: "false",
        meaning: "the classic series of a histogram that has a native form, or is given one, are sent too");
    public static Variable ConvertClassicHistograms { get; } = Row(
        "SIDECAR_CONVERT_CLASSIC_HISTOGRAMS_TO_NHCB", VariableGroup.Scraping, "boolean", example: "true", @default: "false",
        meaning: "classic histograms become native ones of custom buckets; takes SIDECAR_REMOTE_WRITE_PROTOCOL=2.0");
    public static Variable BucketLabels { get; } = Row(
        "SIDECAR_BUCKET_LABELS", VariableGroup.Scraping, "word", example: "as_scraped", @default: "normalized",
        meaning: "le and quantile: normalized as Prometheus 3 stores them (1.0), or as_scraped as Prometheus 2 does (1)");
    public static Variable SampleLimit { get; } = Row(
        "SIDECAR_SAMPLE_LIMIT", VariableGroup.Scraping, "number", example: "200000", @default: "0",
        meaning: "a scrape of more samples fails; 0 for no limit");
    public static Variable LabelLimit { get; } = Row(
        "SIDECAR_LABEL_LIMIT", VariableGroup.Scraping, "number", example: "40", @default: "0",
        meaning: "a series of more labels, its name and the target's included, fails the scrape; 0 for no limit");
    public static Variable LabelNameLengthLimit { get; } = Row(
        "SIDECAR_LABEL_NAME_LENGTH_LIMIT", VariableGroup.Scraping, "number", example: "200", @default: "0",
        meaning: "a longer label name, bytes, fails the scrape; 0 for no limit");
    public static Variable LabelValueLengthLimit { get; } = Row(
        "SIDECAR_LABEL_VALUE_LENGTH_LIMIT", VariableGroup.Scraping, "number", example: "1000", @default: "0",
        meaning: "a longer label value, bytes, fails the scrape; 0 for no limit");
    public static Variable TargetLimit { get; } = Row(
        "SIDECAR_TARGET_LIMIT", VariableGroup.Scraping, "number", example: "100", @default: "0",
        meaning: "with more targets than this all scrapes fail; 0 for no limit");
    public static Variable BodySizeLimit { get; } = Row(
        "SIDECAR_BODY_SIZE_LIMIT", VariableGroup.Scraping, "size", example: "64MB", @default: "1GiB",
        meaning: "a longer body, uncompressed, fails the scrape; 0 for no limit");
    public static Variable RelabelConfigs { get; } = Row(
        "SIDECAR_RELABEL_CONFIGS", VariableGroup.Scraping, "rules",
        example: """[{"source_labels":["__meta_kubernetes_endpoint_port_name"],"regex":"https","action":"keep"}]""",
        meaning: "Prometheus's relabel_configs, in YAML as there or as a JSON array: which targets are scraped, and how they are labelled");
    public static Variable MetricRelabelConfigs { get; } = Row(
        "SIDECAR_METRIC_RELABEL_CONFIGS", VariableGroup.Scraping, "rules",
        example: """[{"source_labels":["__name__"],"regex":"go_.*","action":"drop"}]""",
        meaning: "Prometheus's metric_relabel_configs, likewise: applied to what is scraped");
    public static Variable WriteRelabelConfigs { get; } = Row(
        "SIDECAR_WRITE_RELABEL_CONFIGS", VariableGroup.Scraping, "rules",
        example: """[{"regex":"pod|node","action":"labeldrop"}]""",
        meaning: "Prometheus's write_relabel_configs, likewise: applied to what is sent, external labels included");
    public static Variable Preset { get; } = Row(
        "SIDECAR_PRESET", VariableGroup.Scraping, "word", example: "apiserver-lean",
        meaning: "metric relabel rules by name, applied before one's own: apiserver-lean thins the histograms of kube-apiserver");
    public static Variable ExternalLabels { get; } = Row(
        "SIDECAR_EXTERNAL_LABELS", VariableGroup.Scraping, "labels", example: "cluster=prod,replica=a",
        meaning: "added to every series that lacks them: name=value,… or a JSON object");

    public static Variable RemoteWriteUrl { get; } = Row(
        "SIDECAR_REMOTE_WRITE_URL", VariableGroup.RemoteWrite, "URL",
        example: "http://prometheus:9090/api/v1/write", inWords: "required", redaction: Redaction.UrlPassword,
        meaning: "where to send; a user and password in it are basic authentication");
    public static Variable RemoteWriteProtocol { get; } = Row(
        "SIDECAR_REMOTE_WRITE_PROTOCOL", VariableGroup.RemoteWrite, "word", example: "1.0", @default: "auto",
        meaning: "1.0, 2.0, or auto: 2.0, and 1.0 for good once the receiver shows that it lacks 2.0");
    public static Variable RemoteWriteHeaders { get; } = Row(
        "SIDECAR_REMOTE_WRITE_HEADERS", VariableGroup.RemoteWrite, "headers",
        example: "X-Scope-OrgID=tenant", redaction: Redaction.PairValues,
        meaning: "added to every request: Name=value,… or a JSON object");
    public static HttpVariables RemoteWriteHttp { get; } = new($"{Prefix}REMOTE_WRITE_", VariableGroup.RemoteWrite, "receiver");
    public static Variable RemoteWriteProxyUrl { get; } = Row(
        "SIDECAR_REMOTE_WRITE_PROXY_URL", VariableGroup.RemoteWrite, "URL",
        example: "http://proxy:3128", redaction: Redaction.UrlPassword,
        meaning: "HTTP proxy on the way to the receiver, with a user and password in the URL where it wants them");
    public static Variable RemoteWriteNoProxy { get; } = Row(
        "SIDECAR_REMOTE_WRITE_NO_PROXY", VariableGroup.RemoteWrite, "hosts",
        example: ".svc,10.0.0.0/8,receiver:8428",
        meaning: "reached without the proxy: hosts, domains, networks, each with a port or not, or *; as Go reads NO_PROXY");
    public static Variable RemoteWriteTimeout { get; } = Row(
        "SIDECAR_REMOTE_WRITE_TIMEOUT", VariableGroup.RemoteWrite, "duration", example: "30s", @default: "30s",
        meaning: "bound of one request");
    public static Variable RemoteWriteMaxSamplesPerSend { get; } = Row(
        "SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND", VariableGroup.RemoteWrite, "number", example: "2000", @default: "2000",
        meaning: "most samples in one request");
    public static Variable RemoteWriteConcurrency { get; } = Row(
        "SIDECAR_REMOTE_WRITE_CONCURRENCY", VariableGroup.RemoteWrite, "number", example: "4", @default: "4",
        meaning: "most requests at one time");
    public static Variable RemoteWriteMinBackoff { get; } = Row(
        "SIDECAR_REMOTE_WRITE_MIN_BACKOFF", VariableGroup.RemoteWrite, "duration", example: "30ms", @default: "30ms",
        meaning: "wait before the first retry; it doubles from there");
    public static Variable RemoteWriteMaxBackoff { get; } = Row(
        "SIDECAR_REMOTE_WRITE_MAX_BACKOFF", VariableGroup.RemoteWrite, "duration", example: "5s", @default: "5s",
        meaning: "longest wait before a retry");

    public static Variable QueueDirectory { get; } = Row(
        "SIDECAR_QUEUE_DIRECTORY", VariableGroup.Queue, "path", example: "/var/lib/sidecar",
        meaning: "a folder that outlives the process: with it, no outage and no crash loses a scrape; unset, the queue is in memory");
    public static Variable QueueSizeLimit { get; } = Row(
        "SIDECAR_QUEUE_SIZE_LIMIT", VariableGroup.Queue, "size", example: "16MB", inWords: "8MiB in memory, 1GiB in a directory",
        meaning: "most bytes of compressed scrapes that wait; past it the oldest go, counted and logged");
    public static Variable QueueAgeLimit { get; } = Row(
        "SIDECAR_QUEUE_AGE_LIMIT", VariableGroup.Queue, "duration", example: "2h", @default: "0",
        meaning: "older scrapes are dropped; 0 for no limit");

    public static Variable ListenAddress { get; } = Row(
        "SIDECAR_LISTEN_ADDRESS", VariableGroup.Operation, "address", example: ":9090", @default: ":9090",
        meaning: "where health and own metrics are served; empty turns the listener off");
    public static Variable KubernetesLease { get; } = Row(
        "SIDECAR_KUBERNETES_LEASE", VariableGroup.Operation, "name", example: "monitoring/sidecar",
        meaning: "a Lease, NAME or NAMESPACE/NAME (the pod's namespace): of several replicas its holder scrapes, the others stand by");
    public static Variable SelfScrape { get; } = Row(
        "SIDECAR_SELF_SCRAPE", VariableGroup.Operation, "boolean", example: "true", @default: "false",
        meaning: "send the own metrics too, as job sidecar with the pod's name (POD_NAME, else HOSTNAME) as instance");
    public static Variable LogLevel { get; } = Row(
        "SIDECAR_LOG_LEVEL", VariableGroup.Operation, "word", example: "info", @default: "info",
        meaning: "debug, info, warn or error");
    public static Variable LogFormat { get; } = Row(
        "SIDECAR_LOG_FORMAT", VariableGroup.Operation, "word", example: "logfmt", @default: "logfmt",
        meaning: "logfmt or json, to standard error");
    public static Variable FinalScrape { get; } = Row(
        "SIDECAR_FINAL_SCRAPE", VariableGroup.Operation, "boolean", example: "true", @default: "false",
        meaning: "at SIGTERM every target is scraped once more before flushing: for sidecars of short-lived jobs");
    public static Variable ShutdownTimeout { get; } = Row(
        "SIDECAR_SHUTDOWN_TIMEOUT", VariableGroup.Operation, "duration", example: "20s", @default: "20s",
        meaning: "bound of flushing at SIGTERM");

    /// <summary>The table, in the order in which people read it.</summary>
    public static ImmutableArray<Variable> All { get; } = Table.ToImmutable();

    /// <summary>What says where and what to discover; whom to ask, and how, may be said for all.</summary>
    public static ImmutableArray<Variable> OfDiscovery { get; } =
        [KubernetesNamespace, KubernetesService, KubernetesPortName, KubernetesLabelSelector, KubernetesRole];

    /// <summary>Whom to ask, and how: for targets, and for the lease.</summary>
    public static ImmutableArray<Variable> OfApiServer { get; } =
        [KubernetesApiServer, KubernetesTokenFile, KubernetesCaFile, KubernetesInsecureSkipVerify];

    /// <summary>The ways to authenticate towards targets, of which there is one.</summary>
    public static ImmutableArray<Variable> OfAuthentication { get; } =
    [
        ScrapeHttp.AuthorizationType, ScrapeHttp.Credentials, ScrapeHttp.CredentialsFile,
        ScrapeHttp.Username, ScrapeHttp.Password, ScrapeHttp.PasswordFile,
    ];

    public static Variable? Find(string name) => All.FirstOrDefault(v => v.Name == name);

    /// <summary>Adds a row to the table.</summary>
    public static Variable Row(
        string name, VariableGroup group, string type, string meaning, string example,
        string? @default = null, string? inWords = null, Redaction redaction = Redaction.None)
    {
        var row = new Variable(name, group, type, meaning, example, @default, inWords, redaction);
        Table.Add(row);
        return row;
    }
}
