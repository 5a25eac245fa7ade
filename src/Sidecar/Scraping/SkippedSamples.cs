namespace Sidecar.Scraping;

/// <summary>
/// Which samples of a body, counted from 0 in their order, are not sent: duplicates, out of order, too far in the future. Decided once,
/// when the scrape is validated, so that sending it later or again needs no memory of what was before. About a byte each.
/// </summary>
internal sealed class SkippedSamples
{
    private readonly List<byte> gaps = []; // varints: distance to the one before
    private int last = -1;

    public int Count { get; private set; }

    public long Size => gaps.Count;

    /// <summary>As <see cref="From"/> takes them.</summary>
    public ReadOnlySpan<byte> Bytes => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(gaps);

    public static SkippedSamples From(ReadOnlySpan<byte> bytes)
    {
        var skipped = new SkippedSamples();
        skipped.gaps.AddRange(bytes);
        foreach (var part in bytes)
            skipped.Count += part < 0x80 ? 1 : 0;
        return skipped;
    }

    /// <param name="ordinal">Greater than all before.</param>
    public void Add(int ordinal)
    {
        var gap = ordinal - last;
        last = ordinal;
        Count++;
        for (; gap >= 0x80; gap >>= 7)
            gaps.Add((byte)(gap | 0x80));
        gaps.Add((byte)gap);
    }

    public Cursor Start() => new(this);

    /// <summary>Walks along with the samples.</summary>
    public struct Cursor
    {
        private readonly SkippedSamples skipped;
        private int at;
        private int next;

        public Cursor(SkippedSamples skipped)
        {
            this.skipped = skipped;
            next = -1;
            MoveNext();
        }

        /// <summary>Asked for every ordinal, in order.</summary>
        public bool Skips(int ordinal)
        {
            if (ordinal != next)
                return false;
            MoveNext();
            return true;
        }

        private void MoveNext()
        {
            if (at == skipped.gaps.Count)
            {
                next = int.MaxValue;
                return;
            }
            var gap = 0;
            for (var shift = 0; ; shift += 7)
            {
                var part = skipped.gaps[at++];
                gap |= (part & 0x7f) << shift;
                if (part < 0x80)
                    break;
            }
            next += gap;
        }
    }
}
