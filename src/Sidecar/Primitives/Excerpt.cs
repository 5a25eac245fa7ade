namespace Sidecar.Primitives;

/// <summary>What a target sent, as far as it fits into a message.</summary>
internal static class Excerpt
{
    private const int Most = 160;

    public static string Of(ReadOnlySpan<byte> text) =>
        text.Length > Most ? Encoding.UTF8.GetString(text[..Most]) + "…" : Encoding.UTF8.GetString(text);
}
