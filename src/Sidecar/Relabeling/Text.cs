using System.Runtime.InteropServices;

namespace Sidecar.Relabeling;

/// <summary>UTF-8 text somewhere in a buffer that others own: good for as long as that is. Nobody writes through it.</summary>
internal readonly struct Text(byte[] buffer, int start, int length)
{
    private static readonly byte[] Nothing = []; // shared by all passes: nothing can be written into an empty array

    private readonly byte[]? buffer = buffer;
    private readonly int start = start;

    public Text(byte[] whole)
        : this(whole, 0, whole.Length)
    {
    }

    public Text(ImmutableArray<byte> whole)
        : this(ImmutableCollectionsMarshal.AsArray(whole)!)
    {
    }

    public int Length { get; } = length;
    public ReadOnlySpan<byte> Span => Buffer.AsSpan(start, Length);
    private byte[] Buffer => buffer ?? Nothing;

    public Text Slice(int from, int length) => new(Buffer, start + from, length);

    public bool IsIn(byte[] other) => ReferenceEquals(Buffer, other);
}
