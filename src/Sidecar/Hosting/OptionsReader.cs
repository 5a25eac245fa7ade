using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Relabeling;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Sending;
using Sidecar.Telemetry;

namespace Sidecar.Hosting;

/// <summary>Reads the whole configuration from the environment, and says everything that is wrong with it at once.</summary>
internal static class OptionsReader
{
    private static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LeastInterval = TimeSpan.FromMilliseconds(100);
    private static readonly string[] InstanceNames = ["POD_NAME", "HOSTNAME"];

    /// <param name="environment">The whole environment: <see cref="ProcessEnvironment.Read"/>.</param>
    public static ConfigurationResult Read(IReadOnlyDictionary<string, string?> environment)
    {
        var settings = new Settings(environment);
        var jobs = JobNames.Read(settings, environment);
        VariableNames.Check(environment, settings, jobs);

        var ofJobs = jobs.Select(settings.Of).ToList();
        var read = ofJobs.Select(s => ReadJob(s, environment)).ToImmutableArray();
        var options = new Options
        {
            Jobs = read,
            Self = ReadSelf(settings, read[0].Scrape),
            Instance = InstanceNames.Select(name => environment.GetValueOrDefault(name)?.Trim())
                .FirstOrDefault(value => !string.IsNullOrEmpty(value)) ?? Environment.MachineName,
            RemoteWrite = ReadRemoteWrite(settings),
            Queue = ReadQueue(settings),
            Operation = ReadOperation(settings),
        };
        options = options with { Lease = ReadLease(settings, options.Jobs[0].Kubernetes) };
        WarnOfSharedLabels(settings, options.Jobs);
        var inEffect = settings.InEffect();
        if (jobs[0].Name.Length > 0)
            inEffect = [.. inEffect.Where(s => s.Variable != Variables.JobName), .. ofJobs.SelectMany(s => s.InEffectOfJob())];
        return new ConfigurationResult(settings.HasErrors ? null : options, settings.Errors, settings.Warnings, inEffect);
    }

    private static ScrapeOptions? ReadSelf(Settings settings, ScrapeOptions first) => settings.Read(Variables.SelfScrape, Words.Boolean)
        ? SelfScrape.Options(first, SeriesRules.Of(RelabelRules.None, ReadRules(settings, Variables.WriteRelabelConfigs))) : null;

    private static JobOptions ReadJob(Settings settings, IReadOnlyDictionary<string, string?> environment)
    {
        var targets = ReadTargets(settings);
        var kubernetes = KubernetesOptionsReader.Read(settings, environment, isUsed: !settings.IsSet(Variables.Targets));
        var (shard, shards) = ReadShard(settings);
        var scrape = ReadScrape(settings, targets, kubernetes);
        return new()
        {
            Variables = settings.Job,
            Targets = targets,
            Kubernetes = kubernetes with { Scope = DiscoveryScope.Of(scrape.TargetRules) },
            Shard = shard,
            Shards = shards,
            Scrape = scrape,
        };
    }

    /// <summary>Two targets with the same labels write the same series, <c>up</c> among them.</summary>
    private static void WarnOfSharedLabels(Settings settings, ImmutableArray<JobOptions> jobs)
    {
        foreach (var same in jobs.GroupBy(j => j.Scrape.JobName).Where(g => g.Skip(1).Any()))
        {
            if (same.Count(j => j.Scrape.TargetRules.IsEmpty) > 1)
                settings.Warn(Variables.Jobs, $"the label job is {same.Key} for {string.Join(" and ", same.Select(j => j.Scrape.Job))}: "
                    + $"where an address is a target of both, they write one and the same up; tell them apart by {Variables.RelabelConfigs.Name}");
        }
    }

    private static ImmutableArray<StaticTarget> ReadTargets(Settings settings)
    {
        if (settings.ReadText(Variables.Targets, text => text) is { } written
            && written.Contains(JobProfile.HostIp, StringComparison.Ordinal))
        {
            settings.Error(Variables.Targets, "its node is the one of HOST_IP, which is not set",
                $"let the container have HOST_IP by fieldRef status.hostIP, or set {Variables.Targets.Name} like {Variables.Targets.Example}");
            return [];
        }
        var targets = settings.Read(Variables.Targets, StaticTargets.Parse, absent: []);
        var distinct = targets.Distinct().ToImmutableArray();
        if (distinct.Length < targets.Length)
            settings.Warn(Variables.Targets, "a target that is named twice is scraped once", "name it once");
        return distinct;
    }

    private static (int Shard, int Shards) ReadShard(Settings settings)
    {
        var shard = settings.Read(Variables.Shard, Words.Integer(0, int.MaxValue - 1));
        var shards = settings.Read(Variables.Shards, Words.Integer(1, int.MaxValue));
        if (shard >= shards && !settings.IsWrong(Variables.Shard) && !settings.IsWrong(Variables.Shards))
            settings.Error(Variables.Shard, $"not below {Variables.Shards.Name}, which is {shards}; shards count from 0");
        return (shard, shards);
    }

    private static ScrapeOptions ReadScrape(Settings settings, ImmutableArray<StaticTarget> targets, KubernetesOptions kubernetes)
    {
        var interval = settings.Read(Variables.ScrapeInterval, Durations.Within(LeastInterval, Durations.MostForTimers));
        var timeout = settings.Read(Variables.ScrapeTimeout, Durations.Within(Millisecond, Durations.MostForTimers));
        if (timeout > interval && settings.IsSet(Variables.ScrapeTimeout))
        {
            if (!settings.IsWrong(Variables.ScrapeInterval) && !settings.IsWrong(Variables.ScrapeTimeout))
                settings.Error(Variables.ScrapeTimeout, $"longer than the scrape interval of {Durations.Format(interval)}",
                    $"write it like {Durations.Format(interval)}, or raise {Variables.ScrapeInterval.Name}");
        }
        else if (timeout > interval)
        {
            // As Prometheus does: only a timeout that somebody chose can be wrong.
            timeout = interval;
            settings.Derive(Variables.ScrapeTimeout, Durations.Format(timeout));
        }

        var scheme = settings.Read(Variables.Scheme, Words.OneOf(("http", "http"), ("https", "https")));
        var (protocols, native) = ReadProtocols(settings);
        // The service account's token and CA are defaults only for what discovery or a profile says is the cluster's, and only over TLS.
        var isOfCluster = !settings.IsSet(Variables.Targets) || settings.SourceOf(Variables.Targets) == ValueSource.Profile;
        var takesToken = isOfCluster && scheme == "https" && settings.Job.Profile is not { TakesToken: false };
        var plain = targets.IsEmpty ? scheme == "http" : targets.Any(t => (t.Scheme ?? scheme) == "http" && !IsLoopback(t.Address));
        return new()
        {
            Job = settings.Job.Name,
            JobName = settings.Read(Variables.JobName, Texts.ParseLine),
            Interval = interval,
            Timeout = timeout,
            Scheme = scheme,
            MetricsPath = settings.Read(Variables.MetricsPath, Urls.ParsePath),
            Params = settings.ReadText(Variables.Params, Urls.ParseQuery) is { } query ? Urls.Query(Urls.Parameters(query)) : null,
            Http = HttpOptionsReader.Read(settings, Variables.ScrapeHttp, new(
                IsPlain: plain,
                DefaultCredentialsFile: takesToken ? kubernetes.Http.CredentialsFile : null,
                DefaultCaFile: isOfCluster && (targets.IsEmpty || scheme == "https") ? kubernetes.Http.Tls.CaFile : null)) with
            {
                FollowsRedirects = settings.Read(Variables.FollowRedirects, Words.Boolean),
            },
            HonorLabels = settings.Read(Variables.HonorLabels, Words.Boolean),
            HonorTimestamps = settings.Read(Variables.HonorTimestamps, Words.Boolean),
            TrackTimestampsStaleness = settings.Read(Variables.TrackTimestampsStaleness, Words.Boolean),
            Protocols = protocols,
            NativeHistograms = native,
            Reading = ReadReading(settings),
            SampleLimit = settings.Read(Variables.SampleLimit, Words.Integer(0, int.MaxValue)),
            LabelLimits = new(
                settings.Read(Variables.LabelLimit, Words.Integer(0, int.MaxValue)),
                settings.Read(Variables.LabelNameLengthLimit, Words.Integer(0, int.MaxValue)),
                settings.Read(Variables.LabelValueLengthLimit, Words.Integer(0, int.MaxValue))),
            TargetLimit = settings.Read(Variables.TargetLimit, Words.Integer(0, int.MaxValue)),
            BodySizeLimit = settings.Read(Variables.BodySizeLimit, Sizes.Parse),
            TargetRules = ReadRules(settings, Variables.RelabelConfigs),
            SeriesRules = SeriesRules.Of(
                ReadPreset(settings).Then(ReadRules(settings, Variables.MetricRelabelConfigs)),
                ReadRules(settings, Variables.WriteRelabelConfigs)),
            ExternalLabels = ReadExternalLabels(settings),
        };
    }

    /// <summary>As in Prometheus, protobuf goes first where native histograms are wanted and nobody has chosen an order.</summary>
    private static (ImmutableArray<BodyFormat> Protocols, bool? Native) ReadProtocols(Settings settings)
    {
        var protocols = settings.Read(Variables.ScrapeProtocols, ScrapeProtocols.Parse);
        bool? native = settings.IsSet(Variables.ScrapeNativeHistograms)
            ? settings.Read(Variables.ScrapeNativeHistograms, Words.Boolean, absent: false) : null;
        if (native is true && !settings.IsSet(Variables.ScrapeProtocols))
        {
            protocols = protocols.Insert(0, BodyFormat.PrometheusProto);
            settings.Derive(Variables.ScrapeProtocols, string.Join(',', protocols.Select(ScrapeProtocols.Name)));
        }
        if (native is true && !protocols.Contains(BodyFormat.PrometheusProto))
            settings.Warn(Variables.ScrapeNativeHistograms,
                $"{Variables.ScrapeProtocols.Name} lacks PrometheusProto, and no other format carries them");
        settings.Derive(Variables.ScrapeNativeHistograms, native ?? protocols[0] == BodyFormat.PrometheusProto ? "true" : "false");
        return (protocols, native);
    }

    private static BodyReading ReadReading(Settings settings)
    {
        var reading = settings.Read(Variables.BucketLabels, Words.OneOf(
            ("normalized", BodyReading.Usual), ("as_scraped", BodyReading.BoundsAsScraped)));
        if (settings.Read(Variables.AlwaysScrapeClassicHistograms, Words.Boolean))
            reading |= BodyReading.ClassicToo;
        if (!settings.Read(Variables.ConvertClassicHistograms, Words.Boolean))
            return reading;
        if (settings.Read(Variables.RemoteWriteProtocol, text => (Parsed<string>)text) != "2.0")
            settings.Error(Variables.ConvertClassicHistograms, "custom buckets are sent over remote write 2.0 alone",
                $"set {Variables.RemoteWriteProtocol.Name}=2.0, if the receiver stores them (Prometheus from 3.0 on)");
        return reading | BodyReading.ClassicToCustomBuckets;
    }

    private static RelabelRules ReadPreset(Settings settings) =>
        settings.Read(Variables.Preset, Words.OneOf(Presets.All), absent: "") is { Length: > 0 } rules
            ? RelabelConfigs.Read(rules, out _) : RelabelRules.None;

    /// <summary>Each thing that is wrong with a rule is an error of its own.</summary>
    private static RelabelRules ReadRules(Settings settings, Variable variable)
    {
        if (settings.ReadText(variable, text => text) is not { } json)
            return RelabelRules.None;
        var rules = RelabelConfigs.Read(json, out var errors);
        foreach (var error in errors)
            settings.Error(variable, error.Rule is null ? error.Problem : $"{error.Problem}, in {error.Rule}", error.Remedy);
        return rules;
    }

    private static ImmutableArray<KeyValuePair<string, string>> ReadExternalLabels(Settings settings)
    {
        var labels = settings.Read(Variables.ExternalLabels, Labels.Parse, absent: []);
        foreach (var (name, value) in labels)
            if (value.Length == 0)
                settings.Warn(Variables.ExternalLabels, $"label {name} is empty, which is no label, and is left out",
                    "give it a value, or leave it out");
        return labels.RemoveAll(l => l.Value.Length == 0);
    }

    private static RemoteWriteOptions ReadRemoteWrite(Settings settings)
    {
        var url = settings.ReadUrl(Variables.RemoteWriteUrl, Urls.Parse);
        if (!settings.IsSet(Variables.RemoteWriteUrl))
            settings.Error(Variables.RemoteWriteUrl, "not set, and it says where to send",
                $"set it like {Variables.RemoteWriteUrl.Example}");

        var http = HttpOptionsReader.Read(settings, Variables.RemoteWriteHttp, new(
            IsPlain: url is { Scheme: "http", IsLoopback: false }, UserInfo: url?.UserInfo, UrlVariable: Variables.RemoteWriteUrl));
        var minBackoff = settings.Read(Variables.RemoteWriteMinBackoff, Durations.Within(Millisecond, Durations.MostForTimers));
        var maxBackoff = settings.Read(Variables.RemoteWriteMaxBackoff, Durations.Within(Millisecond, Durations.MostForTimers));
        if (minBackoff > maxBackoff
            && !settings.IsWrong(Variables.RemoteWriteMinBackoff) && !settings.IsWrong(Variables.RemoteWriteMaxBackoff))
        {
            if (settings.IsSet(Variables.RemoteWriteMinBackoff))
                settings.Error(Variables.RemoteWriteMinBackoff,
                    $"longer than {Variables.RemoteWriteMaxBackoff.Name}, which is {Durations.Format(maxBackoff)}");
            else
                settings.Error(Variables.RemoteWriteMaxBackoff,
                    $"shorter than {Variables.RemoteWriteMinBackoff.Name}, which is {Durations.Format(minBackoff)}");
        }
        return new()
        {
            // Without a URL there is an error, and these options are thrown away.
            Url = url is null ? null! : WithoutUser(url),
            Headers = settings.Read(Variables.RemoteWriteHeaders, Headers.Parse, absent: []),
            Http = http with { Proxy = HttpOptionsReader.ReadProxy(settings) },
            Timeout = settings.Read(Variables.RemoteWriteTimeout, Durations.Within(Millisecond, Durations.MostForTimers)),
            Protocol = settings.Read(Variables.RemoteWriteProtocol, Words.OneOf(
                ("auto", WriteProtocol.Auto), ("1.0", WriteProtocol.One), ("2.0", WriteProtocol.Two))),
            MaxSamplesPerSend = settings.Read(Variables.RemoteWriteMaxSamplesPerSend, Words.Integer(1, 1_000_000)),
            Concurrency = settings.Read(Variables.RemoteWriteConcurrency, Words.Integer(1, 100)),
            MinBackoff = minBackoff,
            MaxBackoff = maxBackoff,
        };
    }

    private static Uri WithoutUser(Uri url) => url.UserInfo.Length == 0 ? url : new UriBuilder(url) { UserName = "", Password = "" }.Uri;

    private static bool IsLoopback(string address) => new Uri($"http://{address}/").IsLoopback;

    /// <summary>The namespace is the pod's where none is named.</summary>
    private static LeaseOptions? ReadLease(Settings settings, KubernetesOptions kubernetes)
    {
        var parts = settings.Read<string[]>(Variables.KubernetesLease, static text =>
        {
            var parts = text.Split('/');
            foreach (var part in parts)
            {
                if (Texts.ParseKubernetesName(part) is { Problem: { } problem })
                    return new Wrong(problem);
            }
            return parts.Length <= 2 ? parts : new Wrong("neither NAME nor NAMESPACE/NAME");
        }, absent: []);
        if (parts.Length == 0)
            return null;
        var ns = parts.Length == 2 ? parts[0] : PodNamespace(settings.Read(Variables.KubernetesTokenFile, Texts.ParseFile));
        if (ns is null)
            settings.Error(Variables.KubernetesLease, "its namespace is the pod's, and no service account is mounted that would tell it",
                $"write it like monitoring/{parts[^1]}");
        if (kubernetes.ApiServer is null)
            settings.Error(Variables.KubernetesLease, "there is no API server to ask for it",
                $"set {Variables.KubernetesApiServer.Name} like {Variables.KubernetesApiServer.Example}");
        return ns is null || kubernetes.ApiServer is null ? null : new(ns, parts[^1], kubernetes.ApiServer, kubernetes.Http);
    }

    /// <summary>As mounted beside the token; null where it is not.</summary>
    private static string? PodNamespace(string tokenFile)
    {
        try
        {
            var text = File.ReadAllText(Path.Combine(Path.GetDirectoryName(tokenFile) ?? "", "namespace")).Trim();
            return Texts.ParseKubernetesName(text).Value;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static QueueOptions ReadQueue(Settings settings)
    {
        var queue = new QueueOptions
        {
            Directory = settings.ReadText(Variables.QueueDirectory, Texts.ParseLine),
            SizeLimit = settings.Read(Variables.QueueSizeLimit, Sizes.AtLeast(1),
                settings.IsSet(Variables.QueueDirectory) ? QueueOptions.DefaultDirectoryLimit : QueueOptions.DefaultMemoryLimit),
            AgeLimit = settings.Read(Variables.QueueAgeLimit, Durations.Parse),
        };
        if (!settings.IsSet(Variables.QueueSizeLimit))
            settings.Derive(Variables.QueueSizeLimit, Sizes.Format(queue.SizeLimit));
        if (queue.SizeLimit < QueueOptions.SmallLimit && !settings.IsWrong(Variables.QueueSizeLimit))
            settings.Warn(Variables.QueueSizeLimit,
                $"a scrape of more than {Sizes.Format(queue.BodyLimit)} compressed fails, and one of an API server has "
                + $"0.1 to 0.5 MiB: {Sizes.Format(QueueOptions.SmallLimit)} is little, {Sizes.Format(QueueOptions.DefaultMemoryLimit)} the default");
        return queue;
    }

    private static OperationOptions ReadOperation(Settings settings)
    {
        var address = settings.Read(Variables.ListenAddress, text => text.Length == 0 ? text : Hosts.ParseListenAddress(text));
        return new()
        {
            ListenAddress = address.Length == 0 ? null : address,
            LogLevel = settings.Read(Variables.LogLevel, Words.OneOf(
                ("debug", LogLevel.Debug), ("info", LogLevel.Info), ("warn", LogLevel.Warn), ("error", LogLevel.Error))),
            LogFormat = settings.Read(Variables.LogFormat, Words.OneOf(("logfmt", LogFormat.Logfmt), ("json", LogFormat.Json))),
            FinalScrape = settings.Read(Variables.FinalScrape, Words.Boolean),
            ShutdownTimeout = settings.Read(Variables.ShutdownTimeout, Durations.Within(TimeSpan.Zero, Durations.MostForTimers)),
        };
    }
}
