namespace Sidecar.Discovery;

/// <summary>
/// Reads the API server's JSON of the two kinds that list endpoints (Kubernetes API reference: discovery.k8s.io/v1 EndpointSliceList, v1
/// Endpoints). Unknown fields are skipped. What is cut, of another kind or another type throws: half an answer is none.
/// </summary>
internal static class EndpointReader
{
    /// <summary>One page of a list of slices.</summary>
    /// <returns>The token that asks for the next page; null at the last.</returns>
    /// <exception cref="FormatException">It is no such list; the message says why, to people.</exception>
    /// <exception cref="System.Text.Json.JsonException">It is no JSON.</exception>
    public static string? ReadSlices(ReadOnlySpan<byte> json, List<EndpointGroup> into)
    {
        var walk = new JsonWalk(json);
        var read = new List<EndpointGroup>();
        string? kind = null, next = null;
        var hasItems = false;
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("kind"u8))
                    kind = walk.Text();
                else if (walk.Is("metadata"u8))
                    next = ReadContinue(ref walk);
                else if (walk.Is("items"u8))
                {
                    hasItems = true;
                    if (walk.List())
                        while (walk.NextItem())
                            read.Add(ReadSlice(ref walk));
                }
                else
                    walk.Skip();
            }
        }
        walk.End();
        CheckKind(kind, "EndpointSliceList");
        if (!hasItems)
            throw JsonWalk.Error("the list has no items");
        into.AddRange(read);
        return next;
    }

    /// <summary>An Endpoints object.</summary>
    /// <exception cref="FormatException">It is no Endpoints; the message says why, to people.</exception>
    /// <exception cref="System.Text.Json.JsonException">It is no JSON.</exception>
    public static List<EndpointGroup> ReadEndpoints(ReadOnlySpan<byte> json)
    {
        var walk = new JsonWalk(json);
        var subsets = new List<(List<Endpoint> Endpoints, List<EndpointPort> Ports)>();
        string? kind = null;
        ObjectMeta? meta = null;
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("kind"u8))
                    kind = walk.Text();
                else if (walk.Is("metadata"u8))
                    meta = ReadMeta(ref walk);
                else if (walk.Is("subsets"u8))
                {
                    if (walk.List())
                        while (walk.NextItem())
                            subsets.Add(ReadSubset(ref walk));
                }
                else
                    walk.Skip();
            }
        }
        walk.End();
        CheckKind(kind, "Endpoints");
        if (meta is null)
            throw JsonWalk.Error("the object has no metadata");
        return [.. subsets.Select(s => new EndpointGroup(meta, null, s.Endpoints, s.Ports))];
    }

    private static void CheckKind(string? kind, string wanted)
    {
        if (kind != wanted)
            throw JsonWalk.Error(kind is { Length: > 0 and < 100 } ? $"it is of kind {kind}, not {wanted}" : $"it is not of kind {wanted}");
    }

    private static string? ReadContinue(ref JsonWalk walk)
    {
        string? token = null;
        if (!walk.Object())
            return null;
        while (walk.NextField())
        {
            if (walk.Is("continue"u8))
                token = walk.Text();
            else
                walk.Skip();
        }
        return token is { Length: > 0 } ? token : null;
    }

    private static EndpointGroup ReadSlice(ref JsonWalk walk)
    {
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

    private static (List<Endpoint> Endpoints, List<EndpointPort> Ports) ReadSubset(ref JsonWalk walk)
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
        return (endpoints, ports);
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
