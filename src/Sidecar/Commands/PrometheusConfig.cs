using System.Globalization;
using System.Security.Authentication;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Relabeling;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary><c>sidecar config --prometheus</c>: the effective configuration as a prometheus.yml for agent mode, without defaults.</summary>
/// <param name="environment">Rules are taken from it as they are written there.</param>
internal sealed class PrometheusConfig(Options options, IReadOnlyDictionary<string, string?> environment, TextWriter output)
{
    private readonly YamlText yaml = new(output);
    private JobOptions job = options.Jobs[0]; // the one that is written

    public void Write()
    {
        yaml.Comment("What this sidecar does, for Prometheus in agent mode "
            + "(prometheus --enable-feature=agent, from 3.0 on prometheus --agent).");
        yaml.Comment($"Secrets are left out: put them in where it says {Redacted.Mark}.");
        var scrape = job.Scrape;
        yaml.Begin("global");
        yaml.Plain("scrape_interval", Durations.Format(scrape.Interval));
        yaml.Plain("scrape_timeout", Durations.Format(scrape.Timeout));
        if (!scrape.ExternalLabels.IsEmpty)
        {
            yaml.Begin("external_labels");
            foreach (var (name, value) in scrape.ExternalLabels)
                yaml.Text(YamlText.Quote(name), value.Replace("$", "$$")); // Prometheus 3 expands variables there
            yaml.End();
        }
        yaml.End();
        yaml.Begin("scrape_configs");
        foreach (var each in options.Jobs)
        {
            job = each;
            if (job.Targets.IsEmpty)
                WriteScrape(job.Name, job.Scrape.Params, WriteKubernetes);
            else
                WriteStatic();
        }
        yaml.End();
        job = options.Jobs[0];
        yaml.Begin("remote_write");
        WriteRemoteWrite();
        yaml.End();
    }

    private void WriteScrape(string jobName, string? query, Action writeTargets)
    {
        var scrape = job.Scrape;
        yaml.BeginItem();
        yaml.Text("job_name", jobName);
        var first = options.Jobs[0].Scrape;
        if (scrape.Interval != first.Interval || scrape.Timeout != first.Timeout)
        {
            yaml.Plain("scrape_interval", Durations.Format(scrape.Interval));
            yaml.Plain("scrape_timeout", Durations.Format(scrape.Timeout));
        }
        if (!scrape.ExternalLabels.SequenceEqual(first.ExternalLabels))
            yaml.Comment($"{job.Variables.NameOf(Variables.ExternalLabels)}: in Prometheus they are the same for all jobs.");
        if (Value(Variables.WriteRelabelConfigs) != options.Jobs[0].Variables.Find(environment, Variables.WriteRelabelConfigs).Text)
            yaml.Comment($"{job.Variables.NameOf(Variables.WriteRelabelConfigs)}: in Prometheus they are the same for all jobs.");
        yaml.Plain("scheme", scrape.Scheme);
        yaml.Text("metrics_path", scrape.MetricsPath);
        WriteParams(query);
        yaml.Flag("honor_labels", scrape.HonorLabels, usual: false);
        yaml.Flag("honor_timestamps", scrape.HonorTimestamps, usual: true);
        if (scrape.TrackTimestampsStaleness)
            yaml.Comment("From Prometheus 2.48 on:");
        yaml.Flag("track_timestamps_staleness", scrape.TrackTimestampsStaleness, usual: false);
        if (!scrape.Protocols.SequenceEqual(ScrapeProtocols.Default))
        {
            yaml.Comment("From Prometheus 2.49 on:");
            yaml.List("scrape_protocols", scrape.Protocols.Select(ScrapeProtocols.Name));
        }
        if (scrape.ReadsNative)
            yaml.Comment("From Prometheus 3.8 on; before, native histograms take --enable-feature=native-histograms:");
        yaml.Flag("scrape_native_histograms", scrape.ReadsNative, usual: false);
        if ((scrape.Reading & (BodyReading.ClassicToo | BodyReading.ClassicToCustomBuckets)) != 0)
            yaml.Comment("From Prometheus 3.0 on:");
        yaml.Flag("always_scrape_classic_histograms", (scrape.Reading & BodyReading.ClassicToo) != 0, usual: false);
        yaml.Flag("convert_classic_histograms_to_nhcb", (scrape.Reading & BodyReading.ClassicToCustomBuckets) != 0, usual: false);
        if ((scrape.Reading & BodyReading.BoundsAsScraped) != 0)
            yaml.Comment($"{Variables.BucketLabels.Name} is as_scraped, which Prometheus does up to 2.55 and no later one has.");
        if (scrape.BodySizeLimit > 0)
            yaml.Plain("body_size_limit", Sizes.Format(scrape.BodySizeLimit));
        WriteLimit("sample_limit", scrape.SampleLimit);
        WriteLimit("target_limit", scrape.TargetLimit);
        WriteLimit("label_limit", scrape.LabelLimits.Count);
        WriteLimit("label_name_length_limit", scrape.LabelLimits.NameLength);
        WriteLimit("label_value_length_limit", scrape.LabelLimits.ValueLength);
        if (scrape.Http.IsForTlsOnly && scrape.Scheme == "http")
            yaml.Comment("Credentials are sent over https only, which Prometheus does not have.");
        WriteHttp(scrape.Http, scrape.Scheme);
        writeTargets();
        WriteMetricRules();
        yaml.EndItem();
    }

    private void WriteLimit(string key, int limit)
    {
        if (limit > 0)
            yaml.Plain(key, limit.ToString(CultureInfo.InvariantCulture));
    }

    private void WriteParams(string? query)
    {
        if (string.IsNullOrEmpty(query))
            return;
        var (names, values) = (new List<string>(), new List<List<string>>());
        foreach (var (name, value) in Urls.Parameters(query))
        {
            if (!names.Contains(name))
            {
                names.Add(name);
                values.Add([]);
            }
            values[names.IndexOf(name)].Add(value);
        }
        yaml.Begin("params");
        for (var i = 0; i < names.Count; i++)
            yaml.List(YamlText.Quote(names[i]), values[i]);
        yaml.End();
    }

    private void WriteMetricRules()
    {
        string? preset = null;
        foreach (var (name, rules) in Presets.All)
            preset = name == Value(Variables.Preset) ? rules : preset;
        var own = Value(Variables.MetricRelabelConfigs);
        if (preset is null && own is null)
            return;
        yaml.Begin("metric_relabel_configs");
        if (preset is not null)
        {
            yaml.Comment($"{Variables.Preset.Name}={Value(Variables.Preset)}");
            yaml.Rules(preset);
        }
        if (own is not null)
            yaml.Rules(own);
        yaml.End();
    }

    private void WriteKubernetes()
    {
        var kubernetes = job.Kubernetes;
        var isSlices = UsesSlices(kubernetes);
        yaml.Begin("kubernetes_sd_configs");
        if (kubernetes.Role == KubernetesRole.Auto)
            yaml.Comment($"{Variables.KubernetesRole.Name} is auto, which Prometheus does not have.");
        yaml.BeginItem();
        yaml.Plain("role", isSlices ? "endpointslice" : "endpoints");
        // In a pod Prometheus finds the API server by itself; and takes no credentials but with an address.
        if ((Value(Variables.KubernetesApiServer) ?? Value(Variables.KubernetesTokenFile) ?? Value(Variables.KubernetesCaFile)
            ?? Value(Variables.KubernetesInsecureSkipVerify)) is not null)
        {
            yaml.Text("api_server", kubernetes.ApiServer!.AbsoluteUri.TrimEnd('/'));
            WriteHttp(kubernetes.Http);
        }
        if (kubernetes.Namespace is not null)
        {
            yaml.Begin("namespaces");
            yaml.List("names", [kubernetes.Namespace]);
            yaml.End();
        }
        WriteSelectors(kubernetes, isSlices);
        yaml.EndItem();
        yaml.End();
        WriteTargetRules(kubernetes, isSlices);
    }

    /// <summary>Here either spelling of what the two roles share will do; there it has to be the role's own.</summary>
    private bool UsesSlices(KubernetesOptions kubernetes)
    {
        var rules = Value(Variables.RelabelConfigs) ?? "";
        return kubernetes.Role == KubernetesRole.EndpointSlice || (kubernetes.Role == KubernetesRole.Auto
            && !rules.Contains("__meta_kubernetes_endpoint_", StringComparison.Ordinal)
            && !rules.Contains("__meta_kubernetes_endpoints_", StringComparison.Ordinal));
    }

    private void WriteSelectors(KubernetesOptions kubernetes, bool isSlices)
    {
        var labels = new List<string>();
        if (isSlices && kubernetes.Service is not null)
            labels.Add($"kubernetes.io/service-name={kubernetes.Service}");
        if (kubernetes.LabelSelector is not null)
            labels.Add(kubernetes.LabelSelector);
        var field = isSlices || kubernetes.Service is null ? null : $"metadata.name={kubernetes.Service}";
        if (labels.Count == 0 && field is null)
            return;
        yaml.Begin("selectors");
        yaml.BeginItem();
        yaml.Plain("role", isSlices ? "endpointslice" : "endpoints");
        yaml.Text("label", labels.Count == 0 ? null : string.Join(',', labels));
        yaml.Text("field", field);
        yaml.EndItem();
        yaml.End();
    }

    private void WriteTargetRules(KubernetesOptions kubernetes, bool isSlices)
    {
        var (labels, values) = (new List<string>(), new List<string>());
        if (kubernetes.Service is not null)
        {
            labels.Add("__meta_kubernetes_service_name");
            values.Add(kubernetes.Service.Replace(".", "\\."));
        }
        if (kubernetes.PortName is not null)
        {
            labels.Add(isSlices ? "__meta_kubernetes_endpointslice_port_name" : "__meta_kubernetes_endpoint_port_name");
            values.Add(kubernetes.PortName);
        }
        WriteTargetRules(() =>
        {
            if (job.Name != job.Scrape.JobName)
            {
                yaml.BeginItem();
                yaml.Plain("target_label", "job");
                yaml.Text("replacement", job.Scrape.JobName);
                yaml.EndItem();
            }
            if (labels.Count == 0)
                return;
            yaml.BeginItem();
            yaml.List("source_labels", labels);
            yaml.Text("regex", string.Join(';', values));
            yaml.Plain("action", "keep");
            yaml.EndItem();
        }, isNeeded: labels.Count > 0 || job.Name != job.Scrape.JobName);
    }

    /// <summary>Sharding goes by the address as it was discovered, and so comes first.</summary>
    private void WriteTargetRules(Action? before = null, bool isNeeded = false) => WriteRules("relabel_configs",
        Value(Variables.RelabelConfigs), () =>
    {
        if (job.Shards > 1)
        {
            yaml.BeginItem();
            yaml.List("source_labels", ["__address__"]);
            yaml.Plain("modulus", job.Shards.ToString(CultureInfo.InvariantCulture));
            yaml.Plain("target_label", "__tmp_shard");
            yaml.Plain("action", "hashmod");
            yaml.EndItem();
            yaml.BeginItem();
            yaml.List("source_labels", ["__tmp_shard"]);
            yaml.Text("regex", job.Shard.ToString(CultureInfo.InvariantCulture));
            yaml.Plain("action", "keep");
            yaml.EndItem();
        }
        before?.Invoke();
    }, isNeeded || job.Shards > 1);

    private void WriteRules(string key, string? rules, Action? before = null, bool isNeeded = false)
    {
        if (rules is null && !isNeeded)
            return;
        yaml.Begin(key);
        before?.Invoke();
        if (rules is not null)
            yaml.Rules(rules);
        yaml.End();
    }

    /// <summary>A URL's own query replaces that of all targets, so such targets are a job of their own with the same job label.</summary>
    private void WriteStatic()
    {
        var left = new List<StaticTarget>(job.Targets);
        for (var number = 1; left.Count > 0; number++)
        {
            var query = left[0].Query ?? job.Scrape.Params;
            var alike = left.FindAll(t => (t.Query ?? job.Scrape.Params) == query);
            left.RemoveAll(alike.Contains);
            var isFirst = number == 1;
            WriteScrape(isFirst ? job.Name : $"{job.Name}-{number}", query, () =>
            {
                yaml.Begin("static_configs");
                while (alike.Count > 0)
                {
                    var first = alike[0];
                    var group = alike.FindAll(t => t.Scheme == first.Scheme && t.MetricsPath == first.MetricsPath);
                    alike.RemoveAll(group.Contains);
                    yaml.BeginItem();
                    yaml.List("targets", group.ConvertAll(static t => t.Address));
                    WriteStaticLabels(first.Scheme, first.MetricsPath,
                        isFirst && job.Name == job.Scrape.JobName ? null : job.Scrape.JobName);
                    yaml.EndItem();
                }
                yaml.End();
                WriteTargetRules();
            });
        }
    }

    private void WriteStaticLabels(string? scheme, string? path, string? job)
    {
        if (scheme is null && path is null && job is null)
            return;
        yaml.Begin("labels");
        yaml.Text("__scheme__", scheme);
        yaml.Text("__metrics_path__", path);
        yaml.Text("job", job);
        yaml.End();
    }

    private void WriteRemoteWrite()
    {
        var remote = options.RemoteWrite;
        yaml.BeginItem();
        yaml.Text("url", remote.Url.AbsoluteUri);
        if (remote.Protocol == WriteProtocol.Two)
        {
            yaml.Comment("From Prometheus 2.54 on:");
            yaml.Plain("protobuf_message", "io.prometheus.write.v2.Request");
        }
        yaml.Plain("send_exemplars", "true");
        yaml.Plain("send_native_histograms", "true");
        yaml.Plain("remote_timeout", Durations.Format(remote.Timeout));
        if (!remote.Headers.IsEmpty)
        {
            yaml.Begin("headers");
            foreach (var (name, _) in remote.Headers)
                yaml.Text(YamlText.Quote(name), Redacted.Mark);
            yaml.End();
        }
        WriteHttp(remote.Http);
        if (Value(Variables.RemoteWriteProxyUrl) is { } proxy)
        {
            yaml.Text("proxy_url", Redacted.Of(Variables.RemoteWriteProxyUrl, proxy));
            yaml.Text("no_proxy", Value(Variables.RemoteWriteNoProxy));
        }
        WriteRules("write_relabel_configs", Value(Variables.WriteRelabelConfigs));
        yaml.Begin("queue_config");
        yaml.Plain("max_samples_per_send", remote.MaxSamplesPerSend.ToString(CultureInfo.InvariantCulture));
        yaml.Plain("max_shards", remote.Concurrency.ToString(CultureInfo.InvariantCulture));
        yaml.Plain("min_backoff", Durations.Format(remote.MinBackoff));
        yaml.Plain("max_backoff", Durations.Format(remote.MaxBackoff));
        yaml.Plain("retry_on_http_429", "true");
        if (options.Queue.AgeLimit > TimeSpan.Zero)
        {
            yaml.Comment("From Prometheus 2.50 on:");
            yaml.Plain("sample_age_limit", Durations.Format(options.Queue.AgeLimit));
        }
        yaml.End();
        yaml.EndItem();
    }

    private void WriteHttp(HttpOptions http, string scheme = "https")
    {
        if (http.IsForTlsOnly && scheme == "http")
        {
            // Prometheus would send them.
        }
        else if (http.BasicAuthUsername is not null || http.BasicAuthPassword is not null || http.BasicAuthPasswordFile is not null)
        {
            yaml.Begin("basic_auth");
            // A user without a password may well be a token.
            yaml.Text("username", http.BasicAuthPassword is null && http.BasicAuthPasswordFile is null ? Redacted.Mark
                : http.BasicAuthUsername);
            yaml.Text("password", http.BasicAuthPassword is null ? null : Redacted.Mark);
            yaml.Text("password_file", http.BasicAuthPasswordFile);
            yaml.End();
        }
        else if (http.Credentials is not null || http.CredentialsFile is not null)
        {
            yaml.Begin("authorization");
            if (http.AuthorizationType != "Bearer")
                yaml.Text("type", http.AuthorizationType);
            yaml.Text("credentials", http.Credentials is null ? null : Redacted.Mark);
            yaml.Text("credentials_file", http.CredentialsFile);
            yaml.End();
        }
        yaml.Flag("follow_redirects", http.FollowsRedirects, usual: true);
        var tls = http.Tls;
        if (tls == new TlsOptions())
            return;
        yaml.Begin("tls_config");
        yaml.Text("ca_file", tls.CaFile);
        yaml.Text("cert_file", tls.CertFile);
        yaml.Text("key_file", tls.KeyFile);
        yaml.Text("server_name", tls.ServerName);
        yaml.Flag("insecure_skip_verify", tls.InsecureSkipVerify, usual: false);
        if (tls.MinVersion == SslProtocols.Tls13)
            yaml.Plain("min_version", "TLS13");
        yaml.End();
    }

    /// <summary>As the environment has it; null where it is not set.</summary>
    private string? Value(Variable variable) => job.Variables.Find(environment, variable).Text;
}
