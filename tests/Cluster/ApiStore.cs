using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cluster;

/// <summary>Endpoints and EndpointSlices of a cluster, shared by its API servers. Every change takes the next resourceVersion.</summary>
public sealed class ApiStore
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, JsonObject> objects = new(StringComparer.Ordinal); // kind/namespace/name
    private long version = 200;

    public long Version
    {
        get
        {
            lock (gate)
                return version;
        }
    }

    /// <summary>A slice as kube-apiserver keeps it for the Service <c>kubernetes</c>: managedFields and all.</summary>
    public void SetSlice(
        string ns, string name, string service, IEnumerable<string> addresses, int port, string portName = "https", string addressType = "IPv4",
        bool ready = true)
    {
        var endpoints = new JsonArray([.. addresses.Select(a => new JsonObject
        {
            ["addresses"] = new JsonArray(a),
            ["conditions"] = new JsonObject { ["ready"] = ready },
        })]);
        Set("endpointslices", ns, name, new JsonObject
        {
            ["metadata"] = Metadata(ns, name, new JsonObject { ["kubernetes.io/service-name"] = service }),
            ["addressType"] = addressType,
            ["endpoints"] = endpoints,
            ["ports"] = new JsonArray(new JsonObject { ["name"] = portName, ["protocol"] = "TCP", ["port"] = port }),
        });
    }

    /// <summary>An Endpoints object with one subset for each port.</summary>
    public void SetEndpoints(string ns, string name, IEnumerable<(string Address, int Port)> endpoints, string portName = "https") =>
        Set("endpoints", ns, name, new JsonObject
        {
            ["kind"] = "Endpoints",
            ["apiVersion"] = "v1",
            ["metadata"] = Metadata(ns, name, new JsonObject { ["endpointslice.kubernetes.io/skip-mirror"] = "true" }),
            ["subsets"] = new JsonArray([.. endpoints.GroupBy(e => e.Port).Select(g => new JsonObject
            {
                ["addresses"] = new JsonArray([.. g.Select(e => new JsonObject { ["ip"] = e.Address })]),
                ["ports"] = new JsonArray(new JsonObject { ["name"] = portName, ["port"] = g.Key, ["protocol"] = "TCP" }),
            })]),
        });

    public void Set(string kind, string ns, string name, JsonObject value)
    {
        lock (gate)
        {
            value["metadata"]!["resourceVersion"] = $"{++version}";
            objects[$"{kind}/{ns}/{name}"] = value;
        }
    }

    public bool Remove(string kind, string ns, string name)
    {
        lock (gate)
        {
            version++;
            return objects.Remove($"{kind}/{ns}/{name}");
        }
    }

    /// <summary>Objects in the order of their names, as etcd lists them.</summary>
    public List<JsonObject> List(string kind, string? ns)
    {
        lock (gate)
            return [.. objects.Where(o => o.Key.StartsWith($"{kind}/{(ns is null ? "" : ns + "/")}", StringComparison.Ordinal)).Select(o => (JsonObject)o.Value.DeepClone())];
    }

    public JsonObject? Get(string kind, string ns, string name)
    {
        lock (gate)
            return objects.TryGetValue($"{kind}/{ns}/{name}", out var value) ? (JsonObject)value.DeepClone() : null;
    }

    private static JsonObject Metadata(string ns, string name, JsonObject labels) => new()
    {
        ["name"] = name,
        ["namespace"] = ns,
        ["uid"] = "22827951-e033-42ad-8ac6-fd09dc09cabf",
        ["generation"] = 2,
        ["creationTimestamp"] = "2026-11-23T04:18:52Z",
        ["labels"] = labels,
        ["managedFields"] = JsonNode.Parse("""
            [{"manager":"kube-apiserver","operation":"Update","time":"2026-11-23T04:18:55Z","fieldsType":"FieldsV1","fieldsV1":{"f:addressType":{},"f:ports":{}}}]
            """),
    };
}
