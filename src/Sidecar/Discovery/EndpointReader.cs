using System.Text.Json;

namespace Sidecar.Discovery;

/// <summary>Reads EndpointSlices, Endpoints and Services. Skips unknown fields; throws as <see cref="JsonFields.Read"/> does.</summary>
internal static class EndpointReader
{
    public static ObjectHead ReadHead(ReadOnlyMemory<byte> json) => JsonFields.Read(json, ObjectHead.Of);

    public static ObjectHead ReadHeadMetadata(ReadOnlyMemory<byte> json) => JsonFields.Read(json, ObjectHead.OfMetadata);

    /// <summary>A text that is the whole value, such as that of <c>kind</c>.</summary>
    public static string? ReadText(ReadOnlyMemory<byte> json) => JsonFields.Read(json, value => value.AsText("it"));

    public static EndpointGroup ReadSlice(ReadOnlyMemory<byte> json) => JsonFields.Read(json, value => new EndpointGroup(
        Meta(value, "a slice"), value.Text("addressType") ?? "",
        value.List("endpoints", static endpoint => Endpoint(endpoint)), Ports(value)));

    /// <summary>An Endpoints object: a group for each of its subsets.</summary>
    public static List<EndpointGroup> ReadEndpoints(ReadOnlyMemory<byte> json) => JsonFields.Read(json, value =>
    {
        var meta = Meta(value, "the object");
        return value.List("subsets", subset => new EndpointGroup(meta, null,
            [.. Addresses(subset, "addresses", isReady: true), .. Addresses(subset, "notReadyAddresses", isReady: false)],
            Ports(subset)));
    });

    public static ObjectMeta ReadService(ReadOnlyMemory<byte> json) => JsonFields.Read(json, value => Meta(value, "a Service"));

    private static List<Endpoint> Addresses(JsonElement subset, string name, bool isReady) =>
        subset.List(name, address => Endpoint(address, isReady) is { Addresses.Count: > 0 } endpoint
            ? endpoint : throw new FormatException("an address has no ip"), readsNulls: true);

    /// <summary>An endpoint of a slice, or an address of a subset: what both have has the same names.</summary>
    private static Endpoint Endpoint(JsonElement value, bool? isReady = null)
    {
        var conditions = value.Object("conditions");
        var target = value.Object("targetRef");
        var addresses = value.List("addresses", static address => address.AsText("an address") ?? "", readsNulls: true);
        if (value.Text("ip") is { } ip)
            addresses.Add(ip);
        return addresses.Contains("") ? throw new FormatException("an address is empty") : new Endpoint
        {
            Addresses = addresses,
            Ready = isReady ?? conditions.Flag("ready"),
            Serving = conditions.Flag("serving"),
            Terminating = conditions.Flag("terminating"),
            Hostname = value.Text("hostname"),
            NodeName = value.Text("nodeName"),
            Zone = value.Text("zone"),
            TargetKind = target.Text("kind"),
            TargetName = target.Text("name"),
            Topology = value.Texts("deprecatedTopology"),
        };
    }

    private static List<EndpointPort> Ports(JsonElement value) => value.List("ports", static port => new EndpointPort(
        port.Text("name"), port.Text("protocol"), port.Number("port", 65535, "a port number"), port.Text("appProtocol")));

    private static ObjectMeta Meta(JsonElement value, string what)
    {
        var meta = value.Object("metadata");
        if (!meta.IsThere())
            throw new FormatException($"{what} has no metadata");
        return meta.Text("name") is { Length: > 0 } name
            ? new ObjectMeta(meta.Text("namespace") ?? "", name, meta.Texts("labels"), meta.Texts("annotations"))
            : throw new FormatException("an object has no name");
    }
}
