namespace Sidecar.Memory;

/// <summary>
/// What only hostile or very large targets leave behind: too much at once to wait until the collector thinks of its old objects.
/// </summary>
internal static class Garbage
{
    /// <summary>
    /// Takes some milliseconds. Objects stay where they are: moving them takes, for a moment, the memory of all that move.
    /// </summary>
    public static void Collect() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
}
