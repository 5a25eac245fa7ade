namespace Sidecar.Discovery;

/// <summary>
/// Reads the API server's objects that list endpoints (Kubernetes API reference: discovery.k8s.io/v1 EndpointSlice, v1 Endpoints), and the
/// Services that they belong to. Unknown fields are skipped; what is of another type throws.
/// </summary>
internal static class EndpointReader
{
    /// <summary>What of a list's or an object's metadata says which and when it is.</summary>
    /// <param name="Kind">Null where the object does not say, as in the items of a list.</param>
    /// <param name="Continue">Asks for the list's next page; null at the last.</param>
    internal readonly record struct Head(string? Kind, string Namespace, string Name, string? Version, string? Continue)
    {
        /// <summary>Identity of the object among those of its kind.</summary>
        public string Key => $"{Namespace}/{Name}";
    }

    /// <summary>Kind and name of an object.</summary>
    /// <exception cref="FormatException">It is no object of Kubernetes; the message says why, to people.</exception>
    public static Head ReadHead(ReadOnlySpan<byte> json)
    {
        var walk = new JsonWalk(json);
        var head = default(Head);
        string? kind = null;
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("kind"u8))
                    kind = walk.Text();
                else if (walk.Is("metadata"u8))
                    head = ReadHeadMetadata(walk.Raw());
                else
                    walk.Skip();
            }
        }
        return head with { Kind = kind };
    }

    /// <summary>The value of <c>metadata</c>.</summary>
    /// <exception cref="FormatException">A field is of another type.</exception>
    public static Head ReadHeadMetadata(ReadOnlySpan<byte> json)
    {
        var walk = new JsonWalk(json);
        var head = new Head(null, "", "", null, null);
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("name"u8))
                    head = head with { Name = walk.Text() ?? "" };
                else if (walk.Is("namespace"u8))
                    head = head with { Namespace = walk.Text() ?? "" };
                else if (walk.Is("resourceVersion"u8))
                    head = head with { Version = NotEmpty(walk.Text()) };
                else if (walk.Is("continue"u8))
                    head = head with { Continue = NotEmpty(walk.Text()) };
                else
                    walk.Skip();
            }
        }
        return head;
    }

    /// <summary>A text that is the whole value, such as that of <c>kind</c>.</summary>
    public static string? ReadText(ReadOnlySpan<byte> json) => new JsonWalk(json).Text();

    private static string? NotEmpty(string? text) => text is { Length: > 0 } ? text : null;

    /// <summary>A slice.</summary>
    /// <exception cref="FormatException">It is none; the message says why, to people.</exception>
    /// <exception cref="System.Text.Json.JsonException">It is no JSON.</exception>
    public static EndpointGroup ReadSlice(ReadOnlySpan<byte> json)
    {
        var walk = new JsonWalk(json);
        ObjectMeta? meta = null;
        string? addressType = null;
        var endpoints = new List<Endpoint>();
        var ports = new List<EndpointPort>();
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("metadata"u8))
                    meta = ReadMeta(ref walk);
                else if (walk.Is("addressType"u8))
                    addressType = walk.Text();
                else if (walk.Is("ports"u8))
                    ReadPorts(ref walk, ports);
                else if (!walk.Is("endpoints"u8))
                    walk.Skip();
                else if (walk.List())
                {
                    while (walk.NextItem())
                        if (ReadEndpoint(ref walk) is { } endpoint)
                            endpoints.Add(endpoint);
                }
            }
        }
        return new EndpointGroup(meta ?? throw JsonWalk.Error("a slice has no metadata"), addressType ?? "", endpoints, ports);
    }

    /// <summary>An Endpoints object: a group for each of its subsets.</summary>
    /// <inheritdoc cref="ReadSlice"/>
    public static List<EndpointGroup> ReadEndpoints(ReadOnlySpan<byte> json)
    {
        var walk = new JsonWalk(json);
        var subsets = new List<EndpointGroup>();
        ObjectMeta? meta = null;
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("metadata"u8))
                    meta = ReadMeta(ref walk);
                else if (!walk.Is("subsets"u8))
                    walk.Skip();
                else if (walk.List())
                {
                    while (walk.NextItem())
                        subsets.Add(ReadSubset(ref walk));
                }
            }
        }
        if (meta is null)
            throw JsonWalk.Error("the object has no metadata");
        for (var i = 0; i < subsets.Count; i++)
            subsets[i] = subsets[i] with { Meta = meta };
        return subsets;
    }

    /// <summary>Of a Service, or any other object, what becomes labels.</summary>
    /// <inheritdoc cref="ReadSlice"/>
    public static ObjectMeta ReadService(ReadOnlySpan<byte> json)
    {
        var walk = new JsonWalk(json);
        ObjectMeta? meta = null;
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("metadata"u8))
                    meta = ReadMeta(ref walk);
                else
                    walk.Skip();
            }
        }
        return meta ?? throw JsonWalk.Error("a Service has no metadata");
    }

    private static EndpointGroup ReadSubset(ref JsonWalk walk)
    {
        var endpoints = new List<Endpoint>();
        var ports = new List<EndpointPort>();
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("addresses"u8))
                    ReadAddresses(ref walk, endpoints, isReady: true);
                else if (walk.Is("notReadyAddresses"u8))
                    ReadAddresses(ref walk, endpoints, isReady: false);
                else if (walk.Is("ports"u8))
                    ReadPorts(ref walk, ports);
                else
                    walk.Skip();
            }
        }
        return new EndpointGroup(null!, null, endpoints, ports);
    }

    private static void ReadAddresses(ref JsonWalk walk, List<Endpoint> into, bool isReady)
    {
        if (!walk.List())
            return;
        while (walk.NextItem())
        {
            if (ReadEndpoint(ref walk) is not { Addresses.Count: > 0 } endpoint)
                throw JsonWalk.Error("an address has no ip");
            endpoint.Ready = isReady;
            into.Add(endpoint);
        }
    }

    /// <summary>An endpoint of a slice, or an address of a subset: what both have has the same names.</summary>
    private static Endpoint? ReadEndpoint(ref JsonWalk walk)
    {
        if (!walk.Object())
            return null;
        var endpoint = new Endpoint();
        while (walk.NextField())
        {
            if (walk.Is("ip"u8))
                AddAddress(endpoint, walk.Text());
            else if (walk.Is("hostname"u8))
                endpoint.Hostname = walk.Text();
            else if (walk.Is("nodeName"u8))
                endpoint.NodeName = walk.Text();
            else if (walk.Is("zone"u8))
                endpoint.Zone = walk.Text();
            else if (walk.Is("targetRef"u8))
                ReadTarget(ref walk, endpoint);
            else if (walk.Is("conditions"u8))
                ReadConditions(ref walk, endpoint);
            else if (walk.Is("deprecatedTopology"u8))
                ReadMap(ref walk, endpoint.Topology);
            else if (!walk.Is("addresses"u8))
                walk.Skip();
            else if (walk.List())
            {
                while (walk.NextItem())
                    AddAddress(endpoint, walk.Text());
            }
        }
        return endpoint;
    }

    private static void AddAddress(Endpoint endpoint, string? address) =>
        endpoint.Addresses.Add(address is { Length: > 0 } ? address : throw JsonWalk.Error("an address is empty"));

    private static void ReadTarget(ref JsonWalk walk, Endpoint endpoint)
    {
        if (!walk.Object())
            return;
        while (walk.NextField())
        {
            if (walk.Is("kind"u8))
                endpoint.TargetKind = walk.Text();
            else if (walk.Is("name"u8))
                endpoint.TargetName = walk.Text();
            else
                walk.Skip();
        }
    }

    private static void ReadConditions(ref JsonWalk walk, Endpoint endpoint)
    {
        if (!walk.Object())
            return;
        while (walk.NextField())
        {
            if (walk.Is("ready"u8))
                endpoint.Ready = walk.Flag();
            else if (walk.Is("serving"u8))
                endpoint.Serving = walk.Flag();
            else if (walk.Is("terminating"u8))
                endpoint.Terminating = walk.Flag();
            else
                walk.Skip();
        }
    }

    private static void ReadPorts(ref JsonWalk walk, List<EndpointPort> into)
    {
        if (!walk.List())
            return;
        while (walk.NextItem())
        {
            var port = default(EndpointPort);
            if (!walk.Object())
                continue;
            while (walk.NextField())
            {
                if (walk.Is("name"u8))
                    port = port with { Name = walk.Text() };
                else if (walk.Is("protocol"u8))
                    port = port with { Protocol = walk.Text() };
                else if (walk.Is("port"u8))
                    port = port with { Number = walk.Port() };
                else if (walk.Is("appProtocol"u8))
                    port = port with { AppProtocol = walk.Text() };
                else
                    walk.Skip();
            }
            into.Add(port);
        }
    }

    private static ObjectMeta ReadMeta(ref JsonWalk walk)
    {
        var meta = new ObjectMeta("", "", [], []);
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("name"u8))
                    meta = meta with { Name = walk.Text() ?? "" };
                else if (walk.Is("namespace"u8))
                    meta = meta with { Namespace = walk.Text() ?? "" };
                else if (walk.Is("labels"u8))
                    ReadMap(ref walk, meta.Labels);
                else if (walk.Is("annotations"u8))
                    ReadMap(ref walk, meta.Annotations);
                else
                    walk.Skip();
            }
        }
        return meta.Name.Length > 0 ? meta : throw JsonWalk.Error("an object has no name");
    }

    private static void ReadMap(ref JsonWalk walk, List<KeyValuePair<string, string>> into)
    {
        if (!walk.Object())
            return;
        while (walk.NextField())
        {
            var name = walk.Name();
            into.Add(new(name, walk.Text() ?? ""));
        }
    }
}
