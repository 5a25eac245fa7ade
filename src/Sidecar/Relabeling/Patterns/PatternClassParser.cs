using System.Globalization;

namespace Sidecar.Relabeling.Patterns;

/// <summary>Parses what stands for a set of code points, or for one, in RE2's syntax: classes in brackets and escapes.</summary>
internal sealed class PatternClassParser(PatternText text)
{
    /// <summary><c>\d</c>, <c>\pL</c>, <c>\P{Lu}</c> …; null where no such escape stands here.</summary>
    public CodePointSet? TryParseEscape(bool ignoresCase)
    {
        var letter = text.Peek(1);
        if (letter is 'p' or 'P')
            return ParseCategory(ignoresCase);
        var set = char.ToLowerInvariant(letter) switch
        {
            'd' => Named("digit"),
            's' => CodePointSet.Of('\t', '\n', '\f', '\r', ' ', ' '),
            'w' => Named("word"),
            _ => null,
        };
        if (set is null)
            return null;
        text.At += 2;
        return InCase(set, char.IsAsciiLetterUpper(letter), ignoresCase);
    }

    private CodePointSet ParseCategory(bool ignoresCase)
    {
        var start = text.At;
        var isNegative = text[text.At + 1] == 'P';
        text.At += 2;
        string name;
        if (text.Take('{'))
        {
            var end = text.Find("}");
            if (end < 0)
                throw PatternText.Error($"has {text.Shown(start, 3)} without its }}");
            name = text[text.At..end];
            text.At = end + 1;
        }
        else
            name = text.At < text.Length ? char.ConvertFromUtf32(text.TakeCodePoint()) : "";
        if (name.StartsWith('^'))
        {
            isNegative = !isNegative;
            name = name[1..];
        }
        var set = CodePointSet.OfCategory(name) ?? throw PatternText.Error(
            $"has {text.Shown(start, text.At - start)}: of Unicode classes the general categories are supported (\\pL, \\p{{Lu}}, \\p{{Nd}} …), scripts are not");
        return InCase(set, isNegative, ignoresCase);
    }

    private static CodePointSet InCase(CodePointSet set, bool isNegative, bool ignoresCase)
    {
        if (ignoresCase)
            set = set.Folded();
        return isNegative ? set.Negated() : set;
    }

    /// <summary>The code point that an escape stands for, inside and outside of classes.</summary>
    public int ParseCharacterEscape()
    {
        var start = text.At;
        text.At++;
        if (text.IsAtEnd)
            throw PatternText.Error("ends with a lone backslash");
        var c = text.TakeCodePoint();
        if ("afnrtv".IndexOf((char)c) is >= 0 and var control && c < 0x80)
            return "\a\f\n\r\t\v"[control];
        switch (c)
        {
            case 'x':
                return ParseHexadecimal(start);
            case >= '1' and <= '7' when text.IsAtEnd || text[text.At] is not (>= '0' and <= '7'):
                throw PatternText.Error($"refers back to a group ({text.Shown(start, 2)}), which RE2 has not");
            case >= '0' and <= '7':
                var octal = c - '0';
                for (var i = 0; i < 2 && text.At < text.Length && text[text.At] is >= '0' and <= '7'; i++)
                    octal = octal * 8 + (text[text.At++] - '0');
                return octal;
            case < 0x80 when !char.IsAsciiLetterOrDigit((char)c):
                return c;
            default:
                throw PatternText.Error($"has the escape {text.Shown(start, text.At - start)}, which RE2 has not");
        }
    }

    private int ParseHexadecimal(int start)
    {
        var isBraced = text.Take('{');
        var end = isBraced ? text.Find("}") : text.At + 2;
        var digits = end >= 0 && end <= text.Length ? text[text.At..end] : "";
        if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, null, out var code) || code is < 0 or > CodePointSet.Last)
            throw PatternText.Error($"has {text.Shown(start, 2)} without two hexadecimal digits, or {{…}} with up to 10FFFF, behind it");
        text.At = isBraced ? end + 1 : end;
        return code;
    }

    public CodePointSet Parse(bool ignoresCase)
    {
        var start = text.At++;
        var isNegative = text.Take('^');
        var set = new CodePointSet();
        for (var isFirst = true; ; isFirst = false)
        {
            if (text.IsAtEnd)
                throw PatternText.Error($"has a class without its ]: {text.Shown(start, text.Length - start)}");
            if (text[text.At] == ']' && !isFirst)
                break;
            if (text.Peek() == '[' && text.Peek(1) == ':' && TryParseNamedClass(ignoresCase) is { } named)
            {
                set.Add(named);
                continue;
            }
            if (text[text.At] == '\\' && TryParseEscape(ignoresCase) is { } escaped)
            {
                set.Add(escaped);
                continue;
            }
            var from = text.At;
            var first = ParseClassCharacter(start);
            var last = first;
            if (text.At + 1 < text.Length && text[text.At] == '-' && text[text.At + 1] != ']')
            {
                text.At++;
                last = ParseClassCharacter(start);
                if (last < first)
                    throw PatternText.Error($"has the class range {text.Shown(from, text.At - from)}, whose end stands before its start");
            }
            var range = CodePointSet.Of(first, last);
            set.Add(ignoresCase ? range.Folded() : range);
        }
        text.At++;
        return isNegative ? set.Negated() : set.Normalized();
    }

    private int ParseClassCharacter(int start)
    {
        if (text.IsAtEnd)
            throw PatternText.Error($"has a class without its ]: {text.Shown(start, text.Length - start)}");
        return text[text.At] == '\\' ? ParseCharacterEscape() : text.TakeCodePoint();
    }

    /// <summary><c>[:alpha:]</c> within a class; null where the name has no end, and [ is a literal.</summary>
    private CodePointSet? TryParseNamedClass(bool ignoresCase)
    {
        var end = text.Find(":]", 2);
        if (end < 0)
            return null;
        var name = text[(text.At + 2)..end];
        var set = Named(name.TrimStart('^'))
            ?? throw PatternText.Error($"has the class {text.Shown(text.At, end + 2 - text.At)}, which RE2 has not");
        text.At = end + 2;
        return InCase(set, isNegative: name.StartsWith('^'), ignoresCase);
    }

    private static CodePointSet? Named(string name) => name switch
    {
        "alnum" => CodePointSet.Of('0', '9', 'A', 'Z', 'a', 'z'),
        "alpha" => CodePointSet.Of('A', 'Z', 'a', 'z'),
        "ascii" => CodePointSet.Of(0, 0x7F),
        "blank" => CodePointSet.Of('\t', '\t', ' ', ' '),
        "cntrl" => CodePointSet.Of(0, 0x1F, 0x7F, 0x7F),
        "digit" => CodePointSet.Of('0', '9'),
        "graph" => CodePointSet.Of('!', '~'),
        "lower" => CodePointSet.Of('a', 'z'),
        "print" => CodePointSet.Of(' ', '~'),
        "punct" => CodePointSet.Of('!', '/', ':', '@', '[', '`', '{', '~'),
        "space" => CodePointSet.Of('\t', '\r', ' ', ' '),
        "upper" => CodePointSet.Of('A', 'Z'),
        "word" => CodePointSet.Of('0', '9', 'A', 'Z', '_', '_', 'a', 'z'),
        "xdigit" => CodePointSet.Of('0', '9', 'A', 'F', 'a', 'f'),
        _ => null,
    };
}
