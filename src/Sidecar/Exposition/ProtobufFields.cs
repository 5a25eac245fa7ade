using System.Buffers.Binary;
using System.Runtime.CompilerServices;

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
    public readonly int End => Start + Length;

    /// <summary>The bytes of a string, of bytes, of a message or of packed numbers.</summary>
    public readonly ReadOnlySpan<byte> Content => bytes[Start..End];

    public readonly bool HasContent => (Tag & 7) == Bytes;

    /// <summary>The next field; false at the end, or where <see cref="IsBroken"/>.</summary>
    public bool Next()
    {
        if (at >= end || IsBroken)
            return false;
        var header = ReadHeader(bytes[at..end], out var tag, out var value);
        at += header;
        (Tag, Value) = (tag, value);
        if (header == 0 || (HasContent && value > (ulong)(end - at)))
            return Break();
        if (HasContent)
        {
            (Start, Length) = (at, (int)value);
            at += Length;
        }
        return true;
    }

    /// <summary>The field's value. A field of another wire type breaks the message; so it does in all that begin with Take.</summary>
    public ulong TakeVarint() => Has(Varint) ? Value : 0;

    public double TakeDouble() => Has(Fixed64) ? BitConverter.UInt64BitsToDouble(Value) : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTakeMessage(out ProtobufFields message)
    {
        message = new ProtobufFields(bytes, Start, End);
        return Has(Bytes);
    }

    /// <summary><c>Timestamp { int64 seconds = 1; int32 nanos = 2; }</c>; false for a damaged one.</summary>
    public bool TryTakeTimestamp(out long milliseconds)
    {
        milliseconds = 0;
        if (!TryTakeMessage(out var fields))
            return false;
        while (fields.Next())
        {
            if (fields.Number == 1)
                milliseconds += (long)fields.TakeVarint() * 1000;
            else if (fields.Number == 2)
                milliseconds += (int)fields.TakeVarint() / 1_000_000;
        }
        return !fields.IsBroken;
    }

    /// <summary>What the field holds is damaged, and so is the message.</summary>
    public bool Break()
    {
        IsBroken = true;
        return false;
    }

    public static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    /// <summary>The varint at an offset; its length in bytes, 0 where it is not complete or too long.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ReadVarint(ReadOnlySpan<byte> from, out ulong value)
    {
        value = from.IsEmpty ? 0x80u : from[0];
        return value < 0x80 ? 1 : ReadLongVarint(from, out value);
    }

    private static int ReadLongVarint(ReadOnlySpan<byte> from, out ulong value)
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

    /// <summary>Tag, and value or length, of the field that begins there. Their bytes; 0 where they are damaged or not complete.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ReadHeader(ReadOnlySpan<byte> from, out uint tag, out ulong value)
    {
        value = 0;
        var length = ReadVarint(from, out var wide);
        tag = (uint)wide;
        if (length == 0 || wide > uint.MaxValue || wide >> 3 == 0)
            return 0;
        from = from[length..];
        switch (tag & 7)
        {
            case Varint or Bytes when ReadVarint(from, out value) is > 0 and var size:
                return length + size;
            case Fixed64 when from.Length >= 8:
                value = BinaryPrimitives.ReadUInt64LittleEndian(from);
                return length + 8;
            case Fixed32 when from.Length >= 4:
                return length + 4;
            default:
                return 0;
        }
    }

    private bool Has(uint wireType) => (Tag & 7) == wireType || Break();
}
