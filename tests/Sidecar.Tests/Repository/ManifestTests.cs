using Sidecar.Configuration;
using Sidecar.Hosting;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Repository;

/// <summary>The manifests ask for what the sidecar needs, and for nothing else.</summary>
public sealed class ManifestTests
{
    private static readonly IReadOnlyList<YamlNode> Documents = RepositoryFiles.Yaml("src", "deploy", "base", "sidecar.yaml");

    private static readonly YamlNode StaticPod = Assert.Single(RepositoryFiles.Yaml("src", "deploy", "static-pod.yaml"));

    private static readonly YamlNode Deployment = One("Deployment");

    private static readonly YamlNode Pod = Deployment["spec"]["template"]["spec"];

    private static readonly YamlNode Container = Assert.Single(Pod["containers"].Items());

    private static readonly YamlNode StaticContainer = Assert.Single(StaticPod["spec"]["containers"].Items());

    private static YamlNode One(string kind) => Assert.Single(Documents, d => d["kind"].Text() == kind);

    private static string Name(YamlNode document)
    {
        var metadata = document["metadata"];
        var folder = metadata.Has("namespace") ? metadata["namespace"].Text() + "/" : "";
        return $"{document["kind"].Text()} {folder}{metadata["name"].Text()}";
    }

    [Fact]
    public void Objects_are_these_and_no_others() => Assert.Equal(
        [
            "Namespace sidecar", "ServiceAccount sidecar/sidecar",
            "Role default/sidecar-discovery", "RoleBinding default/sidecar-discovery",
            "ClusterRole sidecar-metrics", "ClusterRoleBinding sidecar-metrics",
            "Deployment sidecar/sidecar",
        ],
        Documents.Select(Name));

    [Fact]
    public void Rights_are_the_least_that_work()
    {
        Assert.Equal(
            "[{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}, "
            + "{apiGroups: [], resources: [endpoints], resourceNames: [kubernetes], verbs: [list, watch]}]",
            One("Role")["rules"].Line());
        // Not one object of the cluster: a path, and only to be read.
        Assert.Equal("[{nonResourceURLs: [/metrics], verbs: [get]}]", One("ClusterRole")["rules"].Line());
    }

    [Theory]
    [InlineData("RoleBinding", "Role", "sidecar-discovery")]
    [InlineData("ClusterRoleBinding", "ClusterRole", "sidecar-metrics")]
    public void Rights_go_to_the_service_account_alone(string binding, string kind, string role)
    {
        Assert.Equal($"{{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {role}}}", One(binding)["roleRef"].Line());
        Assert.Equal("[{kind: ServiceAccount, name: sidecar, namespace: sidecar}]", One(binding)["subjects"].Line());
    }

    [Fact]
    public void One_replica_runs_at_a_time()
    {
        Assert.Equal("1", Deployment["spec"]["replicas"].Text());
        Assert.Equal("{type: Recreate}", Deployment["spec"]["strategy"].Line());
        Assert.Equal(Deployment["spec"]["template"]["metadata"]["labels"].Line(), Deployment["spec"]["selector"]["matchLabels"].Line());
    }

    [Fact]
    public void Deployment_sets_the_receiver_and_the_queue() =>
        Assert.Equal(["SIDECAR_REMOTE_WRITE_URL", "SIDECAR_QUEUE_DIRECTORY", "SIDECAR_SELF_SCRAPE", "POD_NAME"],
            Container["env"].Items().Select(v => v["name"].Text()));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_set_is_a_right_configuration(bool inStaticPod)
    {
        // A pod's own variables; the kubelet puts the downward API's value where $(NODE_NAME) stands.
        var environment = new Dictionary<string, string?>
        {
            ["KUBERNETES_SERVICE_HOST"] = "10.96.0.1",
            ["KUBERNETES_SERVICE_PORT"] = "443",
        };
        foreach (var variable in (inStaticPod ? StaticContainer : Container)["env"].Items().Where(v => v.Has("value")))
        {
            Assert.True(variable["value"].IsString(), $"{variable.Line()} is not a string");
            environment.Add(variable["name"].Text(), variable["value"].Text().Replace("$(NODE_NAME)", "node-1"));
        }

        var result = OptionsReader.Read(environment);

        Assert.Empty(result.Errors.Select(e => e.ToString()));
        Assert.Empty(result.Warnings.Select(w => w.ToString()));
    }

    [Fact]
    public void Pod_has_the_account_and_time_to_flush()
    {
        Assert.Equal("sidecar", Pod["serviceAccountName"].Text());
        Assert.Equal("true", Pod["automountServiceAccountToken"].Text());
        var flush = TimeSpan.FromSeconds(int.Parse(Variables.ShutdownTimeout.Default!.TrimEnd('s')));
        Assert.True(TimeSpan.FromSeconds(int.Parse(Pod["terminationGracePeriodSeconds"].Text())) > flush);
        Assert.Equal("30", Pod["terminationGracePeriodSeconds"].Text());
    }

    [Fact]
    public void Pod_and_container_meet_the_restricted_standard()
    {
        // https://kubernetes.io/docs/concepts/security/pod-security-standards/, restricted
        Assert.Equal(
            "{runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}",
            Pod["securityContext"].Line());
        Assert.Equal(
            "{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}",
            Container["securityContext"].Line());
        Assert.Equal("restricted", One("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"].Text());
        Assert.All(["hostNetwork", "hostPID", "hostIPC"], key => Assert.False(Pod.Has(key)));
    }

    [Fact]
    public void Static_pod_runs_the_sidecar_with_no_more_rights_than_the_deployment() => Assert.Equal(
        "{runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, "
        + "capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}",
        StaticContainer["securityContext"].Line());

    [Fact]
    public void Probes_ask_the_listener()
    {
        var port = Assert.Single(Container["ports"].Items());
        Assert.Equal("{name: http, containerPort: 9090}", port.Line());
        Assert.Equal(":9090", Variables.ListenAddress.Default);
        Assert.Equal("{httpGet: {path: /-/ready, port: http}}", Container["readinessProbe"].Line());
        // Two minutes: a busy node is no reason to lose what is queued.
        Assert.Equal("{httpGet: {path: /-/healthy, port: http}, periodSeconds: 20, failureThreshold: 6}",
            Container["livenessProbe"].Line());

        var listen = StaticContainer["env"].Items().Single(v => v["name"].Text() == "SIDECAR_LISTEN_ADDRESS")["value"].Text();
        var probe = StaticContainer["livenessProbe"]["httpGet"];
        Assert.Equal(listen, $"{probe["host"].Text()}:{probe["port"].Text()}");
        Assert.Equal("/-/healthy", probe["path"].Text());
        // Unready for the receiver's sake would take the API server's pod along.
        Assert.False(StaticContainer.Has("readinessProbe"));
    }

    [Fact]
    public void Resources_are_the_promised_ones()
    {
        const string Promised = "{requests: {cpu: 10m, memory: 24Mi}, limits: {memory: 64Mi}}";
        Assert.Equal(Promised, Container["resources"].Line());
        Assert.Equal(Promised, StaticContainer["resources"].Line());
    }

    [Fact]
    public void Volumes_and_mounts_belong_together()
    {
        Assert.Equal("[{name: queue, emptyDir: {sizeLimit: 2Gi}}]", Pod["volumes"].Line());
        Assert.Equal("[{name: queue, mountPath: /var/lib/sidecar}]", Container["volumeMounts"].Line());

        var mounts = StaticContainer["volumeMounts"].Items();
        Assert.Equal(StaticPod["spec"]["volumes"].Items().Select(v => v["name"].Text()), mounts.Select(v => v["name"].Text()));
        Assert.All(mounts, mount => Assert.Equal(mount["name"].Text() != "sidecar-queue", mount.Has("readOnly")
            && mount["readOnly"].Text() == "true"));
        var mounted = mounts.Select(v => v["mountPath"].Text()).ToArray();
        var files = StaticContainer["env"].Items()
            .Where(v => v["name"].Text().EndsWith("_FILE", StringComparison.Ordinal))
            .Select(v => v["value"].Text()).ToArray();
        Assert.Equal(3, files.Length);
        Assert.All(files, file => Assert.Contains(mounted, path => file == path || file.StartsWith(path + "/", StringComparison.Ordinal)));
    }

    [Fact]
    public void Static_pod_is_a_patch_of_the_api_servers_pod_on_the_nodes_network()
    {
        Assert.Equal("Pod kube-system/kube-apiserver", Name(StaticPod));
        Assert.Equal("v1", StaticPod["apiVersion"].Text());
        Assert.Equal("true", StaticPod["spec"]["hostNetwork"].Text());
        Assert.Contains("{name: SIDECAR_TARGETS, value: 127.0.0.1:6443}", StaticContainer["env"].Items().Select(Yaml.Line));
        Assert.Contains("{name: SIDECAR_TLS_SERVER_NAME, value: kubernetes}", StaticContainer["env"].Items().Select(Yaml.Line));
        Assert.DoesNotContain("INSECURE", RepositoryFiles.Read("src", "deploy", "static-pod.yaml"));
    }

    /// <summary>The API server starts first, its successor waits two seconds at most, and the rest waits on the node.</summary>
    [Fact]
    public void Static_pod_holds_up_neither_the_api_server_nor_its_successor()
    {
        Assert.Equal(["kube-apiserver", "sidecar"],
            StaticPod["spec"]["$setElementOrder/containers"].Items().Select(c => c["name"].Text()));
        Assert.Equal("kube-apiserver", StaticPod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"].Text());
        Assert.Contains("{name: SIDECAR_SHUTDOWN_TIMEOUT, value: 2s}", StaticContainer["env"].Items().Select(Yaml.Line));
        Assert.Contains("{name: SIDECAR_QUEUE_DIRECTORY, value: /var/lib/sidecar}", StaticContainer["env"].Items().Select(Yaml.Line));
        Assert.Contains("{name: sidecar-queue, hostPath: {path: /var/lib/sidecar, type: DirectoryOrCreate}}",
            StaticPod["spec"]["volumes"].Items().Select(Yaml.Line));
    }

    [Fact]
    public void Labels_and_annotations_are_strings()
    {
        var values = Documents.Append(StaticPod).SelectMany(d => d.AllNodes).OfType<YamlMappingNode>()
            .SelectMany(n => n.Children).Where(c => c.Key.Text() is "annotations" or "labels" or "matchLabels")
            .SelectMany(c => ((YamlMappingNode)c.Value).Children.Select(v => v.Value)).ToArray();
        Assert.NotEmpty(values);
        Assert.All(values, value => Assert.True(value.IsString(), value.Text()));
    }

    [Fact]
    public void Images_are_of_this_version()
    {
        Assert.Equal($"registry.example.com/sidecar:{RepositoryFiles.Version}", Container["image"].Text());
        Assert.Equal(Container["image"].Text(), StaticContainer["image"].Text());
    }

    /// <summary>
    /// The static pod is for the kubelet, the rules for Prometheus and the dashboards for Grafana; none is for the API server.
    /// </summary>
    [Theory]
    [InlineData("base", "sidecar.yaml")]
    [InlineData("", "base")]
    public void Kustomization_lists_the_manifests_and_moves_nothing_to_another_namespace(string folder, string resource)
    {
        var kustomization = Assert.Single(RepositoryFiles.Yaml("src", "deploy", folder, "kustomization.yaml"));
        Assert.Equal(["apiVersion", "kind", "resources"], kustomization.Keys());
        Assert.Equal("kustomize.config.k8s.io/v1beta1", kustomization["apiVersion"].Text());
        Assert.Equal([resource], kustomization["resources"].Texts());
    }
}
