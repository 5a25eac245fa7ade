namespace Sidecar.Relabeling;

/// <summary>Metric relabel rules that go by a name: what SIDECAR_PRESET can be. The README tells what each rule saves.</summary>
internal static class Presets
{
    /// <summary>
    /// kube-apiserver without what its size comes from. Sums and counts of all histograms stay, and of the latency histograms the
    /// buckets of the published objectives (1 s, 5 s, 30 s; kubernetes-mixin) and enough others for quantiles to mean something. Buckets
    /// are named that go, not those that stay: what a later Kubernetes adds is not lost. etcd keeps 0.005 and 0.025, between which its
    /// usual answers lie. The first rule is for Kubernetes up to 1.27, which serves the same histogram under two names.
    /// </summary>
    public const string ApiServerLean = """
        [
          {"source_labels":["__name__"],"action":"drop","regex":"apiserver_request_slo_duration_seconds_(bucket|sum|count)"},
          {"source_labels":["__name__","le"],"action":"drop",
           "regex":"(apiserver_request_duration|apiserver_request_sli_duration)_seconds_bucket;(0\\.005|0\\.025|0\\.05|0\\.2|0\\.6|0\\.8|1\\.25|1\\.5|2|3|4|6|8|15|20|45|60)(\\.0)?"},
          {"source_labels":["__name__","le"],"action":"drop",
           "regex":"etcd_request_duration_seconds_bucket;(0\\.05|0\\.2|0\\.6|0\\.8|1\\.25|1\\.5|2|3|4|6|8|15|20|45|60)(\\.0)?"},
          {"source_labels":["__name__"],"action":"drop","regex":"apiserver_(request_body_size_bytes|response_sizes|watch_events_sizes)_bucket"},
          {"source_labels":["__name__"],"action":"drop","regex":"apiserver_watch_(cache_read_wait|list_duration)_seconds_bucket"},
          {"source_labels":["__name__"],"action":"drop",
           "regex":"apiserver_flowcontrol_(priority_level_request_utilization|priority_level_seat_utilization|demand_seats|read_vs_write_current_requests)_bucket"}
        ]
        """;

    public static readonly (string Name, string Rules)[] All = [("apiserver-lean", ApiServerLean)];
}
