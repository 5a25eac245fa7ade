
namespace Sidecar.Queueing;

/// <summary>SIDECAR_QUEUE_…: the bounds of what waits for the receiver.</summary>
internal sealed record QueueOptions
{
    public const long DefaultMemoryLimit = 8 * 1024 * 1024;

    /// <summary>Below it the scrapes of an API server may not fit.</summary>
    public const long SmallLimit = 1024 * 1024;

    public const long DefaultDirectoryLimit = 1024 * 1024 * 1024;

    /// <summary>A folder that outlives the process; null for memory alone.</summary>
    public string? Directory { get; init; }

    /// <summary>Bytes of compressed scrapes, in the folder or else in memory; past it the oldest go.</summary>
    public required long SizeLimit { get; init; }

    /// <summary>The same for what is in memory, which with a folder is only what could not be written.</summary>
    public long MemoryLimit => Directory is null ? SizeLimit : Math.Min(SizeLimit, Math.Max(DefaultMemoryLimit, SizeLimit / 128));

    /// <summary>Compressed bytes of one body: while one waits, the next is fetched. By default some 1.2 million series.</summary>
    public long BodyLimit => MemoryLimit / 2;

    /// <summary>The least <see cref="SizeLimit"/> with which a body of this size, compressed, is taken; in whole MiB.</summary>
    public long SizeLimitFor(long body)
    {
        const long Unit = 1024 * 1024;
        var needed = Directory is null || 2 * body <= DefaultMemoryLimit ? 2 * body : 2 * body * 128;
        return (needed + Unit - 1) / Unit * Unit;
    }

    /// <summary>Zero for none.</summary>
    public required TimeSpan AgeLimit { get; init; }
}
