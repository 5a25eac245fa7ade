using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Sidecar.Discovery;

/// <summary>
/// The discovered labels of endpoints, out of the API server's JSON (Prometheus's discovery/kubernetes/endpointslice.go and endpoints.go).
/// Both spellings of what the two kinds share are set, so that a rule written for one works with the other.
/// </summary>
internal static class EndpointLabels
{
    private const string Prefix = "__meta_kubernetes_";
    private const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <summary>One label set for each endpoint, address and port of a slice, not-ready ones included.</summary>
    /// <exception cref="JsonException">It is no slice.</exception>
    public static IEnumerable<Dictionary<string, string>> OfSlice(JsonElement slice)
    {
        var common = Metadata(slice);
        common[Prefix + "endpointslice_name"] = common[Prefix + "name"];
        common[Prefix + "endpointslice_address_type"] = Text(slice, "addressType") ?? "";
        common.Remove(Prefix + "name");
        if (Object(Object(slice, "metadata"), "labels") is { } labels && Text(labels, ServiceNameLabel) is { } service)
        {
            common[Prefix + "service_name"] = service;
            common[Prefix + "endpoints_name"] = service;
        }
        foreach (var endpoint in Items(slice, "endpoints"))
        {
            var conditions = Object(endpoint, "conditions");
            foreach (var port in Items(slice, "ports"))
            {
                foreach (var address in Items(endpoint, "addresses"))
                {
                    var target = new Dictionary<string, string>(common);
                    AddPort(target, port, String(address));
                    AddEndpoint(target, endpoint);
                    AddCondition(target, conditions, "ready");
                    AddCondition(target, conditions, "serving");
                    AddCondition(target, conditions, "terminating");
                    Set(target, "endpointslice_endpoint_zone", Text(endpoint, "zone"));
                    AddMap(target, "endpointslice_endpoint_topology_", Object(endpoint, "deprecatedTopology"));
                    if (target.TryGetValue(Prefix + "endpointslice_endpoint_conditions_ready", out var ready))
                        target[Prefix + "endpoint_ready"] = ready;
                    yield return target;
                }
            }
        }
    }

    /// <summary>One label set for each address and port of an Endpoints object, not-ready ones included.</summary>
    /// <exception cref="JsonException">It is no Endpoints.</exception>
    public static IEnumerable<Dictionary<string, string>> OfEndpoints(JsonElement endpoints)
    {
        var common = Metadata(endpoints);
        foreach (var name in (ReadOnlySpan<string>)["endpoints_name", "service_name"])
            common[Prefix + name] = common[Prefix + "name"];
        common.Remove(Prefix + "name");
        var targets = new List<Dictionary<string, string>>();
        foreach (var subset in Items(endpoints, "subsets"))
        {
            foreach (var port in Items(subset, "ports"))
            {
                foreach (var (list, ready) in (ReadOnlySpan<(string, string)>)[("addresses", "true"), ("notReadyAddresses", "false")])
                {
                    foreach (var address in Items(subset, list))
                    {
                        var ip = Text(address, "ip") ?? throw new JsonException("an address has no ip");
                        var target = new Dictionary<string, string>(common);
                        AddPort(target, port, ip);
                        AddEndpoint(target, address);
                        target[Prefix + "endpoint_ready"] = ready;
                        target[Prefix + "endpointslice_endpoint_conditions_ready"] = ready;
                        target[Prefix + "endpointslice_address_type"] = IPAddress.TryParse(ip, out var parsed)
                            && parsed.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4";
                        targets.Add(target);
                    }
                }
            }
        }
        return targets;
    }

    public static string? PortName(Dictionary<string, string> labels) => labels.GetValueOrDefault(Prefix + "endpoint_port_name");

    public static string? ServiceName(Dictionary<string, string> labels) => labels.GetValueOrDefault(Prefix + "service_name");

    private static Dictionary<string, string> Metadata(JsonElement item)
    {
        var metadata = Object(item, "metadata") ?? throw new JsonException("an object has no metadata");
        var labels = new Dictionary<string, string>
        {
            [Prefix + "name"] = Text(metadata, "name") ?? "",
            [Prefix + "namespace"] = Text(metadata, "namespace") ?? "",
        };
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoints_"])
        {
            AddMap(labels, role + "label_", Object(metadata, "labels"));
            AddMap(labels, role + "annotation_", Object(metadata, "annotations"));
        }
        return labels;
    }

    private static void AddPort(Dictionary<string, string> target, JsonElement port, string address)
    {
        var number = Property(port, "port") is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var found) ? found : (int?)null;
        target[TargetBuilder.Address] = number is null ? address : address.Contains(':') ? $"[{address}]:{number}" : $"{address}:{number}";
        Set(target, "endpointslice_port", number?.ToString());
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoint_"])
        {
            Set(target, role + "port_name", Text(port, "name"));
            Set(target, role + "port_protocol", Text(port, "protocol"));
        }
        Set(target, "endpointslice_port_app_protocol", Text(port, "appProtocol"));
    }

    private static void AddEndpoint(Dictionary<string, string> target, JsonElement endpoint)
    {
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_endpoint_", "endpoint_"])
        {
            Set(target, role + "hostname", Text(endpoint, "hostname"));
            Set(target, role + "node_name", Text(endpoint, "nodeName"));
        }
        if (Object(endpoint, "targetRef") is not { } reference)
            return;
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoint_"])
        {
            Set(target, role + "address_target_kind", Text(reference, "kind"));
            Set(target, role + "address_target_name", Text(reference, "name"));
        }
    }

    /// <summary>A condition that is not there has no label.</summary>
    private static void AddCondition(Dictionary<string, string> target, JsonElement? conditions, string name)
    {
        if (conditions is { } all && Property(all, name) is { ValueKind: JsonValueKind.True or JsonValueKind.False } condition)
            target[$"{Prefix}endpointslice_endpoint_conditions_{name}"] = condition.GetBoolean() ? "true" : "false";
    }

    /// <summary>Labels and annotations: the value, and <c>…present_</c> with <c>true</c>.</summary>
    private static void AddMap(Dictionary<string, string> target, string prefix, JsonElement? map)
    {
        if (map is not { } entries)
            return;
        foreach (var entry in entries.EnumerateObject())
        {
            var name = Sanitize(entry.Name);
            target[Prefix + prefix + name] = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
            target[$"{Prefix}{prefix.AsSpan(0, prefix.Length - 1)}present_{name}"] = "true";
        }
    }

    /// <summary>Prometheus's SanitizeLabelName.</summary>
    private static string Sanitize(string name) =>
        string.Create(name.Length, name, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = char.IsAsciiLetterOrDigit(from[i]) ? from[i] : '_';
        });

    private static void Set(Dictionary<string, string> target, string name, string? value)
    {
        if (value is not null)
            target[Prefix + name] = value;
    }

    private static JsonElement? Property(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static JsonElement? Object(JsonElement? parent, string name) =>
        parent is { } element && Property(element, name) is { } value
            ? value.ValueKind == JsonValueKind.Object ? value : throw new JsonException($"{name} is no object")
            : null;

    private static JsonElement.ArrayEnumerator Items(JsonElement parent, string name) =>
        Property(parent, name) is { } value
            ? value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw new JsonException($"{name} is no list")
            : default;

    private static string? Text(JsonElement parent, string name) => Property(parent, name) is { } value ? String(value) : null;

    private static string String(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new JsonException("a text was expected");
}
