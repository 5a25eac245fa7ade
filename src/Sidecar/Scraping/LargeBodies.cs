namespace Sidecar.Scraping;

/// <summary>
/// Bounds the memory of the bodies in the air, from their first byte until they have been worked through: small ones are free, and of
/// large ones there are at most a few at a time. The others wait, within their timeout, and read no further meanwhile.
/// </summary>
internal sealed class LargeBodies : IDisposable
{
    private const int AtOnce = 2;

    /// <summary>Compressed bytes: 300,000 series and more.</summary>
    private const long LargestSmall = 1024 * 1024;

    private readonly SemaphoreSlim free = new(AtOnce);

    /// <summary>For one body.</summary>
    public Turn Begin() => new(free);

    public void Dispose() => free.Dispose();

    internal sealed class Turn(SemaphoreSlim free) : IDisposable
    {
        private bool isTaken;

        /// <summary>Before the body becomes longer than this.</summary>
        public async ValueTask GrowAsync(long length, CancellationToken cancellation)
        {
            if (isTaken || length <= LargestSmall)
                return;
            await free.WaitAsync(cancellation);
            isTaken = true;
        }

        public void Dispose()
        {
            if (!isTaken)
                return;
            isTaken = false;
            // What such a body leaves behind would otherwise stay until the collector's budget for old objects is spent, several of them later.
            GC.Collect();
            free.Release();
        }
    }
}
