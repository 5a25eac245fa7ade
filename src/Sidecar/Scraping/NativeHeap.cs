using System.Runtime.InteropServices;

namespace Sidecar.Scraping;

/// <summary>The C library's heap, which holds the series tables.</summary>
internal static partial class NativeHeap
{
    private static bool isGlibc = OperatingSystem.IsLinux();

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

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int malloc_trim(nuint pad);
}
