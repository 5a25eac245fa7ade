using System.Net;

namespace Sidecar.Discovery;

internal enum WatchEventType
{
    Added,
    Modified,
    Deleted,
    /// <summary>Only the version has gone on.</summary>
    Bookmark,
    /// <summary>The watch cannot go on; the object is a Status.</summary>
    Error,
}

/// <summary>One event of a watch (Kubernetes API reference: meta/v1 WatchEvent).</summary>
internal readonly ref struct WatchEvent
{
    public required WatchEventType Type { get; init; }

    /// <summary>The object after the event, or as it was when it was deleted.</summary>
    public required ReadOnlySpan<byte> Json { get; init; }

    public required EndpointReader.Head Object { get; init; }

    /// <summary>Of an error: 410 where the version is no longer known.</summary>
    public HttpStatusCode Status { get; init; }

    /// <summary>Of an error: the API server's words.</summary>
    public string? Message { get; init; }

    /// <param name="json">One whole value.</param>
    /// <exception cref="FormatException">It is no event; the message says why, to people.</exception>
    public static WatchEvent Read(ReadOnlySpan<byte> json)
    {
        var walk = new JsonWalk(json);
        string? type = null;
        ReadOnlySpan<byte> value = default;
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("type"u8))
                    type = walk.Text();
                else if (walk.Is("object"u8))
                    value = walk.Raw();
                else
                    walk.Skip();
            }
        }
        if (value.IsEmpty)
            throw JsonWalk.Error("an event has no object");
        return type switch
        {
            "ADDED" => Of(WatchEventType.Added, value),
            "MODIFIED" => Of(WatchEventType.Modified, value),
            "DELETED" => Of(WatchEventType.Deleted, value),
            "BOOKMARK" => Of(WatchEventType.Bookmark, value),
            "ERROR" => Error(value),
            _ => throw JsonWalk.Error("an event is of no known type"),
        };
    }

    private static WatchEvent Of(WatchEventType type, ReadOnlySpan<byte> json)
    {
        var head = EndpointReader.ReadHead(json);
        if (head.Version is null)
            throw JsonWalk.Error("the object of an event has no resourceVersion");
        if (type != WatchEventType.Bookmark && head.Name.Length == 0)
            throw JsonWalk.Error("the object of an event has no name");
        return new WatchEvent { Type = type, Json = json, Object = head };
    }

    private static WatchEvent Error(ReadOnlySpan<byte> json)
    {
        var walk = new JsonWalk(json);
        int? code = null;
        string? reason = null, message = null;
        if (walk.Object())
        {
            while (walk.NextField())
            {
                if (walk.Is("code"u8))
                    code = walk.Number();
                else if (walk.Is("reason"u8))
                    reason = walk.Text();
                else if (walk.Is("message"u8))
                    message = walk.Text();
                else
                    walk.Skip();
            }
        }
        var isGone = code == 410 || reason is "Expired" or "Gone";
        return new WatchEvent
        {
            Type = WatchEventType.Error,
            Json = json,
            Object = default,
            Status = isGone ? HttpStatusCode.Gone : (HttpStatusCode)(code ?? 500),
            Message = message,
        };
    }
}
