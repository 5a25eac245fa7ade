namespace Sidecar.Configuration;

/// <summary>Values as they may be shown.</summary>
internal static class Redacted
{
    public const string Mark = "<redacted>";

    public static string Of(Variable variable, string value) => variable.Redaction switch
    {
        Redaction.Whole => Mark,
        Redaction.UrlPassword => WithoutPassword(value),
        Redaction.PairValues => NamesOnly(value),
        // A token or a key pasted where the path of its file belongs.
        _ when variable.Type == "file" && Texts.ParseFile(value).Problem is not null => Mark,
        _ => value,
    };

    /// <summary>For any text, URL or not: removes everything from the first colon to the last @.</summary>
    private static string WithoutPassword(string text)
    {
        var at = text.LastIndexOf('@');
        if (at < 0)
            return text;
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        var start = scheme < 0 || scheme > at ? 0 : scheme + 3;
        var colon = text.IndexOf(':', start, at - start);
        if (colon >= 0)
            return $"{text[..(colon + 1)]}{Mark}{text[at..]}";
        // No colon: either a lone user, which may be a token, or an @ in the path, which is harmless.
        return text.IndexOf('/', start, at - start) >= 0 ? text : $"{text[..start]}{Mark}{text[at..]}";
    }

    private static string NamesOnly(string text)
    {
        var headers = Headers.Parse(text);
        return headers.Problem is null ? string.Join(',', headers.Value.Select(h => $"{h.Key}={Mark}")) : Mark;
    }
}
