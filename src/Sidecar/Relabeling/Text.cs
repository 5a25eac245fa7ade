namespace Sidecar.Relabeling;

/// <summary>UTF-8 text somewhere in a buffer that others own: good for as long as that is.</summary>
internal readonly struct Text(byte[] buffer, int start, int length)
{
    private static readonly byte[] Nothing = [];

    private readonly byte[]? buffer = buffer;

    public byte[] Buffer => buffer ?? Nothing;

    public int Start { get; } = start;

    public int Length { get; } = length;

    public ReadOnlySpan<byte> Span => Buffer.AsSpan(Start, Length);
}
