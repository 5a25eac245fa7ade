using System.Text.Json;
using Sidecar.Primitives;

namespace Sidecar.Discovery;

/// <summary>What of an object's metadata becomes labels.</summary>
internal sealed record ObjectMeta(
    string Namespace, string Name, List<KeyValuePair<string, string>> Labels, List<KeyValuePair<string, string>> Annotations)
{
    public const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <summary>Identity of the object among those of its kind.</summary>
    public string Key => $"{Namespace}/{Name}";

    /// <summary>Of the Service that an object belongs to. An Endpoints object has its name; a slice has that in a label.</summary>
    public string? ServiceName(ObjectKind kind) =>
        kind == ObjectKind.EndpointSlice ? Labels.Find(l => l.Key == ServiceNameLabel).Value : Name;

    /// <exception cref="FormatException">The object does not say which it is.</exception>
    public static ObjectMeta Of(JsonElement item)
    {
        var meta = item.Object("metadata");
        if (!meta.IsThere())
            throw new FormatException("an object has no metadata");
        return meta.Text("name") is { Length: > 0 } name
            ? new(meta.Text("namespace") ?? "", name, meta.Texts("labels"), meta.Texts("annotations"))
            : throw new FormatException("an object has no name");
    }
}
