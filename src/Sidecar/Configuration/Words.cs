namespace Sidecar.Configuration;

/// <summary>Values out of a closed set of words, and numbers within bounds.</summary>
internal static class Words
{
    public static Parsed<bool> Boolean(string text) => text switch
    {
        "true" => true,
        "false" => false,
        _ => new Wrong("neither true nor false"),
    };

    public static Func<string, Parsed<int>> Integer(int least, int most) => text =>
        int.TryParse(text, System.Globalization.NumberStyles.None, null, out var number) && number >= least && number <= most
            ? number
            : new Wrong($"not a whole number from {least} to {most}");

    /// <summary>A parser that knows exactly these words, in this case.</summary>
    public static Func<string, Parsed<T>> OneOf<T>(params (string Word, T Value)[] words) => text =>
    {
        foreach (var (word, value) in words)
            if (word == text)
                return value;
        return new Wrong($"none of {string.Join(", ", words.Select(w => w.Word))}");
    };
}
