namespace Sidecar.Configuration;

/// <summary>Defaults of a job with a well-known name: where kubeadm puts the component, and how to scrape it.</summary>
/// <param name="Values">As one would write them.</param>
internal sealed record JobProfile(string Name, ImmutableArray<(Variable Variable, string Value)> Values)
{
    /// <summary>In a value, the address of the node, from the variable of that name: Kubernetes sets it by <c>status.hostIP</c>.</summary>
    public const string HostIp = "$(HOST_IP)";

    private const string EksPath = "/apis/metrics.eks.amazonaws.com/v1/";

    public static readonly ImmutableArray<JobProfile> All =
    [
        ApiServer("apiserver", "/metrics"),
        ApiServer("apiserver-slis", "/metrics/slis"),
        OfNode("kube-controller-manager", "127.0.0.1:10257", "/metrics"),
        OfNode("kube-scheduler", "127.0.0.1:10259", "/metrics"),
        new("etcd",
        [
            (Variables.Targets, "127.0.0.1:2381"), .. Service("kube-system", "etcd", "http-metrics"),
            (Variables.Scheme, "http"), (Variables.MetricsPath, "/metrics"),
        ]) { TakesToken = false },
        new("coredns",
        [
            (Variables.Targets, ""), .. Service("kube-system", "kube-dns", "metrics"),
            (Variables.Scheme, "http"), (Variables.MetricsPath, "/metrics"),
        ]) { TakesToken = false },
        OfNode("kubelet", HostIp + ":10250", "/metrics"),
        OfNode("kubelet-cadvisor", HostIp + ":10250", "/metrics/cadvisor"),
        OfNode("kubelet-resource", HostIp + ":10250", "/metrics/resource"),
        OfNode("kubelet-probes", HostIp + ":10250", "/metrics/probes"),
        ApiServer("eks-kube-controller-manager", EksPath + "kcm/container/metrics", jobName: "kube-controller-manager"),
        ApiServer("eks-kube-scheduler", EksPath + "ksh/container/metrics", jobName: "kube-scheduler"),
    ];

    /// <summary>It knows what the service account's token is.</summary>
    public bool TakesToken { get; init; } = true;

    public static JobProfile? Find(string name) => All.FirstOrDefault(p => p.Name == name);

    /// <summary>Served by the API servers, whose own addresses may be named for all jobs.</summary>
    private static JobProfile ApiServer(string name, string path, string? jobName = null) => new(name,
    [
        .. Service("default", "kubernetes", "https"), (Variables.Scheme, "https"), (Variables.MetricsPath, path),
        (Variables.JobName, jobName ?? name),
    ]);

    /// <summary>A component of this node with a self-signed certificate. Its Service, if any, has kube-prometheus's name.</summary>
    private static JobProfile OfNode(string name, string address, string path) => new(name,
    [
        (Variables.Targets, address),
        .. Service("kube-system", name.StartsWith("kubelet", StringComparison.Ordinal) ? "kubelet" : name, "https-metrics"),
        (Variables.Scheme, "https"), (Variables.MetricsPath, path), (Variables.ScrapeHttp.InsecureSkipVerify, "true"),
    ]);

    private static (Variable Variable, string Value)[] Service(string ns, string service, string port) =>
    [
        (Variables.KubernetesNamespace, ns), (Variables.KubernetesService, service), (Variables.KubernetesPortName, port),
    ];
}
