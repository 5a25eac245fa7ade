using System.Buffers.Binary;

namespace Sidecar.Exposition;

/// <summary>Walks a protobuf message's fields in place; Google.Protobuf would make objects (see ProtobufBenchmarks).</summary>
/// <param name="bytes">The window.</param>
/// <param name="start">Of the message.</param>
/// <param name="end">Behind its last byte.</param>
internal ref struct ProtobufFields(ReadOnlySpan<byte> bytes, int start, int end)
{
    // Wire types.
    public const int Varint = 0;
    public const int Fixed64 = 1;
    public const int Bytes = 2;
    private const int Fixed32 = 5;

    private readonly ReadOnlySpan<byte> bytes = bytes;
    private readonly int end = end;
    private int at = start;

    /// <summary>Field number and wire type, as on the wire: <c>number &lt;&lt; 3 | type</c>.</summary>
    public uint Tag { get; private set; }

    /// <summary>Of a varint, or the bits of a fixed64.</summary>
    public ulong Value { get; private set; }

    /// <summary>Of a string, bytes or message: from the start of the window.</summary>
    public int Start { get; private set; }

    public int Length { get; private set; }

    /// <summary>The message is damaged; nothing behind this can be read.</summary>
    public bool IsBroken { get; private set; }

    public readonly int Number => (int)(Tag >> 3);
    public readonly double Double => BitConverter.UInt64BitsToDouble(Value);
    public readonly int End => Start + Length;

    /// <summary>The next field; false at the end, or where <see cref="IsBroken"/>.</summary>
    public bool Next()
    {
        if (at >= end || IsBroken)
            return false;
        if (!TryReadVarint(out var tag) || tag > uint.MaxValue || tag >> 3 == 0)
            return Break();
        Tag = (uint)tag;
        switch (tag & 7)
        {
            case Varint:
                if (!TryReadVarint(out var value))
                    return Break();
                Value = value;
                return true;
            case Fixed64 when end - at >= 8:
                Value = BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
                at += 8;
                return true;
            case Bytes:
                if (!TryReadVarint(out var length) || length > (ulong)(end - at))
                    return Break();
                Start = at;
                Length = (int)length;
                at += Length;
                return true;
            case Fixed32 when end - at >= 4:
                at += 4;
                return true;
            default:
                return Break();
        }
    }

    /// <summary>A field that nobody knows is passed over; one that is known must have its own wire type.</summary>
    /// <param name="known">A bit for each known number.</param>
    public void PassOver(uint known)
    {
        if (Number < 32 && (known >> Number & 1) != 0)
            Break();
    }

    public static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    /// <summary>The varint at an offset; its length in bytes, 0 where it is not complete or too long.</summary>
    public static int ReadVarint(ReadOnlySpan<byte> from, out ulong value)
    {
        value = 0;
        for (var i = 0; i < from.Length && i < 10; i++)
        {
            value |= (ulong)(from[i] & 0x7f) << (7 * i);
            if (from[i] < 0x80)
                return i == 9 && from[i] > 1 ? 0 : i + 1;
        }
        return 0;
    }

    private bool TryReadVarint(out ulong value)
    {
        var length = ReadVarint(bytes[at..end], out value);
        at += length;
        return length > 0;
    }

    private bool Break()
    {
        IsBroken = true;
        return false;
    }
}
