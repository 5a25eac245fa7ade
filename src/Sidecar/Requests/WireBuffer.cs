using System.Buffers.Binary;

namespace Sidecar.Requests;

/// <summary>Protobuf messages within messages, written into one buffer that is used again. Zeros are left out, as proto3 does.</summary>
internal sealed class WireBuffer
{
    private const int VarintType = 0;
    private const int Fixed64Type = 1;
    private const int BytesType = 2;

    private byte[] bytes = new byte[512];

    public int Length { get; private set; }
    public ReadOnlySpan<byte> Written => bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Begins a message, or a packed field, of a length that is not known yet.</summary>
    /// <returns>What <see cref="End"/> takes.</returns>
    public int Begin(int field)
    {
        WriteRaw((ulong)(field << 3 | BytesType));
        Reserve(1);
        return ++Length;
    }

    /// <param name="start">What <see cref="Begin"/> gave.</param>
    public void End(int start)
    {
        var size = Length - start;
        var extra = LabelMessage.VarintSize((uint)size) - 1;
        if (extra > 0)
        {
            Reserve(extra);
            bytes.AsSpan(start, size).CopyTo(bytes.AsSpan(start + extra));
            Length += extra;
        }
        LabelMessage.WriteVarint(bytes.AsSpan(start - 1), (uint)size);
    }

    public void WriteBytes(int field, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return;
        WriteRaw((ulong)(field << 3 | BytesType));
        WriteRaw((uint)value.Length);
        Append(value);
    }

    public void WriteDouble(int field, double value)
    {
        if (BitConverter.DoubleToUInt64Bits(value) != 0) // minus zero is none
            WriteOneOf(field, value);
    }

    public void WriteVarint(int field, long value)
    {
        if (value != 0)
            WriteOneOf(field, (ulong)value);
    }

    /// <summary>Of type sint32 or sint64.</summary>
    public void WriteSigned(int field, long value) => WriteVarint(field, (long)ZigZag(value));

    /// <summary>A field whose presence says something, be it zero.</summary>
    public void WriteOneOf(int field, double value)
    {
        WriteRaw((ulong)(field << 3 | Fixed64Type));
        WriteRawDouble(value);
    }

    /// <inheritdoc cref="WriteOneOf(int, double)"/>
    public void WriteOneOf(int field, ulong value)
    {
        WriteRaw((ulong)(field << 3 | VarintType));
        WriteRaw(value);
    }

    /// <summary>An element of a packed field.</summary>
    public void WriteRaw(ulong value)
    {
        Reserve(10);
        Length += LabelMessage.WriteVarint(bytes.AsSpan(Length), value);
    }

    /// <inheritdoc cref="WriteRaw"/>
    public void WriteRawDouble(double value)
    {
        Reserve(8);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(Length), value);
        Length += 8;
    }

    /// <inheritdoc cref="WriteRaw"/>
    public void WriteRawSigned(long value) => WriteRaw(ZigZag(value));

    public void Append(ReadOnlySpan<byte> value)
    {
        Reserve(value.Length);
        value.CopyTo(bytes.AsSpan(Length));
        Length += value.Length;
    }

    /// <summary>Gives back what one large message took.</summary>
    public void Shrink(int most)
    {
        if (bytes.Length > most)
            bytes = new byte[512];
        Length = 0;
    }

    private static ulong ZigZag(long value) => (ulong)(value << 1 ^ value >> 63);

    private void Reserve(int count)
    {
        if (Length + count > bytes.Length)
            Array.Resize(ref bytes, Math.Max(Length + count, bytes.Length * 2));
    }
}
