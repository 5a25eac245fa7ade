using System.Buffers.Binary;
using System.Numerics;

namespace Sidecar.Relabeling;

/// <summary>
/// The hash of hashmod and sharding: MD5's last eight bytes (RFC 1321), big-endian. OpenSSL refuses MD5 in FIPS mode, and this hash
/// protects nothing.
/// </summary>
internal static class HashMod
{
    private const int BlockSize = 64;

    /// <summary>Left rotations of the four rounds, four each.</summary>
    private static ReadOnlySpan<byte> Rotations => [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];

    private static readonly ImmutableArray<uint> Sines = MakeSines();

    public static ulong Of(ReadOnlySpan<byte> value, ulong modulus) => Hash(value) % modulus;

    public static ulong Hash(ReadOnlySpan<byte> value)
    {
        Span<uint> state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
        var length = (ulong)value.Length;
        for (; value.Length >= BlockSize; value = value[BlockSize..])
            Add(state, value);
        // The rest, a one bit, zeros, and the length in bits: in one block, or in two.
        Span<byte> end = stackalloc byte[2 * BlockSize];
        end.Clear();
        value.CopyTo(end);
        end[value.Length] = 0x80;
        var size = value.Length < BlockSize - 8 ? BlockSize : 2 * BlockSize;
        BinaryPrimitives.WriteUInt64LittleEndian(end[(size - 8)..], length * 8);
        for (var at = 0; at < size; at += BlockSize)
            Add(state, end[at..]);
        return (ulong)BinaryPrimitives.ReverseEndianness(state[2]) << 32 | BinaryPrimitives.ReverseEndianness(state[3]);
    }

    private static void Add(Span<uint> state, ReadOnlySpan<byte> block)
    {
        var (a, b, c, d) = (state[0], state[1], state[2], state[3]);
        for (var i = 0; i < 64; i++)
        {
            var (mixed, word) = (i / 16) switch
            {
                0 => ((b & c) | (~b & d), i),
                1 => ((d & b) | (~d & c), 5 * i + 1),
                2 => (b ^ c ^ d, 3 * i + 5),
                _ => (c ^ (b | ~d), 7 * i),
            };
            mixed += a + Sines[i] + BinaryPrimitives.ReadUInt32LittleEndian(block[(word % 16 * 4)..]);
            (a, d, c, b) = (d, c, b, b + BitOperations.RotateLeft(mixed, Rotations[i / 16 * 4 + i % 4]));
        }
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
    }

    private static ImmutableArray<uint> MakeSines()
    {
        var sines = new uint[64];
        for (var i = 0; i < sines.Length; i++)
            sines[i] = (uint)(Math.Abs(Math.Sin(i + 1)) * 4294967296.0);
        return [.. sines];
    }
}
