using Cluster;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Repository;

/// <summary>The manifests ask for what the sidecar needs and for nothing more.</summary>
public sealed class ManifestTests
{
    private static readonly string Folder = Path.Combine(SidecarBinary.RepositoryRoot, "src", "deploy");

    [Fact]
    public void The_kustomization_lists_files_that_exist()
    {
        var kustomization = Load("kustomization.yaml").Single();
        Assert.All(Items(kustomization, "resources"), file => Assert.True(File.Exists(Path.Combine(Folder, file.ToString())), file.ToString()));
        var image = Items(kustomization, "images").Single();
        Assert.Equal(Text(Container(), "image"), Text(image, "name"));
    }

    [Fact]
    public void Rights_are_the_least_that_work()
    {
        var documents = Load("sidecar.yaml");
        var role = Kind(documents, "Role");
        Assert.Equal("default", Text(role, "metadata", "namespace"));
        Assert.Equal(["discovery.k8s.io/endpointslices: get list watch", "/endpoints: get list watch"], Items(role, "rules").Select(r =>
            $"{string.Join(',', Items(r, "apiGroups"))}/{string.Join(',', Items(r, "resources"))}: {string.Join(' ', Items(r, "verbs"))}"));
        // The only right for all of the cluster is to a path, not to objects.
        var rule = Items(Kind(documents, "ClusterRole"), "rules").Single();
        Assert.Equal(["nonResourceURLs", "verbs"], ((YamlMappingNode)rule).Children.Keys.Select(k => k.ToString()));
        Assert.Equal("/metrics", Items(rule, "nonResourceURLs").Single().ToString());
        Assert.Equal("get", Items(rule, "verbs").Single().ToString());
        foreach (var binding in new[] { "RoleBinding", "ClusterRoleBinding" })
        {
            var subject = Items(Kind(documents, binding), "subjects").Single();
            Assert.Equal(Text(Kind(documents, "ServiceAccount"), "metadata", "name"), Text(subject, "name"));
            Assert.Equal(Text(Kind(documents, "ServiceAccount"), "metadata", "namespace"), Text(subject, "namespace"));
        }
    }

    [Fact]
    public void The_deployment_is_one_small_unprivileged_container_with_one_variable()
    {
        var deployment = Kind(Load("sidecar.yaml"), "Deployment");
        var pod = Node(deployment, "spec", "template", "spec");
        var container = Container();
        Assert.Equal("1", Text(deployment, "spec", "replicas"));
        Assert.Equal("Recreate", Text(deployment, "spec", "strategy", "type"));
        Assert.Equal("SIDECAR_REMOTE_WRITE_URL", Text(Items(container, "env").Single(), "name"));
        Assert.Equal(["10m", "24Mi", "64Mi"],
        [
            Text(container, "resources", "requests", "cpu"), Text(container, "resources", "requests", "memory"), Text(container, "resources", "limits", "memory"),
        ]);
        Assert.Equal("/-/ready", Text(container, "readinessProbe", "httpGet", "path"));
        Assert.Equal("/-/healthy", Text(container, "livenessProbe", "httpGet", "path"));
        Assert.Equal("true", Text(pod, "securityContext", "runAsNonRoot"));
        Assert.Equal("65532", Text(pod, "securityContext", "runAsUser"));
        Assert.Equal("RuntimeDefault", Text(pod, "securityContext", "seccompProfile", "type"));
        AssertConfined(container);
        Assert.True(int.Parse(Text(pod, "terminationGracePeriodSeconds")) > 20);
        var mount = Items(container, "volumeMounts").Single();
        var volume = Items(pod, "volumes").Single();
        Assert.Equal(Text(mount, "name"), Text(volume, "name"));
        Assert.NotNull(Node(volume, "emptyDir"));
    }

    [Fact]
    public void The_static_pod_scrapes_its_own_address_with_mounted_files()
    {
        var pod = Load("static-pod.yaml").Single();
        var container = Items(Node(pod, "spec"), "containers").Single();
        var environment = Items(container, "env").ToDictionary(e => Text(e, "name"), e => Text(e, "value"));
        Assert.Equal("127.0.0.1:6443", environment["SIDECAR_TARGETS"]);
        var mount = Text(Items(container, "volumeMounts").Single(), "mountPath");
        Assert.All(environment.Where(e => e.Key.EndsWith("_FILE", StringComparison.Ordinal)), e => Assert.StartsWith(mount + "/", e.Value));
        Assert.Equal("true", Text(pod, "spec", "hostNetwork"));
        AssertConfined(container);
    }

    private static void AssertConfined(YamlNode container)
    {
        Assert.Equal("false", Text(container, "securityContext", "allowPrivilegeEscalation"));
        Assert.Equal("true", Text(container, "securityContext", "readOnlyRootFilesystem"));
        Assert.Equal("ALL", Items(Node(container, "securityContext", "capabilities"), "drop").Single().ToString());
    }

    private static YamlNode Container() =>
        Items(Node(Kind(Load("sidecar.yaml"), "Deployment"), "spec", "template", "spec"), "containers").Single();

    private static List<YamlNode> Load(string file)
    {
        var yaml = new YamlStream();
        using var text = File.OpenText(Path.Combine(Folder, file));
        yaml.Load(text);
        return [.. yaml.Documents.Select(d => d.RootNode)];
    }

    private static YamlNode Kind(List<YamlNode> documents, string kind) => documents.Single(d => Text(d, "kind") == kind);

    private static YamlNode Node(YamlNode node, params string[] path) => path.Aggregate(node, (at, key) => at[key]);

    private static string Text(YamlNode node, params string[] path) => Node(node, path).ToString();

    private static IEnumerable<YamlNode> Items(YamlNode node, string key) => (YamlSequenceNode)node[key];
}
