using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cluster;

/// <summary>
/// The objects of a cluster with their history, as etcd keeps them, shared by its API servers. Every change takes the next resourceVersion.
/// </summary>
public sealed class ApiStore
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, JsonObject> objects = new(StringComparer.Ordinal); // kind/namespace/name
    private readonly List<StoreEvent> history = [];
    private TaskCompletionSource changed = Signal();
    private long version = 200;
    private long compacted;

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
        string ns, string name, string service, IEnumerable<string> addresses, int port, string portName = "https",
        string addressType = "IPv4",
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
            var key = $"{kind}/{ns}/{name}";
            Record(new StoreEvent(version, key, objects.GetValueOrDefault(key), value));
            objects[key] = value;
        }
    }

    /// <summary>Changes that nobody sees before the last of them is made.</summary>
    public void Together(Action changes)
    {
        lock (gate)
            changes();
    }

    /// <summary>Makes an object that is not there; null where it is.</summary>
    public JsonObject? Create(string kind, string ns, string name, JsonObject value)
    {
        lock (gate)
        {
            if (objects.ContainsKey($"{kind}/{ns}/{name}"))
                return null;
            Set(kind, ns, name, value);
            return (JsonObject)value.DeepClone();
        }
    }

    /// <summary>
    /// Merges a patch (RFC 7396) into an object that is there; null where the patch names another resourceVersion than it has.
    /// </summary>
    public JsonObject? Patch(string kind, string ns, string name, JsonObject patch)
    {
        lock (gate)
        {
            var value = (JsonObject)objects[$"{kind}/{ns}/{name}"].DeepClone();
            if (patch["metadata"]?["resourceVersion"] is { } expected
                && (string)expected! != (string)value["metadata"]!["resourceVersion"]!)
                return null;
            Merge(value, patch);
            Set(kind, ns, name, value);
            return (JsonObject)value.DeepClone();
        }

        static void Merge(JsonObject into, JsonObject patch)
        {
            foreach (var (key, field) in patch)
            {
                if (field is null)
                    into.Remove(key);
                else if (field is JsonObject inner && into[key] is JsonObject old)
                    Merge(old, inner);
                else
                    into[key] = field.DeepClone();
            }
        }
    }

    /// <summary>A Service with labels and annotations.</summary>
    public void SetService(string ns, string name, JsonObject labels, JsonObject? annotations = null)
    {
        var metadata = Metadata(ns, name, labels);
        if (annotations is not null)
            metadata["annotations"] = annotations;
        Set("services", ns, name, new JsonObject
        {
            ["metadata"] = metadata,
            ["spec"] = new JsonObject { ["clusterIP"] = "10.96.0.1", ["type"] = "ClusterIP" },
            ["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() },
        });
    }

    /// <summary>The version goes on without a change to any object that is kept here, as other objects let it.</summary>
    public void Advance(int by = 1)
    {
        lock (gate)
        {
            version += by;
            Wake();
        }
    }

    /// <summary>What was before now is forgotten: older versions, and the continue tokens of older lists, are answered with 410.</summary>
    public void Compact()
    {
        lock (gate)
        {
            compacted = ++version;
            history.Clear();
            Wake();
        }
    }

    public bool Remove(string kind, string ns, string name)
    {
        lock (gate)
        {
            if (!objects.Remove($"{kind}/{ns}/{name}", out var before))
                return false;
            Record(new StoreEvent(++version, $"{kind}/{ns}/{name}", before, null));
            return true;
        }
    }

    /// <summary>Objects in the order of their names, as etcd lists them.</summary>
    public List<JsonObject> List(string kind, string? ns)
    {
        lock (gate)
            return [.. objects.Where(o => o.Key.StartsWith(Prefix(kind, ns), StringComparison.Ordinal))
                .Select(o => (JsonObject)o.Value.DeepClone())];
    }

    /// <summary>A list as it was at a version; null where that is forgotten.</summary>
    internal List<JsonObject>? List(string kind, string? ns, long at)
    {
        lock (gate)
        {
            if (at < compacted)
                return null;
            var past = new SortedDictionary<string, JsonObject>(objects, StringComparer.Ordinal);
            foreach (var change in Enumerable.Reverse(history).TakeWhile(e => e.Version > at))
            {
                if (change.Before is null)
                    past.Remove(change.Key);
                else
                    past[change.Key] = change.Before;
            }
            return [.. past.Where(o => o.Key.StartsWith(Prefix(kind, ns), StringComparison.Ordinal))
                .Select(o => (JsonObject)o.Value.DeepClone())];
        }
    }

    /// <summary>
    /// The changes after a version, null where that is forgotten; the version now; and a task that ends with the next change.
    /// </summary>
    internal (List<StoreEvent>? Changes, long Version, Task Next) Since(string kind, string? ns, long after)
    {
        lock (gate)
        {
            if (after < compacted)
                return (null, version, changed.Task);
            var changes = history.Where(e => e.Version > after && e.Key.StartsWith(Prefix(kind, ns), StringComparison.Ordinal));
            return ([.. changes.Select(e => e with { Before = Clone(e.Before), After = Clone(e.After) })], version, changed.Task);
        }
    }

    public JsonObject? Get(string kind, string ns, string name)
    {
        lock (gate)
            return objects.TryGetValue($"{kind}/{ns}/{name}", out var value) ? (JsonObject)value.DeepClone() : null;
    }

    private void Record(StoreEvent change)
    {
        history.Add(change);
        Wake();
    }

    private void Wake()
    {
        var woken = changed;
        changed = Signal();
        woken.SetResult();
    }

    private static string Prefix(string kind, string? ns) => $"{kind}/{(ns is null ? "" : ns + "/")}";

    private static JsonObject? Clone(JsonObject? value) => (JsonObject?)value?.DeepClone();

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

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
