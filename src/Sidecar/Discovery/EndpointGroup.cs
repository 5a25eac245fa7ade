namespace Sidecar.Discovery;

/// <summary>Endpoints that share their ports, with their object: an EndpointSlice, or one subset of an Endpoints object.</summary>
/// <param name="AddressType">Of a slice; null for Endpoints.</param>
internal sealed record EndpointGroup(ObjectMeta Meta, string? AddressType, List<Endpoint> Endpoints, List<EndpointPort> Ports)
{
    public bool IsSlice => AddressType is not null;
}

/// <summary>What of an object's metadata becomes labels.</summary>
internal sealed record ObjectMeta(
    string Namespace, string Name, List<KeyValuePair<string, string>> Labels, List<KeyValuePair<string, string>> Annotations);

/// <summary>One endpoint. Null conditions are unknown ones.</summary>
internal sealed class Endpoint
{
    public List<string> Addresses { get; init; } = [];
    public bool? Ready { get; init; }
    public bool? Serving { get; init; }
    public bool? Terminating { get; init; }
    public string? Hostname { get; init; }
    public string? NodeName { get; init; }
    public string? Zone { get; init; }
    public string? TargetKind { get; init; }
    public string? TargetName { get; init; }

    /// <summary>Of slices that were made before Kubernetes 1.21.</summary>
    public List<KeyValuePair<string, string>> Topology { get; init; } = [];
}

/// <summary>A port of all endpoints of a group; a slice's may have no number.</summary>
internal readonly record struct EndpointPort(string? Name, string? Protocol, int? Number, string? AppProtocol);
