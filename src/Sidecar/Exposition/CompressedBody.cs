using System.Buffers.Binary;
using System.IO.Hashing;
using Sidecar.Memory;

namespace Sidecar.Exposition;

/// <summary>
/// Compressed bytes in pooled blocks: the gzip of one exposition as it came over the wire, or a finished request. Written once, then
/// read any number of times. Shared by reference count: the queue and the staleness of the next scrape hold the same one, and nobody writes
/// to it any more when there is a second reference. The count is changed atomically.
/// </summary>
internal sealed class CompressedBody
{
    /// <summary>Of a piece of 16 KiB: what TLS takes for one record, and one call of the kernel instead of four.</summary>
    private const int BlocksOfPiece = 4;

    /// <summary>So many bytes and what gzip puts around them fill one block: compressed, they would take as much memory.</summary>
    public const int MostStored = BlockPool.BlockSize - 23;

    private readonly List<Block> blocks = [];
    private int references = 1;

    /// <summary>Of an exposition: what its text is written in.</summary>
    public BodyFormat Format { get; set; }

    public BodyReading Reading { get; set; }
    public long Length { get; private set; }

    /// <summary>What it holds in memory, in bytes.</summary>
    public long Capacity => (long)blocks.Count * BlockPool.BlockSize;

    /// <summary>Room at the end to read the next bytes into; never empty.</summary>
    public Memory<byte> FreeSpace()
    {
        var used = (int)(Length % BlockPool.BlockSize);
        if (Length == Capacity)
            blocks.Add(BlockPool.Rent());
        return blocks[^1].Memory(BlockPool.BlockSize)[used..];
    }

    /// <summary>The first <paramref name="count"/> bytes of <see cref="FreeSpace"/> were filled.</summary>
    public void Advance(int count) => Length += count;

    public Stream OpenRead() => new Content(this);

    /// <summary>The bytes, piece by piece: of blocks that lie side by side, as they mostly do, one piece is made.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Pieces()
    {
        var first = 0;
        for (var next = 1; next <= blocks.Count; next++)
        {
            if (next < blocks.Count && next - first < BlocksOfPiece && blocks[next].Follows(blocks[next - 1]))
                continue;
            var length = Math.Min((long)(next - first) * BlockPool.BlockSize, Length - (long)first * BlockPool.BlockSize);
            yield return blocks[first].Memory((int)length);
            first = next;
        }
    }

    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        OpenRead().ReadExactly(bytes);
        return bytes;
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var space = FreeSpace().Span;
            var count = Math.Min(space.Length, bytes.Length);
            bytes[..count].CopyTo(space);
            Advance(count);
            bytes = bytes[count..];
        }
    }

    /// <summary>Gzip without compression, of at most <see cref="MostStored"/>: one stored block (RFC 1952, 2.3; RFC 1951, 3.2.4).</summary>
    public void AppendStored(ReadOnlySpan<byte> plain)
    {
        Span<byte> number = stackalloc byte[4];
        Append([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1]);
        BinaryPrimitives.WriteUInt16LittleEndian(number, (ushort)plain.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(number[2..], (ushort)~plain.Length);
        Append(number);
        Append(plain);
        BinaryPrimitives.WriteUInt32LittleEndian(number, Crc32.HashToUInt32(plain));
        Append(number);
        BinaryPrimitives.WriteInt32LittleEndian(number, plain.Length);
        Append(number);
    }

    public Stream OpenWrite() => new Content(this);

    public CompressedBody AddReference()
    {
        Interlocked.Increment(ref references);
        return this;
    }

    /// <summary>The last one to let go gives the blocks back.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref references) != 0)
            return;
        foreach (var block in blocks)
            BlockPool.Return(block);
        blocks.Clear();
        Length = 0;
    }

    /// <summary>Reads from the start on; writes at the end.</summary>
    private sealed class Content(CompressedBody body) : Stream
    {
        private long position; // of what is read next

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => body.Length;

        public override long Position { get => position; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            var offset = (int)(position % BlockPool.BlockSize);
            var count = (int)Math.Min(Math.Min(buffer.Length, BlockPool.BlockSize - offset), body.Length - position);
            if (count <= 0)
                return 0;
            body.blocks[(int)(position / BlockPool.BlockSize)].Span.Slice(offset, count).CopyTo(buffer);
            position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer) => body.Append(buffer);

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
