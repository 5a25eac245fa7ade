namespace Sidecar.Commands;

/// <summary>Series that kubernetes-mixin's dashboards and alerts read: no proposal drops them, or alerts would fall silent.</summary>
internal static class ReadByOthers
{
    /// <summary>The histogram of which only some bounds are read.</summary>
    private const string InPart = "apiserver_request_sli_duration_seconds_bucket";

    /// <summary>Bounds of the published latency objectives, seconds: one object, a namespace, the whole cluster.</summary>
    private static readonly double[] Objectives = [1, 5, 30];

    private static readonly HashSet<string> Whole =
    [
        "apiserver_request_total", "apiserver_request_sli_duration_seconds_count", "apiserver_request_terminations_total",
        "apiserver_client_certificate_expiration_seconds_bucket", "apiserver_client_certificate_expiration_seconds_count",
        "aggregator_unavailable_apiservice", "aggregator_unavailable_apiservice_total", "rest_client_requests_total",
        "kubernetes_build_info",
        "workqueue_adds_total", "workqueue_depth", "workqueue_queue_duration_seconds_bucket", "up", "process_resident_memory_bytes",
        "process_cpu_seconds_total", "go_goroutines",
    ];

    public static bool IsWhole(string metric) => Whole.Contains(metric);

    public static bool IsAny(string metric) => IsWhole(metric) || BoundsOf(metric).Length > 0;

    /// <summary>The bounds of this histogram that are read, where not all are; empty for none.</summary>
    public static double[] BoundsOf(string metric) => metric == InPart ? Objectives : [];
}
