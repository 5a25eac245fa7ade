namespace Sidecar.Records;

/// <summary>
/// Which samples of a body, counted from 0 in their order, are not sent: duplicates, out of order, too far in the future. Decided once,
/// when the scrape is validated, so that sending it later or again needs no memory of what was before. About two bytes for each run of
/// neighbours: a body may well repeat one line a hundred million times. It never changes.
/// </summary>
internal sealed class SkippedSamples
{
    public static readonly SkippedSamples None = new([]);

    private readonly ImmutableArray<byte> runs; // varints, two a run: kept samples before it, and its length

    private SkippedSamples(ImmutableArray<byte> runs) => this.runs = runs;

    public long Size => runs.Length;

    /// <summary>As <see cref="From"/> takes them.</summary>
    public ReadOnlySpan<byte> Bytes => runs.AsSpan();

    /// <param name="bytes">Whole runs.</param>
    public static SkippedSamples From(ReadOnlySpan<byte> bytes) => new([.. bytes]);

    public Cursor Start() => new(this);

    public sealed class Builder
    {
        private readonly List<byte> runs = [];
        private int last = -1; // of the run that grows
        private int length;
        private int kept;

        /// <param name="ordinal">Greater than all before.</param>
        public void Add(int ordinal)
        {
            if (ordinal == last + 1)
            {
                length++;
            }
            else
            {
                Close();
                kept = ordinal - last - 1;
                length = 1;
            }
            last = ordinal;
        }

        /// <summary>What was added; null for nothing. Ends the builder's use.</summary>
        public SkippedSamples? Build()
        {
            Close();
            return runs.Count == 0 ? null : new SkippedSamples([.. runs]);
        }

        private void Close()
        {
            if (length == 0)
                return;
            Write(kept);
            Write(length);
            kept = length = 0;
        }

        private void Write(int number)
        {
            for (; number >= 0x80; number >>= 7)
                runs.Add((byte)(number | 0x80));
            runs.Add((byte)number);
        }
    }

    public struct Cursor
    {
        private readonly ImmutableArray<byte> runs;
        private int at;
        private int first;
        private int end;

        public Cursor(SkippedSamples skipped)
        {
            runs = skipped.runs;
            Next();
        }

        public bool Skips(int ordinal)
        {
            if (ordinal < first)
                return false;
            if (ordinal + 1 == end)
                Next();
            return true;
        }

        private void Next()
        {
            if (at == runs.Length)
            {
                first = end = int.MaxValue;
                return;
            }
            first = end + Read();
            end = first + Read();
        }

        private int Read()
        {
            var number = 0;
            for (var shift = 0; ; shift += 7)
            {
                var part = runs[at++];
                number |= (part & 0x7f) << shift;
                if (part < 0x80)
                    return number;
            }
        }
    }
}
