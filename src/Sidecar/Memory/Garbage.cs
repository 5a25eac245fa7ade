namespace Sidecar.Memory;

/// <summary>Collects what hostile or very large targets leave behind: too much to wait for the collector.</summary>
internal static class Garbage
{
    /// <summary>Takes milliseconds. Objects are not compacted: that needs their memory twice for a moment.</summary>
    public static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
}
