using System.Text;
using System.Text.Json;
using Sidecar.Discovery;

namespace Sidecar.Tests.Discovery;

public sealed class EndpointReaderTests
{
    [Fact]
    public void A_slice_is_read_with_all_that_becomes_a_label()
    {
        var slice = EndpointReader.ReadSlice("""
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
            """u8.ToArray());
        Assert.Equal(("ns", "web-x", "IPv4"), (slice.Meta.Namespace, slice.Meta.Name, slice.AddressType));
        Assert.Equal([new("kubernetes.io/service-name", "web")], slice.Meta.Labels);
        Assert.Equal([new("a", "ü\n\"\\"), new("b", "")], slice.Meta.Annotations);
        Assert.Equal([new EndpointPort("http", "TCP", 8080, "h2c"), default], slice.Ports);
        Assert.Equal(3, slice.Endpoints.Count);
        var first = slice.Endpoints[0];
        Assert.Equal(["10.0.0.1", "10.0.0.2"], first.Addresses);
        Assert.Equal((false, true, false), (first.Ready, first.Serving, first.Terminating));
        Assert.Equal(("h1", "n1", "z1", "Pod", "web-1"), (first.Hostname, first.NodeName, first.Zone, first.TargetKind, first.TargetName));
        Assert.Equal([new("topology.kubernetes.io/region", "r1")], first.Topology);
        Assert.Empty(slice.Endpoints[1].Addresses);
        Assert.Null(slice.Endpoints[1].Ready);
        Assert.Null(slice.Endpoints[2].Ready);
    }

    [Fact]
    public void Endpoints_are_read_ready_and_not()
    {
        var groups = EndpointReader.ReadEndpoints("""
            {"kind":"Endpoints","apiVersion":"v1","subsets":[
              {"addresses":[{"ip":"10.0.0.1","hostname":"h1","nodeName":"n1","targetRef":{"kind":"Pod","name":"web-1"}}],
               "notReadyAddresses":[{"ip":"10.0.0.2"}],"ports":[{"name":"a","port":1,"protocol":"TCP"},{"port":2}]},
              {"addresses":null,"ports":null}],"metadata":{"name":"web","namespace":"ns","labels":null}}
            """u8.ToArray());
        Assert.Equal(2, groups.Count);
        Assert.All(groups, g => Assert.Equal(("ns", "web", false), (g.Meta.Namespace, g.Meta.Name, g.IsSlice)));
        Assert.Equal([("10.0.0.1", true), ("10.0.0.2", false)], groups[0].Endpoints.Select(e => (e.Addresses.Single(), e.Ready!.Value)));
        Assert.Equal([new EndpointPort("a", "TCP", 1, null), new(null, null, 2, null)], groups[0].Ports);
        Assert.Empty(groups[1].Endpoints);
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"a"}}""")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":null}""")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":[]}""")]
    public void An_object_without_subsets_is_an_empty_answer(string json) =>
        Assert.Empty(EndpointReader.ReadEndpoints(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("\"a\"", "it is not an object")]
    [InlineData("null", "a slice has no metadata")]
    [InlineData("{}", "a slice has no metadata")]
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
        var exception = Assert.Throws<FormatException>(() => EndpointReader.ReadSlice(Encoding.UTF8.GetBytes(json)));
        Assert.Contains(words, exception.Message);
    }

    [Theory]
    [InlineData("""{"kind":"Endpoints"}""", "has no metadata")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":[{"addresses":[{}]}]}""", "an address has no ip")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":[{"addresses":[null]}]}""", "an address has no ip")]
    [InlineData("""{"metadata":{"name":"a"},"subsets":[{"addresses":[{"ip":""}]}]}""", "an address is empty")]
    public void What_is_no_Endpoints_is_told(string json, string words)
    {
        var exception = Assert.Throws<FormatException>(() => EndpointReader.ReadEndpoints(Encoding.UTF8.GetBytes(json)));
        Assert.Contains(words, exception.Message);
    }

    [Fact]
    public void An_object_tells_which_it_is_wherever_its_fields_stand()
    {
        var head = EndpointReader.ReadHead(
            """{"spec":{"metadata":{"name":"no"}},"metadata":{"resourceVersion":"7","name":"a","namespace":"b"},"kind":"Service"}"""u8.ToArray());
        Assert.Equal(("Service", "b/a", "7"), (head.Kind, head.Key, head.Version));
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
}
