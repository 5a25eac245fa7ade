namespace Sidecar.Relabeling.Patterns;

/// <summary>A place in the text of a pattern that is being parsed.</summary>
internal sealed class PatternText(string text)
{
    /// <summary>What is left begins here.</summary>
    public int At { get; set; }

    public int Length => text.Length;
    public bool IsAtEnd => At == text.Length;
    public char this[int index] => text[index];
    public string this[Range range] => text[range];

    /// <summary>What stands so far behind; a zero behind the end.</summary>
    public char Peek(int offset = 0) => At + offset < text.Length ? text[At + offset] : '\0';

    /// <summary>Where the word stands next, from so far behind; -1 for nowhere.</summary>
    public int Find(string word, int offset = 0) => text.IndexOf(word, At + offset, StringComparison.Ordinal);

    public static FormatException Error(string words) => new(words);

    public int TakeCodePoint()
    {
        if (Rune.DecodeFromUtf16(text.AsSpan(At), out var rune, out var length) != System.Buffers.OperationStatus.Done)
            throw Error("holds half of a surrogate pair");
        At += length;
        return rune.Value;
    }

    public bool Take(char c)
    {
        if (IsAtEnd || text[At] != c)
            return false;
        At++;
        return true;
    }

    public bool Take(string word)
    {
        if (!text.AsSpan(At).StartsWith(word))
            return false;
        At += word.Length;
        return true;
    }

    /// <summary>For words of an error.</summary>
    public string Shown(int start, int length) => text.Substring(start, Math.Min(length, text.Length - start));
}
