using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Sidecar.Primitives;

namespace Sidecar.Discovery;

/// <summary>One event of a watch (Kubernetes API reference: meta/v1 WatchEvent).</summary>
internal sealed class WatchEvent
{
    public required WatchEventType Type { get; init; }

    /// <summary>The object after the event, or as it was when it was deleted.</summary>
    public required ReadOnlyMemory<byte> Json { get; init; }

    public string? Kind { get; init; }

    /// <summary>Of the object, as <see cref="ObjectMeta.Key"/>.</summary>
    public string Key { get; init; } = "";

    /// <summary>Of the cluster after the event; null of an error.</summary>
    public string? Version { get; init; }

    /// <summary>Of an error: 410 where the version is no longer known.</summary>
    public HttpStatusCode Status { get; init; }

    public string? Message { get; init; }

    /// <param name="json">One whole value, a part of which the event goes on using.</param>
    /// <exception cref="FormatException">It is no event; the message says why, to people.</exception>
    public static WatchEvent Read(ReadOnlyMemory<byte> json) => JsonFields.Read(json, value =>
    {
        var type = value.Text("type");
        if (!value.IsThere() || !value.TryGetProperty("object", out var item))
            throw new FormatException("an event has no object");
        var text = JsonMarshal.GetRawUtf8Value(item);
        json.Span.Overlaps(text, out var start);
        var itself = json.Slice(start, text.Length);
        return type switch
        {
            "ADDED" => Of(WatchEventType.Added, item, itself),
            "MODIFIED" => Of(WatchEventType.Modified, item, itself),
            "DELETED" => Of(WatchEventType.Deleted, item, itself),
            "BOOKMARK" => Of(WatchEventType.Bookmark, item, itself),
            "ERROR" => Error(item),
            _ => throw new FormatException("an event is of no known type"),
        };
    });

    private static WatchEvent Of(WatchEventType type, JsonElement value, ReadOnlyMemory<byte> json)
    {
        var meta = value.Object("metadata");
        if (meta.FilledText("resourceVersion") is not { } version)
            throw new FormatException("the object of an event has no resourceVersion");
        // A bookmark's has nothing else.
        var key = type == WatchEventType.Bookmark ? "" : ObjectMeta.Of(value).Key;
        return new WatchEvent { Type = type, Json = json, Kind = value.Text("kind"), Key = key, Version = version };
    }

    private static WatchEvent Error(JsonElement status)
    {
        var code = status.Number("code");
        var isGone = code == 410 || status.Text("reason") is "Expired" or "Gone";
        return new WatchEvent
        {
            Type = WatchEventType.Error,
            Json = default,
            Status = isGone ? HttpStatusCode.Gone : (HttpStatusCode)(code ?? 500),
            Message = status.Text("message"),
        };
    }
}
