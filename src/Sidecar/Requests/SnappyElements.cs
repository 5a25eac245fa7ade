using System.Runtime.CompilerServices;

namespace Sidecar.Requests;

/// <summary>
/// Writes the elements of a snappy block for somebody who knows what repeats: literals, and copies of what stands some bytes before
/// (format_description.txt of google/snappy, section 2). A compressor has to search for that. Copies that follow each other at one
/// distance become one, and so do literals. A long literal is left to IronSnappy.
/// </summary>
internal sealed class SnappyElements
{
    /// <summary>A copy reaches back so far; what is farther takes five bytes, and other encoders do not write it.</summary>
    public const int Farthest = ushort.MaxValue;

    /// <summary>What is shorter takes no fewer bytes as a copy, and ends the literal around it.</summary>
    private const int ShortestCopy = 4;

    private const int LongestCopy = 64;

    /// <summary>From here on a literal is worth a search: the labels of a first series are shorter.</summary>
    private const int LongLiteral = 1024;

    private readonly byte[] written = new byte[2 * 1024]; // elements that the request does not have yet
    private int count;  // of those bytes
    private int length; // of the message that they stand for
    private byte[] literal = new byte[LongLiteral];
    private int literalLength;
    private int copyLength; // where it is not zero, the literal is empty
    private int copyDistance;
    private EncodedRequest? request; // where there are more elements than are held here
    private WriteVersion version;

    /// <summary>Begins a request; what there is of the one before is dropped.</summary>
    public void Begin(WriteVersion version)
    {
        this.version = version;
        request?.Release();
        request = null;
        count = length = literalLength = copyLength = 0;
    }

    /// <summary>The request of all that was given since it was begun.</summary>
    public EncodedRequest End()
    {
        Close();
        Flush();
        var ended = request!;
        request = null;
        return ended;
    }

    public void Literal(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        if (copyLength > 0)
            CloseCopy();
        while (!bytes.IsEmpty)
        {
            var part = bytes[..Math.Min(bytes.Length, EncodedRequest.PartSize - literalLength)];
            if (literal.Length - literalLength < part.Length)
                Array.Resize(ref literal, Math.Min(EncodedRequest.PartSize, Math.Max(literalLength + part.Length, 2 * literal.Length)));
            part.CopyTo(literal.AsSpan(literalLength));
            literalLength += part.Length;
            if (literalLength == EncodedRequest.PartSize)
                CompressLiteral();
            bytes = bytes[part.Length..];
        }
    }

    /// <summary>The same bytes stand so far before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Copy(int distance, ReadOnlySpan<byte> bytes)
    {
        if (distance == copyDistance && copyLength > 0)
            copyLength += bytes.Length;
        else
            BeginCopy(distance, bytes);
    }

    private void BeginCopy(int distance, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < ShortestCopy || distance > Farthest)
        {
            Literal(bytes);
            return;
        }
        Close();
        (copyDistance, copyLength) = (distance, bytes.Length);
    }

    private void Close()
    {
        if (copyLength > 0)
            CloseCopy();
        else if (literalLength > 0)
            CloseLiteral();
    }

    private void CloseCopy()
    {
        length += copyLength;
        while (copyLength > LongestCopy)
        {
            // What is left is long enough for a copy, too.
            var part = copyLength >= LongestCopy + ShortestCopy ? LongestCopy : LongestCopy - ShortestCopy;
            WriteCopy(part);
            copyLength -= part;
        }
        WriteCopy(copyLength);
        copyLength = 0;
    }

    /// <summary>Tag 01: 4 to 11 bytes, from less than 2,048 before. Tag 10: 1 to 64 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void WriteCopy(int size)
    {
        var to = Room(3);
        if (size < 12 && copyDistance < 2048)
        {
            to[1] = (byte)copyDistance;
            to[0] = (byte)(copyDistance >> 8 << 5 | size - 4 << 2 | 1);
            count += 2;
            return;
        }
        to[2] = (byte)(copyDistance >> 8);
        to[1] = (byte)copyDistance;
        to[0] = (byte)(size - 1 << 2 | 2);
        count += 3;
    }

    /// <summary>Tag 00: up to 60 bytes by the tag; more by one byte or two behind it.</summary>
    private void CloseLiteral()
    {
        if (literalLength > LongLiteral)
        {
            CompressLiteral();
            return;
        }
        var bytes = literal.AsSpan(0, literalLength);
        literalLength = 0;
        length += bytes.Length;
        var to = Room(3 + bytes.Length);
        var last = bytes.Length - 1;
        var header = last < 60 ? 1 : last < 256 ? 2 : 3;
        to[0] = (byte)(header == 1 ? last << 2 : header + 58 << 2);
        if (header > 1)
            to[1] = (byte)last;
        if (header > 2)
            to[2] = (byte)(last >> 8);
        bytes.CopyTo(to[header..]);
        count += header + bytes.Length;
    }

    private void CompressLiteral()
    {
        Flush();
        request!.AppendMessage(literal.AsSpan(0, literalLength));
        literalLength = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Room(int size)
    {
        if (written.Length - count < size)
            Flush();
        return written.AsSpan(count);
    }

    private void Flush()
    {
        request ??= new EncodedRequest(version);
        request.AppendElements(written.AsSpan(0, count), length);
        count = length = 0;
    }
}
