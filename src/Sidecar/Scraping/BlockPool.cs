namespace Sidecar.Scraping;

/// <summary>
/// Blocks for compressed bodies. What a scrape needs is kept for the next one, so that it never ages into garbage; what is left over
/// from an outage goes back to the collector.
/// </summary>
internal static class BlockPool
{
    /// <summary>4 MiB: one scrape of 150,000 series as a body and as requests.</summary>
    private const int Most = 4 * 1024 * 1024 / CompressedBody.BlockSize;

    private static readonly Stack<byte[]> Free = [];

    public static byte[] Rent()
    {
        lock (Free)
        {
            if (Free.TryPop(out var block))
                return block;
        }
        return GC.AllocateUninitializedArray<byte>(CompressedBody.BlockSize);
    }

    public static void Return(byte[] block)
    {
        lock (Free)
        {
            if (Free.Count < Most)
                Free.Push(block);
        }
    }
}
