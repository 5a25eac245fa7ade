using System.Security.Authentication;
using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Relabeling;
using Sidecar.Requests;
using Sidecar.Scraping;
using Field = (string Key, object? Value);

namespace Sidecar.Commands;

/// <summary><c>sidecar config --prometheus</c>: the effective configuration as a prometheus.yml for agent mode, without defaults.</summary>
/// <param name="environment">Rules are taken from it as they are written there.</param>
internal sealed class PrometheusConfig(Options options, IReadOnlyDictionary<string, string?> environment)
{
    private JobOptions job = options.Jobs[0]; // the one that is written

    public void Write(TextWriter output)
    {
        var first = job.Scrape;
        var jobs = new List<Field[]>();
        foreach (var each in options.Jobs)
        {
            job = each;
            if (job.Targets.IsEmpty)
                jobs.Add(Scrape(job.Name, job.Scrape.Params, Kubernetes()));
            else
                AddStatic(jobs);
        }
        job = options.Jobs[0];
        YamlText.Lines(
        [
            (YamlText.Comment, "What this sidecar does, for Prometheus in agent mode "
                + "(prometheus --enable-feature=agent, from 3.0 on prometheus --agent)."),
            (YamlText.Comment, $"Secrets are left out: put them in where it says {Redacted.Mark}."),
            ("global", (Field[])
            [
                ("scrape_interval", first.Interval),
                ("scrape_timeout", first.Timeout),
                // Prometheus 3 expands variables there.
                ("external_labels", Quoted(first.ExternalLabels, l => l.Value.Replace("$", "$$"))),
            ]),
            ("scrape_configs", jobs),
            ("remote_write", Items(RemoteWrite())),
        ]).ForEach(output.WriteLine);
    }

    private Field[] Scrape(string name, string? query, Field[] targets)
    {
        var (scrape, first) = (job.Scrape, options.Jobs[0].Scrape);
        var hasOwnTimes = scrape.Interval != first.Interval || scrape.Timeout != first.Timeout;
        var parameters = Urls.Parameters(query);
        var sendsNoCredentials = scrape.Http.IsForTlsOnly && scrape.Scheme == "http";
        return
        [
            ("job_name", name),
            ("scrape_interval", hasOwnTimes ? scrape.Interval : null),
            ("scrape_timeout", hasOwnTimes ? scrape.Timeout : null),
            OfAllJobs(Variables.ExternalLabels, scrape.ExternalLabels.SequenceEqual(first.ExternalLabels)),
            OfAllJobs(Variables.WriteRelabelConfigs, Value(Variables.WriteRelabelConfigs)
                == options.Jobs[0].Variables.Find(environment, Variables.WriteRelabelConfigs).Text),
            ("scheme", scrape.Scheme),
            ("metrics_path", scrape.MetricsPath),
            ("params", Quoted(parameters, own => parameters.FindAll(p => p.Key == own.Key).ConvertAll(p => p.Value))),
            Flag("honor_labels", scrape.HonorLabels),
            ("honor_timestamps", scrape.HonorTimestamps ? null : false),
            .. Newer(Flag("track_timestamps_staleness", scrape.TrackTimestampsStaleness), "From Prometheus 2.48 on:"),
            .. Formats(scrape),
            ("body_size_limit", scrape.BodySizeLimit > 0 ? scrape.BodySizeLimit : null),
            Limit("sample_limit", scrape.SampleLimit),
            Limit("target_limit", scrape.TargetLimit),
            Limit("label_limit", scrape.LabelLimits.Count),
            Limit("label_name_length_limit", scrape.LabelLimits.NameLength),
            Limit("label_value_length_limit", scrape.LabelLimits.ValueLength),
            (YamlText.Comment, sendsNoCredentials ? "Credentials are sent over https only, which Prometheus does not have." : null),
            .. sendsNoCredentials ? [] : Credentials(scrape.Http),
            .. Tls(scrape.Http),
            .. targets,
            ("metric_relabel_configs", Items([.. PresetRules(), .. Rules(Variables.MetricRelabelConfigs)])),
        ];
    }

    private Field OfAllJobs(Variable variable, bool isSame) =>
        (YamlText.Comment, isSame ? null : $"{job.Variables.NameOf(variable)}: in Prometheus they are the same for all jobs.");

    private static Field[] Formats(ScrapeOptions scrape)
    {
        var keepsClassic = Flag("always_scrape_classic_histograms", (scrape.Reading & BodyReading.ClassicToo) != 0);
        var converts = Flag("convert_classic_histograms_to_nhcb", (scrape.Reading & BodyReading.ClassicToCustomBuckets) != 0);
        return
        [
            .. Newer(("scrape_protocols", scrape.Protocols.SequenceEqual(ScrapeProtocols.Default) ? null
                : scrape.Protocols.Select(ScrapeProtocols.Name)), "From Prometheus 2.49 on:"),
            .. Newer(Flag("scrape_native_histograms", scrape.ReadsNative),
                "From Prometheus 3.8 on; before, native histograms take --enable-feature=native-histograms:"),
            .. Newer(keepsClassic, "From Prometheus 3.0 on:"),
            .. keepsClassic.Value is null ? Newer(converts, "From Prometheus 3.0 on:") : [converts],
            (YamlText.Comment, (scrape.Reading & BodyReading.BoundsAsScraped) == 0 ? null
                : $"{Variables.BucketLabels.Name} is as_scraped, which Prometheus does up to 2.55 and no later one has."),
        ];
    }

    private Field[] Kubernetes()
    {
        var kubernetes = job.Kubernetes;
        var service = kubernetes.Service;
        var isSlices = UsesSlices(kubernetes);
        var role = isSlices ? "endpointslice" : "endpoints";
        var selector = isSlices && service is not null ? $"kubernetes.io/service-name={service}" : null;
        selector = selector is null || kubernetes.LabelSelector is null ? selector ?? kubernetes.LabelSelector
            : $"{selector},{kubernetes.LabelSelector}";
        var field = isSlices || service is null ? null : $"metadata.name={service}";
        // In a pod Prometheus finds the API server by itself; and takes no credentials but with an address.
        var isNamed = (Value(Variables.KubernetesApiServer) ?? Value(Variables.KubernetesTokenFile) ?? Value(Variables.KubernetesCaFile)
            ?? Value(Variables.KubernetesInsecureSkipVerify)) is not null;
        List<string> labels = [];
        List<string> values = [];
        if (service is not null)
        {
            labels.Add("__meta_kubernetes_service_name");
            values.Add(service.Replace(".", "\\."));
        }
        if (kubernetes.PortName is not null)
        {
            labels.Add(isSlices ? "__meta_kubernetes_endpointslice_port_name" : "__meta_kubernetes_endpoint_port_name");
            values.Add(kubernetes.PortName);
        }
        return
        [
            ("kubernetes_sd_configs", Items(
                [(YamlText.Comment, kubernetes.Role != KubernetesRole.Auto ? null
                    : $"{Variables.KubernetesRole.Name} is auto, which Prometheus does not have.")],
                [
                    ("role", role),
                    ("api_server", isNamed ? kubernetes.ApiServer!.AbsoluteUri.TrimEnd('/') : null),
                    .. isNamed ? Credentials(kubernetes.Http) : [],
                    .. isNamed ? Tls(kubernetes.Http) : [],
                    ("namespaces", kubernetes.Namespace is { } ns ? (Field[])[("names", (string[])[ns])] : null),
                    ("selectors", (selector ?? field) is null ? null : Items([("role", role), ("label", selector), ("field", field)])),
                ])),
            TargetRules(
                job.Name == job.Scrape.JobName ? [] : [("target_label", "job"), ("replacement", job.Scrape.JobName)],
                labels.Count == 0 ? [] : Keep(labels, string.Join(';', values))),
        ];
    }

    /// <summary>Here either spelling of what the two roles share will do; there it has to be the role's own.</summary>
    private bool UsesSlices(KubernetesOptions kubernetes)
    {
        var rules = Value(Variables.RelabelConfigs) ?? "";
        return kubernetes.Role == KubernetesRole.EndpointSlice || (kubernetes.Role == KubernetesRole.Auto
            && !rules.Contains("__meta_kubernetes_endpoint_", StringComparison.Ordinal)
            && !rules.Contains("__meta_kubernetes_endpoints_", StringComparison.Ordinal));
    }

    /// <summary>Sharding goes by the address as it was discovered, and so comes first; the user's own rules come last.</summary>
    private Field TargetRules(params Field[][] rules)
    {
        Field[][] sharding = job.Shards == 1 ? [] :
        [
            [("source_labels", (string[])["__address__"]), ("modulus", job.Shards), ("target_label", "__tmp_shard"), ("action", "hashmod")],
            Keep(["__tmp_shard"], $"{job.Shard}"),
        ];
        return ("relabel_configs", Items([.. sharding, .. rules, .. Rules(Variables.RelabelConfigs)]));
    }

    private static Field[] Keep(List<string> labels, string pattern) =>
        [("source_labels", labels), ("regex", pattern), ("action", "keep")];

    /// <summary>A URL's own query replaces that of all targets, so such targets are a job of their own with the same job label.</summary>
    private void AddStatic(List<Field[]> jobs)
    {
        var number = 0;
        foreach (var alike in job.Targets.GroupBy(t => t.Query ?? job.Scrape.Params ?? ""))
        {
            var name = ++number == 1 ? job.Name : $"{job.Name}-{number}";
            var groups = alike.GroupBy(t => $"{t.Scheme} {t.MetricsPath}").Select(group => (Field[])
            [
                ("targets", group.Select(t => t.Address)),
                ("labels", (Field[])
                [
                    ("__scheme__", group.First().Scheme),
                    ("__metrics_path__", group.First().MetricsPath),
                    ("job", name == job.Scrape.JobName ? null : job.Scrape.JobName),
                ]),
            ]);
            jobs.Add(Scrape(name, alike.Key, [("static_configs", groups.ToList()), TargetRules()]));
        }
    }

    private Field[] RemoteWrite()
    {
        var remote = options.RemoteWrite;
        var proxy = Value(Variables.RemoteWriteProxyUrl);
        var ageLimit = options.Queue.AgeLimit;
        return
        [
            ("url", remote.Url.AbsoluteUri),
            .. Newer(("protobuf_message", remote.Protocol == WriteProtocol.Two ? "io.prometheus.write.v2.Request" : null),
                "From Prometheus 2.54 on:"),
            ("send_exemplars", true),
            ("send_native_histograms", true),
            ("remote_timeout", remote.Timeout),
            ("headers", Quoted(remote.Headers, _ => Redacted.Mark)),
            .. Credentials(remote.Http),
            .. Tls(remote.Http),
            ("proxy_url", proxy is null ? null : Redacted.Of(Variables.RemoteWriteProxyUrl, proxy)),
            ("no_proxy", proxy is null ? null : Value(Variables.RemoteWriteNoProxy)),
            ("write_relabel_configs", Rules(Variables.WriteRelabelConfigs)),
            ("queue_config", (Field[])
            [
                ("max_samples_per_send", remote.MaxSamplesPerSend),
                ("max_shards", remote.Concurrency),
                ("min_backoff", remote.MinBackoff),
                ("max_backoff", remote.MaxBackoff),
                ("retry_on_http_429", true),
                .. Newer(("sample_age_limit", ageLimit > TimeSpan.Zero ? ageLimit : null), "From Prometheus 2.50 on:"),
            ]),
        ];
    }

    private static Field[] Credentials(HttpOptions http)
    {
        var hasPassword = http.BasicAuthPassword is not null || http.BasicAuthPasswordFile is not null;
        if (hasPassword || http.BasicAuthUsername is not null)
        {
            return [("basic_auth", (Field[])
            [
                ("username", hasPassword ? http.BasicAuthUsername : Redacted.Mark), // one without a password may well be a token
                ("password", http.BasicAuthPassword is null ? null : Redacted.Mark),
                ("password_file", http.BasicAuthPasswordFile),
            ])];
        }
        return [("authorization", http.Credentials is null && http.CredentialsFile is null ? null : (Field[])
        [
            ("type", http.AuthorizationType == "Bearer" ? null : http.AuthorizationType),
            ("credentials", http.Credentials is null ? null : Redacted.Mark),
            ("credentials_file", http.CredentialsFile),
        ])];
    }

    private static Field[] Tls(HttpOptions http) =>
    [
        ("follow_redirects", http.FollowsRedirects ? null : false),
        ("tls_config", (Field[])
        [
            ("ca_file", http.Tls.CaFile),
            ("cert_file", http.Tls.CertFile),
            ("key_file", http.Tls.KeyFile),
            ("server_name", http.Tls.ServerName),
            Flag("insecure_skip_verify", http.Tls.InsecureSkipVerify),
            ("min_version", http.Tls.MinVersion == SslProtocols.Tls13 ? "TLS13" : null),
        ]),
    ];

    private Field[][] PresetRules()
    {
        foreach (var (name, rules) in Presets.All)
        {
            if (name == Value(Variables.Preset))
                return [[(YamlText.Comment, $"{Variables.Preset.Name}={name}")], .. Rules(rules)];
        }
        return [];
    }

    private List<Field[]> Rules(Variable variable) => Rules(Value(variable) ?? "[]");

    private static List<Field[]> Rules(string rules)
    {
        var read = new List<Field[]>();
        using var list = JsonDocument.Parse(RelabelConfigs.Json(rules, out _));
        foreach (var rule in list.RootElement.EnumerateArray())
        {
            var fields = new List<Field>();
            foreach (var key in rule.EnumerateObject())
            {
                fields.Add((key.Name, key.Value.ValueKind switch
                {
                    JsonValueKind.Null => null,
                    JsonValueKind.Array => Texts(key.Value),
                    _ => key.Name == "modulus" ? ulong.Parse(key.Value.ToString(), null) : key.Value.ToString(),
                }));
            }
            read.Add([.. fields]);
        }
        return read;
    }

    private static List<string> Texts(JsonElement list)
    {
        var texts = new List<string>();
        foreach (var text in list.EnumerateArray())
            texts.Add(text.ToString());
        return texts;
    }

    private static List<Field[]> Items(params List<Field[]> items) => items;

    /// <summary>Keys that are the user's; one that comes again is left out.</summary>
    private static Field[] Quoted(IEnumerable<KeyValuePair<string, string>> pairs, Func<KeyValuePair<string, string>, object> value)
    {
        var fields = new List<Field>();
        foreach (var pair in pairs)
        {
            if (!fields.Exists(f => f.Key == YamlText.Quote(pair.Key)))
                fields.Add((YamlText.Quote(pair.Key), value(pair)));
        }
        return [.. fields];
    }

    private static Field Flag(string key, bool value) => (key, value ? true : null);

    private static Field Limit(string key, int limit) => (key, limit > 0 ? limit : null);

    /// <summary>With a note on the versions that have it, where it is there at all.</summary>
    private static Field[] Newer(Field field, string note) => [(YamlText.Comment, field.Value is null ? null : note), field];

    /// <summary>As the environment has it; null where it is not set.</summary>
    private string? Value(Variable variable) => job.Variables.Find(environment, variable).Text;
}
