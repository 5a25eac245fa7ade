namespace Sidecar.Primitives;

/// <summary>Members of closed sets as label values and fields: <c>ConnectionRefused</c> is <c>connection_refused</c>.</summary>
internal static class Word
{
    public static string Of(Enum member)
    {
        var word = new StringBuilder();
        foreach (var c in member.ToString())
        {
            if (char.IsAsciiLetterUpper(c) && word.Length > 0)
                word.Append('_');
            word.Append(char.ToLowerInvariant(c));
        }
        return word.ToString();
    }
}
