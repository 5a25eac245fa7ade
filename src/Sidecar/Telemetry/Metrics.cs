using System.Buffers;
using System.Security.Cryptography;
using Sidecar.Primitives;

namespace Sidecar.Telemetry;

/// <summary>The sidecar's own metrics, with Prometheus's names and labels where meanings are the same, for dashboards.</summary>
/// <param name="remote">Labels of what is sent.</param>
internal sealed class Metrics(string remote, TimeProvider time)
{
    /// <summary>Prometheus's buckets for this one: the client library's defaults and four long ones.</summary>
    private static readonly double[] SendBuckets = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60, 120, 300];

    private static readonly Condition[] AllConditions = Enum.GetValues<Condition>();

    private readonly ProcessMetrics process = new(time);
    private readonly CounterBy<WatchEventType>[] kubernetesEvents = [Events("endpointslice"), Events("endpoints"), Events("service")];
    private long conditions;

    /// <param name="remoteWriteUrl">Labels what is sent. Only scheme, host and path appear: user info and query may hold secrets.</param>
    /// <param name="jobName">The scrape configuration's name, label <c>config</c> of discovery.</param>
    /// <param name="scrapeInterval">Label <c>interval</c> of the interval summary.</param>
    /// <param name="time">Tells when the process started: make this object first thing.</param>
    public Metrics(Uri remoteWriteUrl, string jobName, TimeSpan scrapeInterval, TimeProvider time)
        : this(RemoteLabels(remoteWriteUrl), time)
    {
        AddJob(jobName, scrapeInterval);
        Leading.Set(1);
    }

    /// <summary>To be called before anything else uses them.</summary>
    public void AddJob(string name, TimeSpan interval)
    {
        Jobs.Add(new(name, interval,
            Jobs.Find(j => j.Interval == interval)?.IntervalLength ?? new("prometheus_target_interval_length_seconds",
                "Actual time between scrapes of one target.", MetricsText.Label("interval", DurationText.Format(interval))),
            new("prometheus_sd_discovered_targets", "Targets that discovery knows now.",
                MetricsText.Join(MetricsText.Label("config", name), MetricsText.Label("name", "scrape")))));
    }

    /// <summary>That of the only one where the name is empty.</summary>
    public JobMetrics Job(string name) => Jobs.Find(j => j.Name == name) ?? Jobs[0];

    // Remote write

    public Counter SamplesTotal { get; } =
        new("prometheus_remote_storage_samples_total", "Samples sent to remote storage, each try counted.", remote);
    public Counter SamplesFailedTotal { get; } =
        new("prometheus_remote_storage_samples_failed_total", "Samples that remote storage refused for good.", remote);
    public Counter SamplesRetriedTotal { get; } =
        new("prometheus_remote_storage_samples_retried_total", "Samples sent again after a failure.", remote);
    public CounterBy<DropReason> SamplesDroppedTotal { get; } = new("prometheus_remote_storage_samples_dropped_total",
        "Samples not delivered, by reason.", "reason", Enum.GetValues<DropReason>(), remote);
    public Counter HistogramsTotal { get; } =
        new("prometheus_remote_storage_histograms_total", "Native histograms sent to remote storage, each try counted.", remote);
    public Counter HistogramsFailedTotal { get; } =
        new("prometheus_remote_storage_histograms_failed_total", "Native histograms that remote storage refused for good.", remote);
    public Counter ExemplarsTotal { get; } =
        new("prometheus_remote_storage_exemplars_total", "Exemplars sent to remote storage, each try counted.", remote);
    public Counter ExemplarsFailedTotal { get; } =
        new("prometheus_remote_storage_exemplars_failed_total", "Exemplars that remote storage refused for good.", remote);
    public Counter MetadataTotal { get; } = new("prometheus_remote_storage_metadata_total",
        "Metadata entries sent to remote storage by themselves, as in remote write 1.0.", remote);
    public Counter MetadataFailedTotal { get; } =
        new("prometheus_remote_storage_metadata_failed_total", "Metadata entries that remote storage did not accept.", remote);
    public Gauge SamplesPending { get; } = new("prometheus_remote_storage_samples_pending", "Samples waiting to be sent.", remote);
    public Counter BytesTotal { get; } =
        new("prometheus_remote_storage_bytes_total", "Bytes of requests sent to remote storage, after compression.", remote);
    public Counter SamplesAccepted { get; } =
        new("sidecar_samples_accepted_total", "Samples that remote storage accepted, each once.", remote);
    public Counter BytesAccepted { get; } =
        new("sidecar_bytes_accepted_total", "Bytes of requests that remote storage accepted, after compression.", remote);
    public Histogram SentBatchDuration { get; } =
        new("prometheus_remote_storage_sent_batch_duration_seconds", "How long sending one request took.", remote, SendBuckets);
    public Gauge QueueHighestTimestampSeconds { get; } = new("prometheus_remote_storage_queue_highest_timestamp_seconds",
        "Highest timestamp that entered the queue, in seconds since 1970.", remote);

    /// <summary>Not advanced by what was dropped.</summary>
    public Gauge QueueHighestSentTimestampSeconds { get; } = new("prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
        "Highest timestamp that remote storage accepted, in seconds since 1970.", remote);

    // Scraping

    public CounterBy<FailureReason> ScrapeFailures { get; } =
        new("sidecar_scrape_failures_total", "Failed scrapes, by reason.", "reason", Enum.GetValues<FailureReason>()[1..]);

    public Counter ExceededBodySizeLimit { get; } =
        new("prometheus_target_scrapes_exceeded_body_size_limit_total", "Scrapes that failed on the body size limit.");

    public Counter ExceededSampleLimit { get; } =
        new("prometheus_target_scrapes_exceeded_sample_limit_total", "Scrapes that failed on the sample limit.");

    public Counter ExceededTargetLimit { get; } =
        new("prometheus_target_scrape_pool_exceeded_target_limit_total", "Times that discovery named more targets than the target limit.");

    public Counter SampleDuplicateTimestamp { get; } =
        new("prometheus_target_scrapes_sample_duplicate_timestamp_total", "Samples left out because their series came twice in a scrape.");

    public Counter SampleOutOfOrder { get; } =
        new("prometheus_target_scrapes_sample_out_of_order_total", "Samples left out because their timestamp went back.");

    public Counter SampleOutOfBounds { get; } =
        new("prometheus_target_scrapes_sample_out_of_bounds_total", "Samples left out because their timestamp lies too far ahead.");

    public Counter HistogramsNotConverted { get; } =
        new("sidecar_histograms_not_converted_total", "Classic histograms that were to be sent as native ones and make none, in each scrape.");

    /// <summary>Of the first job first.</summary>
    public List<JobMetrics> Jobs { get; } = [];

    // Discovery

    public CounterBy<WatchEventType> KubernetesEvents(ObjectKind kind) => kubernetesEvents[(int)kind];

    public Counter KubernetesFailures { get; } =
        new("prometheus_sd_kubernetes_failures_total", "Requests of discovery to the API server that failed.");

    // Queue

    public Gauge QueueScrapes { get; } = new("sidecar_queue_scrapes", "Scrapes waiting in the queue.");
    public Gauge QueueBytes { get; } = new("sidecar_queue_bytes", "Bytes of compressed scrapes waiting in the queue.");

    public Gauge QueueOldestTimestampSeconds { get; } =
        new("sidecar_queue_oldest_timestamp_seconds", "Time of the oldest scrape in the queue, in seconds since 1970; 0 when it is empty.");

    public Counter QueueDamagedFiles { get; } =
        new("sidecar_queue_damaged_files_total",
            "Unusable files of the queue directory: moved to damaged/, or left in place (links, pipes, no permission).");

    public Counter QueueDirectoryFailures { get; } = new("sidecar_queue_directory_failures_total", "Failed calls to the queue directory.");

    public Gauge QueueDirectoryHanging { get; } =
        new("sidecar_queue_directory_hanging", "1 while a call to the queue directory does not come back, else 0.");

    public Gauge QueueAheadScrapes { get; } =
        new("sidecar_queue_ahead_scrapes", "Scrapes from before the start whose time lies more than ten minutes ahead of the clock.");

    public CounterBy<DropReason> QueueDroppedScrapes { get; } = new("sidecar_queue_dropped_scrapes_total",
        "Scrapes dropped from the queue before all of it was delivered, by reason.", "reason",
        [DropReason.QueueSize, DropReason.QueueAge, DropReason.Shutdown, DropReason.Damaged]);

    // The judgement

    /// <summary>A bit for each <see cref="Condition"/> that holds.</summary>
    public long Conditions
    {
        get => Interlocked.Read(ref conditions);
        set => Interlocked.Exchange(ref conditions, value);
    }

    public Gauge QueueRoomSeconds { get; } = new("sidecar_queue_room_seconds",
        "How long nothing could be sent before the queue is full and the oldest scrapes go, at the rate of now.");

    public Gauge HighestTargets { get; } = new("sidecar_targets_highest_1h",
        "The most targets that there were at one time in the last hour.");

    public Gauge TargetsDown { get; } = new("sidecar_targets_down", "Targets whose last scrape failed.");

    public Gauge LastAcceptedSeconds { get; } = new("sidecar_last_accepted_timestamp_seconds",
        "When remote storage last accepted a request, in seconds since 1970; 0 for never.");

    public Gauge DiscoveryAnsweredSeconds { get; } = new("sidecar_discovery_answered_timestamp_seconds",
        "When discovery last had an answer of the API server, in seconds since 1970; 0 for never and for static targets.");

    public Gauge Leading { get; } = new("sidecar_leading", "1 where this process scrapes: it holds the lease, or needs none.");
    public Gauge WriteVersion { get; } = new("sidecar_remote_write_version", "The version of remote write in use: 1 or 2.");

    public Gauge ExpirySeconds { get; } = new("sidecar_credentials_expiry_timestamp_seconds",
        "When the first token, client certificate or CA that the sidecar uses expires, in seconds since 1970; 0 where none is known to.");

    // The process

    public CounterBy<ProcessLoop> InternalErrors { get; } = new("sidecar_internal_errors_total",
        "Exceptions that nobody expected, by the loop that caught them and went on.", "loop", Enum.GetValues<ProcessLoop>());

    /// <summary>The version of this build, as in <c>sidecar version</c> and the User-Agent.</summary>
    public static string Version { get; } = typeof(Metrics).Assembly.GetName().Version?.ToString(3) ?? "unknown";

    private static string SystemName => OperatingSystem.IsLinux() ? "linux" : OperatingSystem.IsMacOS() ? "darwin" : "windows";

    /// <summary>Prometheus names an unnamed remote by six digits of a hash of its configuration.</summary>
    private static string RemoteLabels(Uri remoteWriteUrl)
    {
        var url = remoteWriteUrl.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(url)).AsSpan(0, 3));
        return MetricsText.Join(MetricsText.Label("remote_name", name), MetricsText.Label("url", url));
    }

    private static CounterBy<WatchEventType> Events(string role) => new("prometheus_sd_kubernetes_events_total",
        "Events of watches, by what became of the object.", "event",
        [WatchEventType.Added, WatchEventType.Modified, WatchEventType.Deleted],
        MetricsText.Label("role", role),
        type => type switch
        {
            WatchEventType.Added => "add",
            WatchEventType.Modified => "update",
            _ => "delete",
        });

    /// <summary>Writes all of them in text format 0.0.4 (<see cref="MetricsText.ContentType"/>).</summary>
    public void Write(IBufferWriter<byte> output)
    {
        var text = new MetricsText(output);
        Write(text,
        [
            SamplesTotal, SamplesFailedTotal, SamplesRetriedTotal, SamplesDroppedTotal, HistogramsTotal, HistogramsFailedTotal,
            ExemplarsTotal, ExemplarsFailedTotal, MetadataTotal, MetadataFailedTotal, SamplesPending, BytesTotal, SamplesAccepted,
            BytesAccepted, SentBatchDuration, QueueHighestTimestampSeconds, QueueHighestSentTimestampSeconds, ScrapeFailures,
            ExceededBodySizeLimit, ExceededSampleLimit, ExceededTargetLimit, SampleDuplicateTimestamp, SampleOutOfOrder, SampleOutOfBounds,
            HistogramsNotConverted, .. Jobs.Select(j => j.IntervalLength).Distinct(), .. Jobs.Select(j => j.DiscoveredTargets),
            KubernetesFailures, .. kubernetesEvents, QueueScrapes, QueueBytes, QueueOldestTimestampSeconds, QueueDamagedFiles,
            QueueDirectoryFailures, QueueDirectoryHanging, QueueAheadScrapes, QueueDroppedScrapes,
        ]);
        foreach (var condition in AllConditions)
            text.Single("sidecar_condition", "gauge", "1 while a condition holds that the page and /-/ready tell of, else 0.",
                Conditions >> (int)condition & 1, MetricsText.Label("condition", Word.Of(condition)));
        Write(text,
        [
            QueueRoomSeconds, HighestTargets, TargetsDown, LastAcceptedSeconds, DiscoveryAnsweredSeconds, WriteVersion, Leading,
            ExpirySeconds, InternalErrors,
        ]);
        text.Single("prometheus_build_info", "gauge", "Always 1; its labels tell the version.", 1,
            MetricsText.Join(MetricsText.Label("version", Version), MetricsText.Label("goos", SystemName)));
        process.Write(text);
    }

    private static void Write(MetricsText text, ReadOnlySpan<IMetric> metrics)
    {
        foreach (var metric in metrics)
            metric.Write(text);
    }
}
