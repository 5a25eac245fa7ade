using System.Net;
using System.Net.Sockets;

namespace Sidecar.Discovery;

/// <summary>
/// The discovered labels of endpoints, as Prometheus makes them (discovery/kubernetes/endpointslice.go and endpoints.go). Both spellings of
/// what the two kinds share are set, so that a rule written for one works with the other.
/// </summary>
internal static class EndpointLabels
{
    public const string Prefix = "__meta_kubernetes_";
    private const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <summary>One label set for each port and address, those of not-ready endpoints included: relabeling decides.</summary>
    /// <param name="service">Whose labels and annotations are wanted too; null where they are not.</param>
    public static IEnumerable<Dictionary<string, string>> Of(EndpointGroup group, ObjectMeta? service = null)
    {
        var common = Common(group);
        if (service is not null)
            AddMaps(common, "service_", service);
        foreach (var endpoint in group.Endpoints)
        {
            foreach (var port in group.Ports)
            {
                foreach (var address in endpoint.Addresses)
                {
                    var labels = new Dictionary<string, string>(common);
                    AddPort(labels, port, address);
                    AddEndpoint(labels, endpoint);
                    Set(labels, "endpointslice_address_type", group.AddressType ?? AddressType(address));
                    yield return labels;
                }
            }
        }
    }

    private static Dictionary<string, string> Common(EndpointGroup group)
    {
        var labels = new Dictionary<string, string>();
        var meta = group.Meta;
        // An Endpoints object has the name of its Service; a slice has that in a label.
        var service = group.IsSlice ? meta.Labels.Find(l => l.Key == ServiceNameLabel).Value : meta.Name;
        Set(labels, "namespace", meta.Namespace);
        Set(labels, "service_name", service);
        Set(labels, "endpoints_name", service);
        Set(labels, "endpointslice_name", group.IsSlice ? meta.Name : null);
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoints_"])
            AddMaps(labels, role, meta);
        return labels;
    }

    private static void AddMaps(Dictionary<string, string> labels, string role, ObjectMeta meta)
    {
        AddMap(labels, role + "label_", role + "labelpresent_", meta.Labels);
        AddMap(labels, role + "annotation_", role + "annotationpresent_", meta.Annotations);
    }

    private static void AddPort(Dictionary<string, string> labels, EndpointPort port, string address)
    {
        var number = port.Number?.ToString();
        labels[TargetBuilder.Address] = number is null ? address : address.Contains(':') ? $"[{address}]:{number}" : $"{address}:{number}";
        Set(labels, "endpointslice_port", number);
        Set(labels, "endpointslice_port_app_protocol", port.AppProtocol);
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoint_"])
        {
            Set(labels, role + "port_name", port.Name);
            Set(labels, role + "port_protocol", port.Protocol);
        }
    }

    private static void AddEndpoint(Dictionary<string, string> labels, Endpoint endpoint)
    {
        Set(labels, "endpoint_ready", Flag(endpoint.Ready));
        Set(labels, "endpointslice_endpoint_conditions_ready", Flag(endpoint.Ready));
        Set(labels, "endpointslice_endpoint_conditions_serving", Flag(endpoint.Serving));
        Set(labels, "endpointslice_endpoint_conditions_terminating", Flag(endpoint.Terminating));
        Set(labels, "endpointslice_endpoint_zone", endpoint.Zone);
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_endpoint_", "endpoint_"])
        {
            Set(labels, role + "hostname", endpoint.Hostname);
            Set(labels, role + "node_name", endpoint.NodeName);
        }
        foreach (var role in (ReadOnlySpan<string>)["endpointslice_", "endpoint_"])
        {
            Set(labels, role + "address_target_kind", endpoint.TargetKind);
            Set(labels, role + "address_target_name", endpoint.TargetName);
        }
        AddMap(labels, "endpointslice_endpoint_topology_", "endpointslice_endpoint_topology_present_", endpoint.Topology);
    }

    private static void AddMap(Dictionary<string, string> labels, string prefix, string presentPrefix,
        List<KeyValuePair<string, string>> map)
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
    private static string? Flag(bool? condition) => condition switch
    {
        true => "true",
        false => "false",
        null => null,
    };

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
