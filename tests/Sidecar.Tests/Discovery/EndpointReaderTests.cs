using System.Text;
using System.Text.Json;
using Sidecar.Discovery;

namespace Sidecar.Tests.Discovery;

public sealed class EndpointReaderTests
{
    [Fact]
    public void Slices_are_read_with_all_that_becomes_a_label()
    {
        var next = Read("""
            {"apiVersion":"discovery.k8s.io/v1","items":[{
              "ports":[{"port":8080,"name":"http","protocol":"TCP","appProtocol":"h2c","unknown":[1,{"a":null}]},{"name":null,"port":null,"protocol":null}],
              "endpoints":[
                {"addresses":["10.0.0.1","10.0.0.2"],"conditions":{"ready":false,"serving":true,"terminating":false},"hostname":"h1",
                 "targetRef":{"kind":"Pod","namespace":"default","name":"web-1","uid":"x"},"nodeName":"n1","zone":"z1","hints":{"forZones":[{"name":"z1"}]},
                 "deprecatedTopology":{"topology.kubernetes.io/region":"r1"}},
                {"addresses":null,"conditions":{"ready":null},"targetRef":null,"nodeName":null},
                {"addresses":["10.0.0.3"],"conditions":{}}],
              "addressType":"IPv4",
              "metadata":{"annotations":{"a":"\u00fc\n\"\\","b":null},"labels":{"kubernetes.io/service-name":"web"},"name":"web-x","namespace":"ns","ownerReferences":[]}
            }],"metadata":{"continue":"TOKEN","remainingItemCount":3},"kind":"EndpointSliceList"}
            """, out var groups);
        Assert.Equal("TOKEN", next);
        var slice = Assert.Single(groups);
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
            {"kind":"Endpoints","apiVersion":"v1","metadata":{"name":"web","namespace":"ns","labels":null},"subsets":[
              {"addresses":[{"ip":"10.0.0.1","hostname":"h1","nodeName":"n1","targetRef":{"kind":"Pod","name":"web-1"}}],
               "notReadyAddresses":[{"ip":"10.0.0.2"}],"ports":[{"name":"a","port":1,"protocol":"TCP"},{"port":2}]},
              {"addresses":null,"ports":null}]}
            """u8);
        Assert.Equal(2, groups.Count);
        Assert.Null(groups[0].AddressType);
        Assert.Equal([("10.0.0.1", true), ("10.0.0.2", false)], groups[0].Endpoints.Select(e => (e.Addresses.Single(), e.Ready!.Value)));
        Assert.Equal([new EndpointPort("a", "TCP", 1, null), new(null, null, 2, null)], groups[0].Ports);
        Assert.Empty(groups[1].Endpoints);
    }

    [Theory]
    [InlineData("""{"kind":"EndpointSliceList","metadata":{},"items":[]}""")]
    [InlineData("""{"kind":"EndpointSliceList","metadata":{"continue":""},"items":null}""")]
    [InlineData("""{"items":[],"kind":"EndpointSliceList"}""")]
    public void A_list_without_items_is_an_empty_answer(string json)
    {
        Assert.Null(Read(json, out var groups));
        Assert.Empty(groups);
    }

    [Theory]
    [InlineData("""{"kind":"Endpoints","metadata":{"name":"a"}}""")]
    [InlineData("""{"kind":"Endpoints","metadata":{"name":"a"},"subsets":null}""")]
    [InlineData("""{"kind":"Endpoints","metadata":{"name":"a"},"subsets":[]}""")]
    public void An_object_without_subsets_is_an_empty_answer(string json) => Assert.Empty(EndpointReader.ReadEndpoints(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("{}", "not of kind EndpointSliceList")]
    [InlineData("null", "not of kind EndpointSliceList")]
    [InlineData("[]", "it is not an object")]
    [InlineData("42", "it is not an object")]
    [InlineData("""{"kind":"Status","message":"?"}""", "of kind Status, not EndpointSliceList")]
    [InlineData("""{"kind":7,"items":[]}""", "kind is not a text")]
    [InlineData("""{"kind":"EndpointSliceList"}""", "has no items")]
    [InlineData("""{"kind":"EndpointSliceList","items":{}}""", "items is not a list")]
    [InlineData("""{"kind":"EndpointSliceList","items":["a"]}""", "items is not an object")]
    [InlineData("""{"kind":"EndpointSliceList","items":[null]}""", "a slice has no metadata")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{}]}""", "a slice has no metadata")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{}}]}""", "an object has no name")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":["a"]}}]}""", "name is not a text")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"a","labels":[]}}]}""", "labels is not an object")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"a","labels":{"b":1}}}]}""", "b is not a text")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"a"},"endpoints":[{"addresses":"10.0.0.1"}]}]}""", "addresses is not a list")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"a"},"endpoints":[{"addresses":[null]}]}]}""", "an address is empty")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"a"},"endpoints":[{"conditions":{"ready":"true"}}]}]}""", "ready is not true or false")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"a"},"ports":[{"port":"443"}]}]}""", "port is not a port number")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"a"},"ports":[{"port":65536}]}]}""", "port is not a port number")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"a"},"ports":[{"port":1.5}]}]}""", "port is not a port number")]
    [InlineData("""{"kind":"EndpointSliceList","items":[{"metadata":{"name":"\ud800"}}]}""", "surrogate")]
    public void What_is_not_such_a_list_is_told(string json, string words)
    {
        var exception = Assert.Throws<FormatException>(() => Read(json, out _));
        Assert.Contains(words, exception.Message);
    }

    [Theory]
    [InlineData("""{"kind":"Endpoints"}""", "has no metadata")]
    [InlineData("""{"kind":"EndpointSliceList","items":[]}""", "of kind EndpointSliceList, not Endpoints")]
    [InlineData("""{"kind":"Endpoints","metadata":{"name":"a"},"subsets":[{"addresses":[{}]}]}""", "an address has no ip")]
    [InlineData("""{"kind":"Endpoints","metadata":{"name":"a"},"subsets":[{"addresses":[null]}]}""", "an address has no ip")]
    [InlineData("""{"kind":"Endpoints","metadata":{"name":"a"},"subsets":[{"addresses":[{"ip":""}]}]}""", "an address is empty")]
    public void What_is_no_Endpoints_is_told(string json, string words)
    {
        var exception = Assert.Throws<FormatException>(() => EndpointReader.ReadEndpoints(Encoding.UTF8.GetBytes(json)));
        Assert.Contains(words, exception.Message);
    }

    [Fact]
    public void A_list_cut_at_any_byte_is_no_answer()
    {
        var json = Encoding.UTF8.GetBytes(Samples.SlicesPage("TOKEN", Samples.Slice("a", "10.0.0.1", "10.0.0.2"), Samples.Slice("b", "10.0.0.3")).TrimEnd());
        AssertEachCutThrows(json, cut => EndpointReader.ReadSlices(cut, []));
        AssertEachCutThrows(Encoding.UTF8.GetBytes(Samples.Endpoints("10.0.0.1", "10.0.0.2")), cut => EndpointReader.ReadEndpoints(cut));
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
        for (var i = 0; i < json.Length; i++)
        {
            var damaged = json.ToArray();
            damaged[i] = wrong;
            var groups = new List<EndpointGroup>();
            try
            {
                EndpointReader.ReadSlices(damaged, groups);
            }
            catch (Exception e) when (e is JsonException or FormatException)
            {
                Assert.Empty(groups);
            }
        }
    }

    private static void AssertEachCutThrows(byte[] json, Func<byte[], object?> read)
    {
        read(json);
        for (var length = 0; length < json.Length; length++)
            Assert.ThrowsAny<JsonException>(() => read(json[..length]));
    }

    private static string? Read(string json, out List<EndpointGroup> groups)
    {
        groups = [];
        return EndpointReader.ReadSlices(Encoding.UTF8.GetBytes(json), groups);
    }
}
