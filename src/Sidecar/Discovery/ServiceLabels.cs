using Sidecar.Primitives;
using Sidecar.Relabeling;

namespace Sidecar.Discovery;

/// <summary>The labels and annotations of Services that rules read; Services without any are not stored.</summary>
internal sealed class ServiceLabels(RelabelRules rules, ObjectQuery query)
{
    private readonly Dictionary<string, ObjectMeta> known = [];

    public ObjectQuery Query => query;

    /// <summary>When they were asked for, on the monotonic clock.</summary>
    public long Asked { get; init; }

    /// <summary>From which a watch goes on; null where they were not listed, or the list says none.</summary>
    public string? Version { get; set; }

    public ObjectMeta? Find(string ns, string name) => known.GetValueOrDefault($"{ns}/{name}");

    /// <inheritdoc cref="ObjectSink"/>
    public void Add(ReadOnlyMemory<byte> json)
    {
        if (Read(json) is { } meta)
            known[meta.Key] = meta;
    }

    /// <summary>Whether what is known is no longer so after an event.</summary>
    /// <exception cref="FormatException">It is of no Service; the message says why, to people.</exception>
    public bool IsChangedBy(WatchEvent e)
    {
        var before = known.GetValueOrDefault(e.Key);
        var after = e.Type == WatchEventType.Deleted ? null : Read(e.Json);
        return before is null || after is null ? before != after
            : !before.Labels.SequenceEqual(after.Labels) || !before.Annotations.SequenceEqual(after.Annotations);
    }

    /// <summary>Null where nothing of it is wanted.</summary>
    private ObjectMeta? Read(ReadOnlyMemory<byte> json)
    {
        var meta = JsonFields.Read(json, ObjectMeta.Of);
        if (!query.Keeps(meta))
            return null;
        meta.Labels.RemoveAll(l => !IsRead("label", l.Key));
        meta.Annotations.RemoveAll(a => !IsRead("annotation", a.Key));
        return meta.Labels.Count + meta.Annotations.Count > 0 ? meta : null;
    }

    private bool IsRead(string sort, string key)
    {
        var (prefix, name) = ($"{EndpointLabels.Prefix}service_{sort}", EndpointLabels.Sanitize(key));
        return rules.Reads($"{prefix}_{name}") || rules.Reads($"{prefix}present_{name}");
    }
}
