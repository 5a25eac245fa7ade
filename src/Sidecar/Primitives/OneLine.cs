namespace Sidecar.Primitives;

/// <summary>Text from outside made fit for one line of output: control characters become escapes.</summary>
internal static class OneLine
{
    public static string Of(string text, int longest = int.MaxValue)
    {
        if (text.Length <= longest && !text.Any(char.IsControl))
            return text;
        var line = new StringBuilder();
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, longest)))
            line.Append(c switch
            {
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when char.IsControl(c) => $"\\u{(int)c:x4}",
                _ => c.ToString(),
            });
        return text.Length > longest ? line.Append('…').ToString() : line.ToString();
    }
}
