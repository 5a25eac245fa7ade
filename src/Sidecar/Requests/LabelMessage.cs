using System.Numerics;
using System.Runtime.CompilerServices;

namespace Sidecar.Requests;

/// <summary>
/// The hot part of the remote write 1.0 wire format, by hand: <c>Label { string name = 1; string value = 2; }</c> within
/// <c>TimeSeries.labels = 1</c>. Google.Protobuf's writer takes strings and ByteStrings only, which is two objects a label; the
/// benchmark EncodingBenchmarks shows what that costs.
/// </summary>
internal static class LabelMessage
{
    /// <summary>TimeSeries.labels, field 1, length-delimited.</summary>
    public const byte LabelsTag = 1 << 3 | 2;

    /// <summary>Label.name, field 1, length-delimited.</summary>
    private const byte NameTag = 1 << 3 | 2;

    /// <summary>Label.value, field 2, length-delimited.</summary>
    public const byte ValueTag = 2 << 3 | 2;

    public static byte[] Encode(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var nameField = NameField(name);
        var length = nameField.Length + 1 + VarintSize((uint)value.Length) + value.Length;
        var message = new byte[1 + VarintSize((uint)length) + length];
        message[0] = LabelsTag;
        var at = 1 + WriteVarint(message.AsSpan(1), (uint)length);
        nameField.CopyTo(message.AsSpan(at));
        at += nameField.Length;
        message[at++] = ValueTag;
        at += WriteVarint(message.AsSpan(at), (uint)value.Length);
        value.CopyTo(message.AsSpan(at));
        return message;
    }

    /// <summary>Bytes of a whole message, tag and length included.</summary>
    public static int Size(int name, int value)
    {
        var length = 2 + VarintSize((uint)name) + name + VarintSize((uint)value) + value;
        return 1 + VarintSize((uint)length) + length;
    }

    /// <summary>Label.name with its tag and length.</summary>
    public static byte[] NameField(ReadOnlySpan<byte> name)
    {
        var field = new byte[1 + VarintSize((uint)name.Length) + name.Length];
        field[0] = NameTag;
        name.CopyTo(field.AsSpan(1 + WriteVarint(field.AsSpan(1), (uint)name.Length)));
        return field;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int VarintSize(ulong value) => (BitOperations.Log2(value | 1) * 9 + 73) / 64;

    /// <summary>Writes a base-128 varint, low groups first; returns its length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int WriteVarint(Span<byte> destination, ulong value)
    {
        var at = 0;
        while (value >= 0x80)
        {
            destination[at++] = (byte)(value | 0x80);
            value >>= 7;
        }
        destination[at++] = (byte)value;
        return at;
    }
}
