using System.Text;
using System.Text.Json;
using Sidecar.Discovery;
using Sidecar.Primitives;

namespace Sidecar.Tests.Discovery;

/// <summary>Against discovery/kubernetes/endpointslice.go and endpoints.go; the other kind's spelling of the same is set too.</summary>
public sealed class EndpointLabelsTests
{
    private const string Prefix = "__meta_kubernetes_";

    [Fact]
    public void A_slice_gives_every_label_in_both_spellings()
    {
        var labels = Assert.Single(Slice("""
            {"metadata":{"namespace":"ns","name":"web-x","labels":{"kubernetes.io/service-name":"web","a.b/c-d":""},"annotations":{"note":"n"}},
             "addressType":"IPv4","ports":[{"name":"https","protocol":"TCP","port":6443,"appProtocol":"h2"}],
             "endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"hostname":"h1",
               "nodeName":"n1","zone":"z1","targetRef":{"kind":"Pod","name":"web-1"},
               "deprecatedTopology":{"topology.kubernetes.io/region":"r1"}}]}
            """));
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
        var labels = Assert.Single(Endpoints("""
            {"metadata":{"namespace":"default","name":"kubernetes"},
             "subsets":[{"notReadyAddresses":[{"ip":"10.0.0.1"}],"ports":[{"name":"https","protocol":"TCP","port":6443}]}]}
            """));
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
        var labels = OfSlice("10.0.0.1", 1);
        Assert.DoesNotContain(labels.Keys, k => k.Contains("conditions") || k.Contains("ready"));
    }

    [Theory]
    [InlineData("10.0.0.1", 443, "10.0.0.1:443")]
    [InlineData("fd00::1", 443, "[fd00::1]:443")]
    [InlineData("api.example.com", 443, "api.example.com:443")]
    [InlineData("api.example.com", null, "api.example.com")]
    public void The_address_joins_host_and_port(string address, int? port, string joined) =>
        Assert.Equal(joined, OfSlice(address, port)["__address__"]);

    [Theory]
    [InlineData("10.0.0.1", "IPv4")]
    [InlineData("fd00::1", "IPv6")]
    public void Endpoints_tell_the_address_type_by_the_address(string address, string type) =>
        Assert.Equal(type, Endpoints($$"""{"metadata":{"name":"web"},"subsets":[{"addresses":[{"ip":"{{address}}"}],"ports":[{"port":1}]}]}""")
            .Single()[Prefix + "endpointslice_address_type"]);

    [Fact]
    public void Each_address_and_port_is_one_and_none_without_a_port()
    {
        const string Addresses = """[{"addresses":["10.0.0.1","10.0.0.2"]},{"addresses":["10.0.0.3"],"conditions":{"ready":false}}]""";
        const string Ports = """[{"name":"a","protocol":"TCP","port":1},{"name":"b","protocol":"TCP","port":2}]""";
        Assert.Equal(
            ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1", "10.0.0.2:2", "10.0.0.3:1", "10.0.0.3:2"],
            Of(Addresses, Ports).Select(l => l["__address__"]).Order());
        Assert.Empty(Of(Addresses, "[]"));
        Assert.Empty(Of("[]", Ports));
    }

    [Fact]
    public void A_slice_is_read_with_all_that_becomes_a_label()
    {
        var read = Slice("""
            {"ports":[{"port":8080,"name":"http","protocol":"TCP","appProtocol":"h2c","unknown":[1,{"a":null}]},{"name":null,"port":null,"protocol":null}],
              "endpoints":[
                {"addresses":["10.0.0.1","10.0.0.2"],"conditions":{"ready":false,"serving":true,"terminating":false},"hostname":"h1",
                 "targetRef":{"kind":"Pod","namespace":"default","name":"web-1","uid":"x"},"nodeName":"n1","zone":"z1","hints":{"forZones":[{"name":"z1"}]},
                 "deprecatedTopology":{"topology.kubernetes.io/region":"r1"}},
                {"addresses":null,"conditions":{"ready":null},"targetRef":null,"nodeName":null},
                {"addresses":["10.0.0.3"],"conditions":{}}],
              "addressType":"IPv4",
              "metadata":{"annotations":{"a":"\u00fc\n\"\\","b":null},"labels":{"kubernetes.io/service-name":"web"},"name":"web-x","namespace":"ns","ownerReferences":[]}
            }
            """);
        Assert.Equal(
            ["10.0.0.1:8080", "10.0.0.1", "10.0.0.2:8080", "10.0.0.2", "10.0.0.3:8080", "10.0.0.3"],
            read.Select(l => l["__address__"]));
        var first = read[0];
        Assert.Equal(("ns", "web-x", "IPv4"), (Of("namespace"), Of("endpointslice_name"), Of("endpointslice_address_type")));
        Assert.Equal(("web", "web"), (Of("service_name"), Of("endpointslice_label_kubernetes_io_service_name")));
        Assert.Equal(("ü\n\"\\", null, "true"),
            (Of("endpointslice_annotation_a"), Of("endpointslice_annotation_b"), Of("endpointslice_annotationpresent_b")));
        Assert.Equal(("http", "TCP", "8080", "h2c"), (Of("endpointslice_port_name"), Of("endpointslice_port_protocol"),
            Of("endpointslice_port"), Of("endpointslice_port_app_protocol")));
        Assert.DoesNotContain(read[1].Keys, k => k.Contains("_port"));
        Assert.Equal(("false", "true", "false"), (Of("endpointslice_endpoint_conditions_ready"),
            Of("endpointslice_endpoint_conditions_serving"), Of("endpointslice_endpoint_conditions_terminating")));
        Assert.Equal(("h1", "n1", "z1", "Pod", "web-1"), (Of("endpointslice_endpoint_hostname"), Of("endpointslice_endpoint_node_name"),
            Of("endpointslice_endpoint_zone"), Of("endpointslice_address_target_kind"), Of("endpointslice_address_target_name")));
        Assert.Equal("r1", Of("endpointslice_endpoint_topology_topology_kubernetes_io_region"));
        Assert.DoesNotContain(Prefix + "endpoint_ready", read[4].Keys);

        string? Of(string name) => first.GetValueOrDefault(Prefix + name);
    }

    [Fact]
    public void Endpoints_are_read_ready_and_not()
    {
        var read = Endpoints("""
            {"kind":"Endpoints","apiVersion":"v1","subsets":[
              {"addresses":[{"ip":"10.0.0.1","hostname":"h1","nodeName":"n1","targetRef":{"kind":"Pod","name":"web-1"}}],
               "notReadyAddresses":[{"ip":"10.0.0.2"}],"ports":[{"name":"a","port":1,"protocol":"TCP"},{"port":2}]},
              {"addresses":null,"ports":null}],"metadata":{"name":"web","namespace":"ns","labels":null}}
            """);
        Assert.All(read, l => Assert.Equal(("ns", "web", false),
            (l[Prefix + "namespace"], l[Prefix + "endpoints_name"], l.ContainsKey(Prefix + "endpointslice_name"))));
        Assert.Equal(
            [("10.0.0.1:1", "true", "a"), ("10.0.0.1:2", "true", null), ("10.0.0.2:1", "false", "a"), ("10.0.0.2:2", "false", null)],
            read.Select(l => (l["__address__"], l[Prefix + "endpoint_ready"], l.GetValueOrDefault(Prefix + "endpoint_port_name"))));
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"a"}}""")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":null}""")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":[]}""")]
    public void An_object_without_subsets_is_an_empty_answer(string json) => Assert.Empty(Endpoints(json));

    [Theory]
    [InlineData("\"a\"", "it is not an object")]
    [InlineData("null", "an object has no metadata")]
    [InlineData("{}", "an object has no metadata")]
    [InlineData("""{"metadata":{}}""", "an object has no name")]
    [InlineData("""{"metadata":{"name":["a"]}}""", "name is not a text")]
    [InlineData("""{"metadata":{"name":"a","labels":[]}}""", "labels is not an object")]
    [InlineData("""{"metadata":{"name":"a","labels":{"b":1}}}""", "b is not a text")]
    [InlineData("""{"metadata":{"name":"a"},"endpoints":[{"addresses":"10.0.0.1"}]}""", "addresses is not a list")]
    [InlineData("""{"metadata":{"name":"a"},"endpoints":[{"addresses":[null]}]}""", "an address is empty")]
    [InlineData("""{"metadata":{"name":"a"},"endpoints":[{"conditions":{"ready":"true"}}]}""", "ready is not true or false")]
    [InlineData("""{"metadata":{"name":"a"},"ports":[{"port":"443"}]}""", "port is not a port number")]
    [InlineData("""{"metadata":{"name":"a"},"ports":[{"port":65536}]}""", "port is not a port number")]
    [InlineData("""{"metadata":{"name":"a"},"ports":[{"port":1.5}]}""", "port is not a port number")]
    [InlineData("""{"metadata":{"name":"\ud800"}}""", "surrogate")]
    public void What_is_no_slice_is_told(string json, string words)
    {
        var exception = Assert.Throws<FormatException>(() => Slice(json));
        Assert.Contains(words, exception.Message);
    }

    [Theory]
    [InlineData("""{"kind":"Endpoints"}""", "has no metadata")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":[{"addresses":[{}]}]}""", "an address has no ip")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":[{"addresses":[null]}]}""", "an address has no ip")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":[{"addresses":[{"ip":""}]}]}""", "an address is empty")]
    public void What_is_no_Endpoints_is_told(string json, string words)
    {
        var exception = Assert.Throws<FormatException>(() => Endpoints(json));
        Assert.Contains(words, exception.Message);
    }

    /// <summary>Whatever one byte is replaced by: an answer or one of the two exceptions, never another.</summary>
    [Theory]
    [InlineData((byte)'x')]
    [InlineData((byte)'"')]
    [InlineData((byte)'{')]
    [InlineData((byte)']')]
    [InlineData((byte)'\\')]
    [InlineData((byte)0)]
    [InlineData((byte)0xff)]
    public void A_list_with_a_wrong_byte_anywhere_never_does_worse_than_to_fail(byte wrong)
    {
        var json = Encoding.UTF8.GetBytes(Samples.Slices(Samples.Slice("a", "10.0.0.1")));
        var failures = 0;
        for (var i = 0; i < json.Length; i++)
        {
            var damaged = json.ToArray();
            damaged[i] = wrong;
            try
            {
                ListText.Slices(damaged);
            }
            catch (Exception e) when (e is JsonException or FormatException)
            {
                failures++;
            }
        }
        Assert.InRange(failures, 1, json.Length);
    }

    private static List<Dictionary<string, string>> Of(string endpoints, string ports) =>
        Slice($$"""{"metadata":{"name":"web","namespace":"ns"},"addressType":"IPv4","endpoints":{{endpoints}},"ports":{{ports}}}""");

    private static Dictionary<string, string> OfSlice(string address, int? port) =>
        Of($$"""[{"addresses":["{{address}}"]}]""", $$"""[{"port":{{port?.ToString() ?? "null"}}}]""").Single();

    private static List<Dictionary<string, string>> Slice(string json) =>
        ListText.Labels(ObjectKind.EndpointSlice, Encoding.UTF8.GetBytes(json));

    private static List<Dictionary<string, string>> Endpoints(string json) =>
        ListText.Labels(ObjectKind.Endpoints, Encoding.UTF8.GetBytes(json));

    private static string Text(Dictionary<string, string> labels) =>
        string.Join(Environment.NewLine,
        labels.Select(l => $"{(l.Key.StartsWith(Prefix, StringComparison.Ordinal) ? l.Key[Prefix.Length..] : l.Key)}={l.Value}")
        .Order(StringComparer.Ordinal));
}
