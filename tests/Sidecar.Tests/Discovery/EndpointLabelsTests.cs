using Sidecar.Discovery;

namespace Sidecar.Tests.Discovery;

/// <summary>Against discovery/kubernetes/endpointslice.go and endpoints.go; the other kind's spelling of the same is set too.</summary>
public sealed class EndpointLabelsTests
{
    private const string Prefix = "__meta_kubernetes_";

    [Fact]
    public void A_slice_gives_every_label_in_both_spellings()
    {
        var endpoint = new Endpoint
        {
            Addresses = { "10.0.0.1" },
            Ready = true,
            Serving = true,
            Terminating = false,
            Hostname = "h1",
            NodeName = "n1",
            Zone = "z1",
            TargetKind = "Pod",
            TargetName = "web-1",
            Topology = { new("topology.kubernetes.io/region", "r1") },
        };
        var meta = new ObjectMeta("ns", "web-x", [new("kubernetes.io/service-name", "web"), new("a.b/c-d", "")], [new("note", "n")]);
        var labels = Assert.Single(EndpointLabels.Of(new EndpointGroup(meta, "IPv4", [endpoint], [new("https", "TCP", 6443, "h2")])));
        Assert.Equal(
            """
            __address__=10.0.0.1:6443
            endpoint_address_target_kind=Pod
            endpoint_address_target_name=web-1
            endpoint_hostname=h1
            endpoint_node_name=n1
            endpoint_port_name=https
            endpoint_port_protocol=TCP
            endpoint_ready=true
            endpoints_annotation_note=n
            endpoints_annotationpresent_note=true
            endpoints_label_kubernetes_io_service_name=web
            endpoints_labelpresent_a_b_c_d=true
            endpoints_labelpresent_kubernetes_io_service_name=true
            endpoints_name=web
            endpointslice_address_target_kind=Pod
            endpointslice_address_target_name=web-1
            endpointslice_address_type=IPv4
            endpointslice_annotation_note=n
            endpointslice_annotationpresent_note=true
            endpointslice_endpoint_conditions_ready=true
            endpointslice_endpoint_conditions_serving=true
            endpointslice_endpoint_conditions_terminating=false
            endpointslice_endpoint_hostname=h1
            endpointslice_endpoint_node_name=n1
            endpointslice_endpoint_topology_present_topology_kubernetes_io_region=true
            endpointslice_endpoint_topology_topology_kubernetes_io_region=r1
            endpointslice_endpoint_zone=z1
            endpointslice_label_kubernetes_io_service_name=web
            endpointslice_labelpresent_a_b_c_d=true
            endpointslice_labelpresent_kubernetes_io_service_name=true
            endpointslice_name=web-x
            endpointslice_port=6443
            endpointslice_port_app_protocol=h2
            endpointslice_port_name=https
            endpointslice_port_protocol=TCP
            namespace=ns
            service_name=web
            """, Text(labels));
    }

    [Fact]
    public void An_address_of_Endpoints_gives_the_same_rule_the_same_labels()
    {
        var meta = new ObjectMeta("default", "kubernetes", [], []);
        var labels = Assert.Single(EndpointLabels.Of(
            new EndpointGroup(meta, null, [new Endpoint { Addresses = { "10.0.0.1" }, Ready = false }],
            [new("https", "TCP", 6443, null)])));
        Assert.Equal(
            """
            __address__=10.0.0.1:6443
            endpoint_port_name=https
            endpoint_port_protocol=TCP
            endpoint_ready=false
            endpoints_name=kubernetes
            endpointslice_address_type=IPv4
            endpointslice_endpoint_conditions_ready=false
            endpointslice_port=6443
            endpointslice_port_name=https
            endpointslice_port_protocol=TCP
            namespace=default
            service_name=kubernetes
            """, Text(labels));
    }

    [Fact]
    public void Unknown_conditions_have_no_label()
    {
        var labels = Of("IPv4", "10.0.0.1", new EndpointPort("a", "TCP", 1, null));
        Assert.DoesNotContain(labels.Keys, k => k.Contains("conditions") || k.Contains("ready"));
    }

    [Theory]
    [InlineData("10.0.0.1", 443, "10.0.0.1:443")]
    [InlineData("fd00::1", 443, "[fd00::1]:443")]
    [InlineData("api.example.com", 443, "api.example.com:443")]
    [InlineData("api.example.com", null, "api.example.com")]
    public void The_address_joins_host_and_port(string address, int? port, string joined) =>
        Assert.Equal(joined, Of("IPv4", address, new EndpointPort(null, null, port, null))["__address__"]);

    [Theory]
    [InlineData("10.0.0.1", "IPv4")]
    [InlineData("fd00::1", "IPv6")]
    public void Endpoints_tell_the_address_type_by_the_address(string address, string type) =>
        Assert.Equal(type, Of(null, address, new EndpointPort(null, null, 1, null))[Prefix + "endpointslice_address_type"]);

    [Fact]
    public void Each_address_and_port_is_one_and_none_without_a_port()
    {
        var meta = new ObjectMeta("ns", "web", [], []);
        var endpoints = new List<Endpoint> { new() { Addresses = { "10.0.0.1", "10.0.0.2" } },
            new() { Addresses = { "10.0.0.3" }, Ready = false } };
        var ports = new List<EndpointPort> { new("a", "TCP", 1, null), new("b", "TCP", 2, null) };
        Assert.Equal(
            ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1", "10.0.0.2:2", "10.0.0.3:1", "10.0.0.3:2"],
            EndpointLabels.Of(new EndpointGroup(meta, "IPv4", endpoints, ports)).Select(l => l["__address__"]).Order());
        Assert.Empty(EndpointLabels.Of(new EndpointGroup(meta, "IPv4", endpoints, [])));
        Assert.Empty(EndpointLabels.Of(new EndpointGroup(meta, "IPv4", [], ports)));
    }

    private static Dictionary<string, string> Of(string? addressType, string address, EndpointPort port) =>
        EndpointLabels.Of(new EndpointGroup(new ObjectMeta("ns", "web", [], []), addressType, [new Endpoint { Addresses = { address } }],
        [port])).Single();

    private static string Text(Dictionary<string, string> labels) =>
        string.Join(Environment.NewLine,
        labels.Select(l => $"{(l.Key.StartsWith(Prefix, StringComparison.Ordinal) ? l.Key[Prefix.Length..] : l.Key)}={l.Value}")
        .Order(StringComparer.Ordinal));
}
