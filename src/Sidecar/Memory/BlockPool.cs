namespace Sidecar.Memory;

/// <summary>
/// Blocks for compressed bodies. As many are kept as the busiest moment of the last minutes needed, so that what one scrape lets go of
/// serves the next and never ages into garbage; what an outage piled up goes back to the collector some minutes after it.
/// </summary>
internal static class BlockPool
{
    /// <summary>Bytes of a block: small, so that the last one of a request of 30 kB wastes little.</summary>
    public const int BlockSize = 4 * 1024;

    private const long PeriodMilliseconds = 3 * 60 * 1000;

    // Shared by all passes, targets and workers: read and changed under the lock alone, and a block is in it only while nobody has it.
    private static readonly Stack<byte[]> Free = [];
    private static int used;
    private static int mostUsed;       // in this period
    private static int mostUsedBefore; // in the period before
    private static long periodEnds = Environment.TickCount64 + PeriodMilliseconds;

    public static byte[] Rent()
    {
        lock (Free)
        {
            used++;
            if (used > mostUsed)
                mostUsed = used;
            if (Free.TryPop(out var block))
                return block;
        }
        return GC.AllocateUninitializedArray<byte>(BlockSize);
    }

    public static void Return(byte[] block)
    {
        lock (Free)
        {
            used--;
            if (Environment.TickCount64 >= periodEnds)
                EndPeriod();
            if (used + Free.Count < Math.Max(mostUsed, mostUsedBefore))
                Free.Push(block);
        }
    }

    private static void EndPeriod()
    {
        periodEnds = Environment.TickCount64 + PeriodMilliseconds;
        mostUsedBefore = mostUsed;
        mostUsed = used;
        while (used + Free.Count > mostUsedBefore)
        {
            Free.Pop();
        }
        Free.TrimExcess();
    }
}
