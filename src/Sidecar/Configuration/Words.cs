using Sidecar.Primitives;

namespace Sidecar.Configuration;

/// <summary>Values out of a closed set of words, and numbers within bounds.</summary>
internal static class Words
{
    public static Parsed<bool> Boolean(string text) => text switch
    {
        "true" => true,
        "false" => false,
        _ => new Wrong("neither true nor false", text.ToLowerInvariant() switch
        {
            "yes" or "y" or "on" or "1" or "t" or "true" or "enabled" => "write true or false; did you mean true?",
            "no" or "n" or "off" or "0" or "f" or "false" or "disabled" => "write true or false; did you mean false?",
            _ => "write true or false",
        }),
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
        if (words is [var only])
            return new Wrong($"unknown; there is {only.Word}");
        var nearest = NearestWord.Of(text.ToLowerInvariant(), [.. words.Select(w => w.Word.ToLowerInvariant())]);
        var meant = Array.Find(words, w => w.Word.Equals(nearest, StringComparison.OrdinalIgnoreCase)
            || (nearest is null && text.StartsWith(w.Word, StringComparison.OrdinalIgnoreCase))).Word;
        return new Wrong($"none of {string.Join(", ", words.Select(w => w.Word))}", meant is null ? null : $"did you mean {meant}?");
    };
}
