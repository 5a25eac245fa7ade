using System.Text.Json;

namespace Sidecar.Discovery;

/// <summary>What of a list's or an object's metadata says which and when it is.</summary>
/// <param name="Kind">Null where the object does not say, as in the items of a list.</param>
/// <param name="Version">Null where there is none.</param>
/// <param name="Continue">Asks for the list's next page; null at the last.</param>
internal readonly record struct ObjectHead(string? Kind, string Namespace, string Name, string? Version, string? Continue)
{
    /// <summary>Identity of the object among those of its kind.</summary>
    public string Key => $"{Namespace}/{Name}";

    public static ObjectHead Of(JsonElement value) => OfMetadata(value.Object("metadata")) with { Kind = value.Text("kind") };

    public static ObjectHead OfMetadata(JsonElement metadata) => new(null, metadata.Text("namespace") ?? "", metadata.Text("name") ?? "",
        NotEmpty(metadata.Text("resourceVersion")), NotEmpty(metadata.Text("continue")));

    private static string? NotEmpty(string? text) => text is { Length: > 0 } ? text : null;
}
