using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Primitives;

namespace Sidecar.Discovery;

/// <summary>
/// The discovered labels of endpoints, as Prometheus makes them (discovery/kubernetes/endpointslice.go and endpoints.go). Both spellings of
/// what the two kinds share are set, so that a rule written for one works with the other.
/// </summary>
internal static class EndpointLabels
{
    public const string Prefix = "__meta_kubernetes_";

    /// <summary>One label set for each port and address of an object, those of not-ready endpoints included: relabeling decides.</summary>
    /// <param name="item">A slice, or an Endpoints object. Unknown fields are skipped.</param>
    /// <param name="service">Whose labels and annotations are wanted too; null where they are not.</param>
    /// <param name="wantsPort">Asked with the name of each port, which is empty for one without.</param>
    /// <exception cref="FormatException">It is no such object; the message says why, to people.</exception>
    public static List<Dictionary<string, string>> Of(
        ObjectKind kind, JsonElement item, ObjectMeta meta, ObjectMeta? service, Predicate<string> wantsPort)
    {
        var found = new List<Dictionary<string, string>>();
        var common = Common(kind, meta);
        if (service is not null)
            AddMaps(common, "service_", service);
        if (kind == ObjectKind.EndpointSlice)
        {
            Set(common, "endpointslice_address_type", item.Text("addressType"));
            Add(item, "endpoints", static endpoint => endpoint.Object("conditions").Flag("ready"));
            return found;
        }
        foreach (var subset in item.Items("subsets"))
        {
            Add(subset, "addresses", static _ => true);
            Add(subset, "notReadyAddresses", static _ => false);
        }
        return found;

        void Add(JsonElement group, string list, Func<JsonElement, bool?> isReady)
        {
            var ports = Ports(group);
            foreach (var endpoint in group.Items(list))
            {
                var ofEndpoint = new Dictionary<string, string>(common);
                AddEndpoint(ofEndpoint, endpoint, isReady(endpoint));
                foreach (var address in Addresses(kind, endpoint))
                {
                    foreach (var port in ports)
                    {
                        if (!wantsPort(port.Name ?? ""))
                            continue;
                        var labels = new Dictionary<string, string>(ofEndpoint);
                        AddPort(labels, port, address);
                        if (kind == ObjectKind.Endpoints)
                            Set(labels, "endpointslice_address_type", AddressType(address));
                        found.Add(labels);
                    }
                }
            }
        }
    }

    /// <summary>A port of a slice may have no number.</summary>
    private readonly record struct Port(string? Name, string? Protocol, int? Number, string? AppProtocol);

    private static List<Port> Ports(JsonElement group)
    {
        var ports = new List<Port>();
        foreach (var port in group.Items("ports"))
        {
            var number = port.Number("port", 65535, "a port number");
            if (port.IsThere())
                ports.Add(new(port.Text("name"), port.Text("protocol"), number, port.Text("appProtocol")));
        }
        return ports;
    }

    /// <summary>An endpoint of a slice has a list of them, an address of a subset its <c>ip</c>.</summary>
    private static List<string> Addresses(ObjectKind kind, JsonElement endpoint)
    {
        var addresses = new List<string>();
        if (kind == ObjectKind.Endpoints)
            addresses.Add(endpoint.Text("ip") ?? throw new FormatException("an address has no ip"));
        else
            foreach (var address in endpoint.Items("addresses"))
                addresses.Add(address.AsText("an address") ?? "");
        return addresses.Contains("") ? throw new FormatException("an address is empty") : addresses;
    }

    private static Dictionary<string, string> Common(ObjectKind kind, ObjectMeta meta)
    {
        var labels = new Dictionary<string, string>();
        Set(labels, "namespace", meta.Namespace);
        Set(labels, "service_name", meta.ServiceName(kind));
        Set(labels, "endpoints_name", meta.ServiceName(kind));
        Set(labels, "endpointslice_name", kind == ObjectKind.EndpointSlice ? meta.Name : null);
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoints_"])
            AddMaps(labels, role, meta);
        return labels;
    }

    private static void AddMaps(Dictionary<string, string> labels, string role, ObjectMeta meta)
    {
        AddMap(labels, role + "label_", role + "labelpresent_", meta.Labels);
        AddMap(labels, role + "annotation_", role + "annotationpresent_", meta.Annotations);
    }

    private static void AddPort(Dictionary<string, string> labels, Port port, string address)
    {
        var number = port.Number?.ToString();
        labels[TargetBuilder.Address] = number is null ? address : $"{Hosts.Bracketed(address)}:{number}";
        Set(labels, "endpointslice_port", number);
        Set(labels, "endpointslice_port_app_protocol", port.AppProtocol);
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoint_"])
        {
            Set(labels, role + "port_name", port.Name);
            Set(labels, role + "port_protocol", port.Protocol);
        }
    }

    private static void AddEndpoint(Dictionary<string, string> labels, JsonElement endpoint, bool? ready)
    {
        var conditions = endpoint.Object("conditions");
        var target = endpoint.Object("targetRef");
        Set(labels, "endpoint_ready", Flag(ready));
        Set(labels, "endpointslice_endpoint_conditions_ready", Flag(ready));
        Set(labels, "endpointslice_endpoint_conditions_serving", Flag(conditions.Flag("serving")));
        Set(labels, "endpointslice_endpoint_conditions_terminating", Flag(conditions.Flag("terminating")));
        Set(labels, "endpointslice_endpoint_zone", endpoint.Text("zone"));
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_endpoint_", "endpoint_"])
        {
            Set(labels, role + "hostname", endpoint.Text("hostname"));
            Set(labels, role + "node_name", endpoint.Text("nodeName"));
        }
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoint_"])
        {
            Set(labels, role + "address_target_kind", target.Text("kind"));
            Set(labels, role + "address_target_name", target.Text("name"));
        }
        AddMap(labels, "endpointslice_endpoint_topology_", "endpointslice_endpoint_topology_present_",
            endpoint.Texts("deprecatedTopology")); // of slices that were made before Kubernetes 1.21
    }

    private static void AddMap(
        Dictionary<string, string> labels, string prefix, string presentPrefix, List<KeyValuePair<string, string>> map)
    {
        foreach (var (key, value) in map)
        {
            var name = Sanitize(key);
            Set(labels, prefix + name, value);
            Set(labels, presentPrefix + name, "true");
        }
    }

    /// <summary>An empty label is none.</summary>
    private static void Set(Dictionary<string, string> labels, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            labels[Prefix + name] = value;
    }

    /// <summary>A condition that is not known has no label.</summary>
    private static string? Flag(bool? condition) => condition is null ? null : condition.Value ? "true" : "false";

    private static string AddressType(string address) =>
        IPAddress.TryParse(address, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4";

    /// <summary>Prometheus's SanitizeLabelName (util/strutil): what no label name can hold becomes an underscore.</summary>
    public static string Sanitize(string name) =>
        string.Create(name.Length, name, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = char.IsAsciiLetterOrDigit(from[i]) ? from[i] : '_';
        });
}
