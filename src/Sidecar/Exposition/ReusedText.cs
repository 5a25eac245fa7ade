namespace Sidecar.Exposition;

/// <summary>A text that is replaced again and again, in bytes of its own.</summary>
internal sealed class ReusedText
{
    private byte[] bytes = new byte[128];
    private int length;

    public ReadOnlySpan<byte> Span => bytes.AsSpan(0, length);

    public void Set(ReadOnlySpan<byte> text)
    {
        if (text.Length > bytes.Length)
            bytes = new byte[Math.Max(text.Length, bytes.Length * 2)];
        text.CopyTo(bytes);
        length = text.Length;
    }
}
