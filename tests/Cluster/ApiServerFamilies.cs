using System.Globalization;
using System.Text;

namespace Cluster;

/// <summary>
/// The families of a real kube-apiserver that are few in series and much in use: what dashboards and alerts look at beside the long
/// histograms. Names, types and labels are those of 1.36.
/// </summary>
internal static class ApiServerFamilies
{
    /// <summary>How a value goes from scrape to scrape.</summary>
    private enum Course
    {
        /// <summary>Up and down around its size.</summary>
        Wavers,
        Grows,
    }

    private static readonly string[] WaitBounds =
        ["0", "0.005", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "15", "30", "+Inf"];

    private static readonly string[] AdmissionBounds = ["0.005", "0.025", "0.1", "0.5", "1", "2.5", "+Inf"];

    private static readonly string[] ExpirationBounds =
        ["0", "1800", "3600", "7200", "21600", "43200", "86400", "172800", "345600", "604800", "2.592e+06", "7.776e+06", "1.5552e+07",
            "3.1104e+07", "+Inf"];

    private static readonly string[] Levels = ["global-default", "leader-election", "node-high", "system", "workload-high", "workload-low"];

    private static readonly (string Name, Course Course, double Size, string[] Labels)[] Plain =
    [
        ("aggregator_unavailable_apiservice", Course.Wavers, 0, ["name=\"v1.\"", "name=\"v1beta1.metrics.k8s.io\""]),
        ("apiserver_current_inflight_requests", Course.Wavers, 12, ["request_kind=\"mutating\"", "request_kind=\"readOnly\""]),
        ("apiserver_flowcontrol_current_executing_seats", Course.Wavers, 8, Of(Levels, l => $"flow_schema=\"{l}\",priority_level=\"{l}\"")),
        ("apiserver_flowcontrol_current_inqueue_requests", Course.Wavers, 0,
            Of(Levels, l => $"flow_schema=\"{l}\",priority_level=\"{l}\"")),
        ("apiserver_flowcontrol_current_limit_seats", Course.Wavers, 98, Of(Levels, l => $"priority_level=\"{l}\"")),
        ("apiserver_flowcontrol_dispatched_requests_total", Course.Grows, 300,
            Of(Levels, l => $"flow_schema=\"{l}\",priority_level=\"{l}\"")),
        ("apiserver_longrunning_requests", Course.Wavers, 40,
            Of(["configmaps", "pods", "secrets"], r => "component=\"apiserver\",group=\"\",resource=\"" + r
                + "\",scope=\"cluster\",subresource=\"\",verb=\"WATCH\",version=\"v1\"")),
        ("apiserver_resource_objects", Course.Wavers, 900, Of(["configmaps", "pods", "secrets"], r => $"group=\"\",resource=\"{r}\"")),
        ("apiserver_storage_size_bytes", Course.Wavers, 45e6, ["storage_cluster_id=\"etcd-0\""]),
        ("apiserver_tls_handshake_errors_total", Course.Grows, 0.2, [""]),
        ("apiserver_watch_cache_initializations_total", Course.Grows, 0, Of(["configmaps", "pods"], r => $"group=\"\",resource=\"{r}\"")),
        ("apiserver_watch_events_total", Course.Grows, 25, Of(["configmaps", "pods"], r => $"group=\"\",resource=\"{r}\",version=\"v1\"")),
        ("authentication_attempts", Course.Grows, 200, ["result=\"success\""]),
        ("etcd_requests_total", Course.Grows, 80,
            Of(["create", "get", "list", "update"], o => $"group=\"\",operation=\"{o}\",resource=\"pods\"")),
        ("go_goroutines", Course.Wavers, 5_700, [""]),
        ("process_cpu_seconds_total", Course.Grows, 1.5, [""]),
        ("process_resident_memory_bytes", Course.Wavers, 4e8, [""]),
        ("process_start_time_seconds", Course.Wavers, 0, [""]),
        ("workqueue_depth", Course.Wavers, 1, ["name=\"DiscoveryController\"", "name=\"crdEstablishing\""]),
    ];

    private static readonly (string Name, string[] Bounds, string[] Labels)[] Histograms =
    [
        ("apiserver_admission_controller_admission_duration_seconds", AdmissionBounds,
            Of(["MutatingAdmissionWebhook", "ResourceQuota"], n => $"name=\"{n}\",operation=\"CREATE\",rejected=\"false\",type=\"admit\"")),
        ("apiserver_client_certificate_expiration_seconds", ExpirationBounds, [""]),
        ("apiserver_flowcontrol_request_wait_duration_seconds", WaitBounds,
            Of(["system", "workload-low"], l => $"execute=\"true\",flow_schema=\"{l}\",priority_level=\"{l}\"")),
    ];

    /// <summary>Samples that <see cref="Write"/> writes.</summary>
    public static int Samples { get; } = Plain.Sum(f => f.Labels.Length) + Histograms.Sum(h => h.Labels.Length * (h.Bounds.Length + 2));

    public static string Write(int scrapeIndex)
    {
        var text = new StringBuilder();
        foreach (var (name, course, size, labels) in Plain)
        {
            text.Append($"# HELP {name} [STABLE] What the name says.\n# TYPE {name} {(course == Course.Grows ? "counter" : "gauge")}\n");
            for (var i = 0; i < labels.Length; i++)
                text.Append($"{name}{Braces(labels[i])} {Text(Value(course, size, i, scrapeIndex))}\n");
        }
        foreach (var (name, bounds, labels) in Histograms)
        {
            text.Append($"# HELP {name} [STABLE] Distribution of what the name says.\n# TYPE {name} histogram\n");
            foreach (var own in labels)
            {
                var comma = own.Length == 0 ? "" : ",";
                var count = 20L * scrapeIndex;
                for (var i = 0; i < bounds.Length; i++)
                    text.Append($"{name}_bucket{{{own}{comma}le=\"{bounds[i]}\"}} {count * i / (bounds.Length - 1)}\n");
                text.Append($"{name}_sum{Braces(own)} {Text(count * 0.5)}\n{name}_count{Braces(own)} {count}\n");
            }
        }
        return text.ToString();
    }

    private static string[] Of(string[] names, Func<string, string> labels) => [.. names.Select(labels)];

    private static string Braces(string labels) => labels.Length == 0 ? "" : $"{{{labels}}}";

    private static double Value(Course course, double size, int index, int scrapeIndex) => course == Course.Grows
        ? size * (index + 1) * scrapeIndex
        : Math.Round(size * (1 + 0.2 * Math.Sin(index + scrapeIndex / 8.0)));

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
