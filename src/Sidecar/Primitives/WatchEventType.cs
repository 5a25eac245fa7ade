namespace Sidecar.Primitives;

/// <summary>What an event of a watch says of its object.</summary>
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
