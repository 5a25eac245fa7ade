using System.Text.RegularExpressions;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Repository;
using YamlDotNet.RepresentationModel;
using YamlDotNet.Serialization;
using k8s.Models;
using k8s;

namespace Sidecar.Tests.Deploy;

/// <summary>Every overlay and component of src/deploy as a real kubectl renders it, held to the models of the Kubernetes API.</summary>
[Trait("Speed", "Slow")]
public sealed partial class OverlayTests : IDisposable
{
    /// <summary>What the API knows by kind; a field that the model lacks is an error. Custom resources are looked at by hand.</summary>
    private static readonly Dictionary<string, Type> Models = new()
    {
        ["v1 Namespace"] = typeof(V1Namespace),
        ["v1 ServiceAccount"] = typeof(V1ServiceAccount),
        ["v1 Service"] = typeof(V1Service),
        ["rbac.authorization.k8s.io/v1 Role"] = typeof(V1Role),
        ["rbac.authorization.k8s.io/v1 RoleBinding"] = typeof(V1RoleBinding),
        ["rbac.authorization.k8s.io/v1 ClusterRole"] = typeof(V1ClusterRole),
        ["rbac.authorization.k8s.io/v1 ClusterRoleBinding"] = typeof(V1ClusterRoleBinding),
        ["apps/v1 Deployment"] = typeof(V1Deployment),
        ["apps/v1 DaemonSet"] = typeof(V1DaemonSet),
        ["apps/v1 StatefulSet"] = typeof(V1StatefulSet),
        ["networking.k8s.io/v1 NetworkPolicy"] = typeof(V1NetworkPolicy),
        ["policy/v1 PodDisruptionBudget"] = typeof(V1PodDisruptionBudget),
        ["scheduling.k8s.io/v1 PriorityClass"] = typeof(V1PriorityClass),
        ["flowcontrol.apiserver.k8s.io/v1 FlowSchema"] = typeof(V1FlowSchema),
    };

    private static readonly string[] Rights =
    [
        "Namespace sidecar", "ServiceAccount sidecar", "Role sidecar-discovery", "RoleBinding sidecar-discovery",
        "ClusterRole sidecar-metrics", "ClusterRoleBinding sidecar-metrics",
    ];

    private readonly string folder = Directory.CreateTempSubdirectory("sidecar-overlay").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static string Deploy => Path.Combine(RepositoryFiles.Root, "src", "deploy");

    public static TheoryData<string, string[]> Overlays() => new()
    {
        { "", [.. Rights, "Deployment sidecar"] },
        {
            "control-plane",
            ["Namespace sidecar", "ServiceAccount sidecar", "ClusterRoleBinding sidecar-metrics", "DaemonSet sidecar"]
        },
        { "ha", [.. Rights, "Deployment sidecar", "Role sidecar-lease", "RoleBinding sidecar-lease", "PodDisruptionBudget sidecar"] },
        { "persistent", [.. Rights, "Service sidecar", "StatefulSet sidecar"] },
        { "shards", [.. Rights, "Service sidecar", "StatefulSet sidecar"] },
    };

    [Fact]
    public void Tests_here_know_every_overlay_and_component()
    {
        var folders = Directory.EnumerateFiles(Deploy, "kustomization.yaml", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Deploy, Path.GetDirectoryName(f)!).Replace('\\', '/')).Order(StringComparer.Ordinal);
        Assert.Equal(
            [".", "base", "components/flow-schema", "components/network-policy", "components/pod-monitor", "components/priority",
            "components/service", "control-plane", "ha", "persistent", "shards"],
            folders);
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Overlay_holds_these_objects_as_the_API_knows_them(string overlay, string[] expected)
    {
        var documents = await Kubectl.KustomizeAsync(Path.Combine(Deploy, overlay));
        Assert.Equal(expected.Order(StringComparer.Ordinal), documents.Select(Name).Order(StringComparer.Ordinal));
        Assert.All(documents, d => Assert.NotNull(Model(d)));
    }

    [Theory]
    [InlineData("network-policy", "NetworkPolicy sidecar")]
    [InlineData("priority", "PriorityClass sidecar")]
    [InlineData("flow-schema", "FlowSchema sidecar")]
    [InlineData("pod-monitor", "PodMonitor sidecar")]
    [InlineData("service", "Service sidecar")]
    public async Task Component_adds_its_object_to_any_overlay(string component, string added)
    {
        // Those with a StatefulSet have that Service already.
        foreach (var overlay in component == "service" ? [""] : new[] { "", "ha", "persistent", "shards" })
        {
            var before = await Kubectl.KustomizeAsync(Path.Combine(Deploy, overlay));
            var after = await RenderAsync(overlay, $"components: ['{Up($"components/{component}")}']");
            Assert.Equal(before.Select(Name).Append(added).Order(StringComparer.Ordinal), after.Select(Name).Order(StringComparer.Ordinal));
            Assert.All(after.Where(d => d["kind"].Text() != "PodMonitor"), d => Assert.NotNull(Model(d)));
        }
    }

    /// <summary>Nobody's image and nobody's receiver: the API server refuses the object, and what it quotes says what to do.</summary>
    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Unedited_manifests_are_refused_with_our_words(string overlay, string[] objects)
    {
        Assert.NotEmpty(objects);
        var workload = Workload(await Kubectl.KustomizeAsync(Path.Combine(Deploy, overlay)));
        var words = workload["metadata"]["labels"]["sidecar/unedited"].Text();
        // apimachinery/pkg/util/validation, IsValidLabelValue; it quotes the value.
        Assert.DoesNotMatch(LabelValue(), words);
        Assert.InRange(words.Length, 1, 63); // one complaint, not two
        Assert.Equal("set image and SIDECAR_REMOTE_WRITE_URL, then delete this label", words);
        var file = Path.Combine(Directory.CreateTempSubdirectory("sidecar-label").FullName, "object.json");
        await File.WriteAllTextAsync(file, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}""");
        Assert.Contains($"invalid label value: \"sidecar/unedited={words}\": a valid label must",
            await Kubectl.LabelAsync(file, $"sidecar/unedited={words}"));
        Assert.Empty(await Kubectl.LabelAsync(file, "sidecar/unedited=yes"));
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    /// <summary>The overlay that the comment in src/deploy/kustomization.yaml proposes, word by word.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("ha")]
    [InlineData("persistent")]
    [InlineData("shards")]
    public async Task Overlay_of_ones_own_sets_image_and_receiver_without_touching_the_files(string overlay)
    {
        var comment = RepositoryFiles.Read("src", "deploy", "kustomization.yaml").Split('\n')
            .SkipWhile(l => !l.StartsWith("#   apiVersion", StringComparison.Ordinal))
            .TakeWhile(l => l.StartsWith("#   ", StringComparison.Ordinal)).Select(l => l[4..]);
        var text = string.Join('\n', comment).Replace("[sidecar/src/deploy/persistent]", $"['{Up(overlay)}']", StringComparison.Ordinal)
            .Replace("[sidecar/src/deploy/components/priority]", $"['{Up("components/priority")}']", StringComparison.Ordinal);
        Assert.DoesNotContain("sidecar/src", text);
        await File.WriteAllTextAsync(Path.Combine(folder, "kustomization.yaml"), text, TestContext.Current.CancellationToken);
        var workload = Workload(await Kubectl.KustomizeAsync(folder));
        Assert.Equal(["app.kubernetes.io/name"], workload["metadata"]["labels"].Keys());
        Assert.All(((YamlMappingNode)workload["metadata"]["labels"]).Children.Values, v => Assert.Matches(LabelValue(), v.Text()));
        var pod = workload["spec"]["template"]["spec"];
        Assert.Equal("sidecar", pod["priorityClassName"].Text());
        Assert.Equal("YOUR/sidecar:YOUR-TAG", Container(workload)["image"].Text());
        Assert.Equal("{name: SIDECAR_REMOTE_WRITE_URL, value: https://YOUR-RECEIVER/api/v1/write}",
            Container(workload)["env"].Items()[0].Line());
    }

    /// <summary>What the container is given makes four jobs on loopback, with a token for the three that take one.</summary>
    [Fact]
    public async Task Control_plane_is_scraped_node_by_node_without_discovery()
    {
        var documents = await Kubectl.KustomizeAsync(Path.Combine(Deploy, "control-plane"));
        var daemonSet = (V1DaemonSet)Model(documents.Single(d => Name(d) == "DaemonSet sidecar"));
        var pod = daemonSet.Spec.Template.Spec;
        Assert.True(pod.HostNetwork);
        Assert.Equal("system-node-critical", pod.PriorityClassName);
        Assert.Equal("Exists", Assert.Single(pod.Tolerations).OperatorProperty);
        Assert.Equal("", pod.NodeSelector["node-role.kubernetes.io/control-plane"]);
        var binding = (V1ClusterRoleBinding)Model(documents.Single(d => Name(d) == "ClusterRoleBinding sidecar-metrics"));
        Assert.Equal("system:monitoring", binding.RoleRef.Name);
        var environment = Given.Pod([.. pod.Containers.Single().Env
            .Select(e => (e.Name, (string?)e.Value?.Replace("$(NODE_NAME)", "node-a")))]);
        Assert.Empty(OptionsReader.Read(environment).Warnings);
        var jobs = Given.Good(environment).Jobs;
        Assert.Equal(["127.0.0.1:6443", "127.0.0.1:10257", "127.0.0.1:10259", "127.0.0.1:2381"],
            jobs.Select(j => j.Targets.Single().Address));
        Assert.Equal([true, true, true, false], jobs.Select(j => j.Scrape.Http.CredentialsFile is not null));
        Assert.All(jobs, j => Assert.Equal("node-a", TargetBuilder.FromStatic(j.Targets[0], j.Scrape, out _)!.Labels
            .Single(l => l.Key == "instance").Value));
    }

    /// <summary>What the stand-in tests of the lease are given.</summary>
    [Fact]
    public async Task Two_replicas_have_the_rights_that_the_lease_needs_and_are_never_both_gone()
    {
        var documents = await Kubectl.KustomizeAsync(Path.Combine(Deploy, "ha"));
        var deployment = (V1Deployment)Model(Workload(documents));
        Assert.Equal(2, deployment.Spec.Replicas);
        Assert.Equal(("RollingUpdate", "0", "1"), (deployment.Spec.Strategy.Type,
            deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.Value, deployment.Spec.Strategy.RollingUpdate.MaxSurge.Value));
        Assert.NotEmpty(deployment.Spec.Template.Spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution);
        Assert.Equal("sidecar",
            deployment.Spec.Template.Spec.Containers.Single().Env.Single(e => e.Name == "SIDECAR_KUBERNETES_LEASE").Value);
        var role = (V1Role)Model(documents.Single(d => Name(d) == "Role sidecar-lease"));
        Assert.Equal(["create", "get patch"], role.Rules.Select(r => string.Join(' ', r.Verbs)));
        Assert.Equal(["sidecar"], role.Rules[1].ResourceNames);
    }

    [Theory]
    [InlineData("persistent", 1)]
    [InlineData("shards", 3)]
    public async Task Queue_of_a_stateful_set_is_a_volume_that_outlives_the_pod(string overlay, int replicas)
    {
        var set = (V1StatefulSet)Model(Workload(await Kubectl.KustomizeAsync(Path.Combine(Deploy, overlay))));
        Assert.Equal(replicas, set.Spec.Replicas);
        var claim = Assert.Single(set.Spec.VolumeClaimTemplates);
        Assert.Null(set.Spec.Template.Spec.Volumes);
        var container = Assert.Single(set.Spec.Template.Spec.Containers);
        var mount = Assert.Single(container.VolumeMounts);
        Assert.Equal(claim.Metadata.Name, mount.Name);
        Assert.Equal(container.Env.Single(v => v.Name == "SIDECAR_QUEUE_DIRECTORY").Value, mount.MountPath);
        Assert.Equal("2Gi", claim.Spec.Resources.Requests["storage"].ToString());
        // kubectl drain asks no question, and the autoscaler needs no word.
        Assert.DoesNotContain("cluster-autoscaler.kubernetes.io/safe-to-evict", set.Spec.Template.Metadata.Annotations.Keys);
        Assert.Equal("sidecar", set.Spec.ServiceName);
        Assert.Equal(set.Spec.Template.Metadata.Labels, set.Spec.Selector.MatchLabels);
    }

    [Fact]
    public async Task Ordinal_of_a_pod_is_its_shard()
    {
        var set = (V1StatefulSet)Model(Workload(await Kubectl.KustomizeAsync(Path.Combine(Deploy, "shards"))));
        var environment = Assert.Single(set.Spec.Template.Spec.Containers).Env.ToDictionary(v => v.Name);
        Assert.Equal("metadata.labels['apps.kubernetes.io/pod-index']", environment["SIDECAR_SHARD"].ValueFrom.FieldRef.FieldPath);
        Assert.Equal($"{set.Spec.Replicas}", environment["SIDECAR_SHARDS"].Value);
        Assert.Equal("Parallel", set.Spec.PodManagementPolicy);
        // What each pod is started with is right, and together they are all shards.
        for (var ordinal = 0; ordinal < set.Spec.Replicas; ordinal++)
        {
            var given = environment.ToDictionary(v => v.Key, v => v.Value.Value ?? $"{ordinal}");
            given["KUBERNETES_SERVICE_HOST"] = "10.96.0.1";
            given["KUBERNETES_SERVICE_PORT"] = "443";
            var result = OptionsReader.Read(given!);
            Assert.Empty(result.Errors.Select(e => e.ToString()));
            Assert.Empty(result.Warnings.Select(e => e.ToString()));
        }
    }

    [Fact]
    public async Task Flow_schema_takes_the_sidecars_requests_and_no_others()
    {
        var documents = await RenderAsync("", $"components: ['{Up("components/flow-schema")}']");
        var schema = (V1FlowSchema)Model(documents.Single(d => d["kind"].Text() == "FlowSchema"));
        Assert.Equal("workload-high", schema.Spec.PriorityLevelConfiguration.Name);
        // The API server's own: system schemas end at 900, "service-accounts" with workload-low is 9000.
        Assert.InRange(schema.Spec.MatchingPrecedence!.Value, 901, 8999);
        var rule = Assert.Single(schema.Spec.Rules);
        var subject = Assert.Single(rule.Subjects);
        Assert.Equal(("ServiceAccount", "sidecar", "sidecar"),
            (subject.Kind, subject.ServiceAccount.Name, subject.ServiceAccount.NamespaceProperty));
        // The same requests as the rights.
        var role = (V1Role)Model(documents.Single(d => d["kind"].Text() == "Role"));
        Assert.Equal(role.Rules.Select(r => (r.ApiGroups.Single(), r.Resources.Single(), string.Join(' ', r.Verbs))),
            rule.ResourceRules.Select(r => (r.ApiGroups.Single(), r.Resources.Single(), string.Join(' ', r.Verbs))));
        Assert.All(rule.ResourceRules, r => Assert.Equal([role.Metadata.NamespaceProperty], r.Namespaces));
        Assert.Equal(["/metrics"], Assert.Single(rule.NonResourceRules).NonResourceURLs);
    }

    [Fact]
    public async Task Network_policy_and_pod_monitor_select_the_pods_and_name_their_port()
    {
        var documents = await RenderAsync("", $"components: ['{Up("components/network-policy")}', '{Up("components/pod-monitor")}']");
        var labels = Workload(documents)["spec"]["template"]["metadata"]["labels"].Line();
        var policy = documents.Single(d => d["kind"].Text() == "NetworkPolicy")["spec"];
        var monitor = documents.Single(d => d["kind"].Text() == "PodMonitor");
        Assert.Equal(labels, policy["podSelector"]["matchLabels"].Line());
        Assert.Equal("[Ingress, Egress]", policy["policyTypes"].Line());
        Assert.Equal("monitoring.coreos.com/v1", monitor["apiVersion"].Text());
        Assert.Equal(labels, monitor["spec"]["selector"]["matchLabels"].Line());
        // Its value is "sidecar", which alerts.yaml asks for.
        Assert.Equal("app.kubernetes.io/name", monitor["spec"]["jobLabel"].Text());
        var port = Assert.Single(Container(Workload(documents))["ports"].Items());
        Assert.Equal($"[{{path: /metrics, port: {port["name"].Text()}}}]", monitor["spec"]["podMetricsEndpoints"].Line());
        Assert.Equal(port["containerPort"].Text(), policy["ingress"].Items()[0]["ports"].Items()[0]["port"].Text());
    }

    private static string Name(YamlNode document) => $"{document["kind"].Text()} {document["metadata"]["name"].Text()}";

    private static YamlNode Workload(IEnumerable<YamlNode> documents) =>
        Assert.Single(documents, d => d["kind"].Text() is "Deployment" or "StatefulSet" or "DaemonSet");

    private static YamlNode Container(YamlNode workload) => Assert.Single(workload["spec"]["template"]["spec"]["containers"].Items());

    private static object Model(YamlNode document)
    {
        var kind = $"{document["apiVersion"].Text()} {document["kind"].Text()}";
        Assert.True(Models.ContainsKey(kind), $"{kind} is not known here");
        var text = new SerializerBuilder().Build().Serialize(document);
        return KubernetesYaml.LoadAllFromString(text, new Dictionary<string, Type> { [kind.Replace(" ", "/")] = Models[kind] },
            strict: true).Single();
    }

    /// <summary>From the temporary folder to one below src/deploy: kustomize takes relative paths alone.</summary>
    private string Up(string path) => Path.GetRelativePath(folder, Path.Combine(Deploy, path)).Replace('\\', '/');

    private async Task<IReadOnlyList<YamlNode>> RenderAsync(string overlay, string more)
    {
        var text = $"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: ['{Up(overlay)}']\n{more}\n";
        await File.WriteAllTextAsync(Path.Combine(folder, "kustomization.yaml"), text);
        return await Kubectl.KustomizeAsync(folder);
    }

    [GeneratedRegex("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]
    private static partial Regex LabelValue();
}
