using Sidecar.Memory;

namespace Sidecar.Scraping;

/// <summary>
/// Bounds the memory of bodies in flight, from their first byte until they have been worked through: small ones are free, and of
/// large ones there are at most a few at a time. The others wait, within their timeout, and read no further meanwhile.
/// </summary>
/// <param name="limit">Most compressed bytes of one body; who raises it has memory for more of them.</param>
internal sealed class LargeBodies(long limit) : IDisposable
{
    /// <summary>Compressed bytes: some 200,000 series.</summary>
    private const long LargestSmall = 640 * 1024;

    private readonly SemaphoreSlim free = new((int)Math.Clamp(limit / (2 * 1024 * 1024), 2, 100));

    public Slot Begin() => new(free);

    public void Dispose() => free.Dispose();

    internal sealed class Slot(SemaphoreSlim free) : IDisposable
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
            Garbage.Collect();
            free.Release();
        }
    }
}
