using System.Runtime.InteropServices;

namespace Sidecar.Memory;

/// <summary>The C library's heap, which holds the series tables.</summary>
internal static partial class NativeHeap
{
    private static bool isGlibc = OperatingSystem.IsLinux(); // shared by all threads: it only ever becomes false

    /// <summary>One C heap for all threads, and pages of their own for large blocks. To be called first in the process.</summary>
    public static void UseOneArena()
    {
        if (!isGlibc)
            return;
        try
        {
            _ = mallopt(ArenaMax, 1);
            _ = mallopt(MapThreshold, 128 * 1024);
        }
        catch (EntryPointNotFoundException)
        {
            isGlibc = false;
        }
    }

    /// <summary>Gives freed pages back to the system: what a table leaves behind as it grows would stay resident for good.</summary>
    public static void Trim()
    {
        if (!isGlibc)
            return;
        try
        {
            _ = malloc_trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            isGlibc = false; // musl gives them back by itself
        }
    }

    /// <summary>Zeroed bytes, for a table of series; who has them frees them.</summary>
    public static unsafe nint AllocateZeroed(nuint bytes) => (nint)NativeMemory.AllocZeroed(bytes);

    /// <summary>M_ARENA_MAX of malloc.h.</summary>
    private const int ArenaMax = -8;

    /// <summary>M_MMAP_THRESHOLD of malloc.h.</summary>
    private const int MapThreshold = -3;

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int mallopt(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int malloc_trim(nuint pad);
}
