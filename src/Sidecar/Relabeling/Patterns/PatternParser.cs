using System.Globalization;
using System.Text;

namespace Sidecar.Relabeling.Patterns;

/// <summary>
/// Parses RE2's syntax (github.com/google/re2/wiki/Syntax) as Go's regexp does with its Perl flags, and with the flag s set, as Prometheus
/// 3 wraps what users write. What RE2 has not, or what is not supported here, is an error: a pattern never means something else than there.
/// </summary>
internal sealed class PatternParser(string text)
{
    /// <summary>Go's bound on {n,m}, nested ones multiplied.</summary>
    private const int MostRepeats = 1000;

    private const int MostDepth = 200;

    private readonly List<string?> groupNames = [null];
    private Flags flags = Flags.DotIsAny;
    private int at;
    private int depth;

    [Flags]
    private enum Flags
    {
        None = 0,
        IgnoreCase = 1,
        Multiline = 2,
        DotIsAny = 4,
        Lazy = 8,
    }

    /// <summary>Names of the groups by number, null for those without; number 0 is the whole.</summary>
    public List<string?> GroupNames => groupNames;

    /// <exception cref="FormatException">In words for people.</exception>
    public PatternNode Parse()
    {
        var node = ParseChoice();
        return at == text.Length ? node : throw Error("has a ) too many");
    }

    private static FormatException Error(string words) => new(words);

    private PatternNode ParseChoice()
    {
        if (++depth > MostDepth)
            throw Error($"nests groups more than {MostDepth} deep");
        var branches = new List<PatternNode>();
        do
            branches.Add(ParseSequence());
        while (Take('|'));
        depth--;
        return branches.Count == 1 ? branches[0] : new PatternNode(PatternKind.Choice, [.. branches]);
    }

    private PatternNode ParseSequence()
    {
        var items = new List<PatternNode>();
        while (at < text.Length && text[at] is not ('|' or ')'))
        {
            if (text[at] == '\\' && at + 1 < text.Length && text[at + 1] == 'Q')
            {
                ParseQuoted(items);
                continue;
            }
            if (IsRepetition(out _, out _, out _))
                throw Error($"repeats nothing: there is nothing before {Shown(at, 1)}");
            if (ParseItem() is { } item)
                items.Add(ParseRepetition(item));
        }
        return items.Count switch
        {
            0 => PatternNode.Empty,
            1 => items[0],
            _ => new PatternNode(PatternKind.Sequence, [.. items]),
        };
    }

    /// <summary><c>\Q…\E</c>: all of it literal; a repetition behind it is of the last character.</summary>
    private void ParseQuoted(List<PatternNode> items)
    {
        at += 2;
        var end = text.IndexOf("\\E", at, StringComparison.Ordinal);
        if (end < 0)
            throw Error("has a \\Q without its \\E"); // it would quote what Prometheus puts behind the pattern
        var any = at < end;
        while (at < end)
            items.Add(Literal(TakeCodePoint()));
        at = end + 2;
        if (any)
            items[^1] = ParseRepetition(items[^1]);
    }

    /// <summary>Null for flags alone.</summary>
    private PatternNode? ParseItem()
    {
        switch (text[at])
        {
            case '(':
                return ParseGroup();
            case '[':
                return PatternNode.OfSet(ParseClass());
            case '.':
                at++;
                return PatternNode.OfSet(Has(Flags.DotIsAny)
                    ? CodePointSet.Of(0, CodePointSet.Last) : CodePointSet.Of('\n', '\n').Negated());
            case '^':
                at++;
                return Assert(Has(Flags.Multiline) ? PatternAssertion.LineStart : PatternAssertion.TextStart);
            case '$':
                at++;
                return Assert(Has(Flags.Multiline) ? PatternAssertion.LineEnd : PatternAssertion.TextEnd);
            case '\\':
                return ParseEscape();
            default:
                return Literal(TakeCodePoint());
        }
    }

    private PatternNode? ParseGroup()
    {
        at++;
        if (!Take('?'))
            return Numbered(null);
        var before = flags;
        if (Take("P<") || (at + 1 < text.Length && text[at] == '<' && text[at + 1] is not ('=' or '!') && Take('<')))
        {
            var end = text.IndexOf('>', at);
            var name = end < 0 ? "" : text[at..end];
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
                throw Error("has a group name that is not made of letters, digits and _, followed by >");
            if (groupNames.Contains(name))
                throw Error($"has two groups named {name}");
            at = end + 1;
            return Numbered(name);
        }
        if (at < text.Length && text[at] is '=' or '!' || Take("<=") || Take("<!"))
            throw Error("looks ahead or behind ((?=, (?!, (?<=, (?<!), which RE2 has not");
        var isNegative = false;
        var any = false;
        for (; at < text.Length; at++)
        {
            var flag = text[at] switch
            {
                'i' => Flags.IgnoreCase,
                'm' => Flags.Multiline,
                's' => Flags.DotIsAny,
                'U' => Flags.Lazy,
                _ => Flags.None,
            };
            if (flag != Flags.None)
            {
                flags = isNegative ? flags & ~flag : flags | flag;
                any = true;
                continue;
            }
            if (text[at] == '-' && !isNegative)
            {
                isNegative = true;
                any = false;
                continue;
            }
            if (text[at] is ':' or ')' && (any || !isNegative))
                break;
            throw Error($"has a group that begins with (?{Shown(at, 1)}, which RE2 has not");
        }
        if (Take(')'))
            return null;
        if (!Take(':'))
            throw Error("has a group without its )");
        var inner = ParseChoice();
        Close();
        flags = before;
        return inner;
    }

    private PatternNode Numbered(string? name)
    {
        var before = flags;
        var number = groupNames.Count;
        groupNames.Add(name);
        var inner = ParseChoice();
        Close();
        flags = before;
        return new PatternNode(PatternKind.Group, inner) { Group = number };
    }

    private void Close()
    {
        if (!Take(')'))
            throw Error("has a ( without its )");
    }

    private PatternNode ParseRepetition(PatternNode item)
    {
        if (!IsRepetition(out var least, out var most, out var length))
            return item;
        if (least > MostRepeats || most > MostRepeats || (most >= 0 && least > most))
            throw Error($"repeats {Shown(at, length)}: from at most {MostRepeats} to at most {MostRepeats} times, the smaller number first");
        at += length;
        var isLazy = Take('?');
        if (IsRepetition(out _, out _, out var second))
            throw Error($"repeats a repetition ({Shown(at, second)}); put a group around the inner one");
        if (MostCopies(item) * Math.Max(1, Math.Max(least, most)) > MostRepeats)
            throw Error($"repeats repetitions more than {MostRepeats} times in all");
        return new PatternNode(PatternKind.Repeat, item) { Least = least, Most = most, IsGreedy = isLazy == Has(Flags.Lazy) };
    }

    private static int MostCopies(PatternNode node)
    {
        var most = 1;
        foreach (var child in node.Children)
            most = Math.Max(most, MostCopies(child));
        return node.Kind == PatternKind.Repeat ? most * Math.Max(1, Math.Max(node.Least, node.Most)) : most;
    }

    /// <summary><c>*</c>, <c>+</c>, <c>?</c>, <c>{n}</c>, <c>{n,}</c>, <c>{n,m}</c>; any other brace is a literal.</summary>
    private bool IsRepetition(out int least, out int most, out int length)
    {
        (least, most, length) = (0, PatternNode.Unbounded, 1);
        if (at == text.Length)
            return false;
        switch (text[at])
        {
            case '*':
                return true;
            case '+':
                least = 1;
                return true;
            case '?':
                most = 1;
                return true;
            case '{':
                var end = at + 1;
                if (!TakeNumber(ref end, out least))
                    return false;
                most = least;
                if (end < text.Length && text[end] == ',')
                {
                    end++;
                    if (end < text.Length && text[end] == '}')
                        most = PatternNode.Unbounded;
                    else if (!TakeNumber(ref end, out most))
                        return false;
                }
                if (end == text.Length || text[end] != '}')
                    return false;
                length = end + 1 - at;
                return true;
            default:
                return false;
        }
    }

    /// <summary>Digits without a leading zero; beyond all bounds just too many.</summary>
    private bool TakeNumber(ref int position, out int number)
    {
        var start = position;
        number = 0;
        for (; position < text.Length && char.IsAsciiDigit(text[position]); position++)
            number = Math.Min(number * 10 + (text[position] - '0'), MostRepeats + 1);
        return position > start && (text[start] != '0' || position == start + 1);
    }

    private PatternNode ParseEscape()
    {
        if (at + 1 == text.Length)
            throw Error("ends with a lone backslash");
        PatternAssertion? assertion = text[at + 1] switch
        {
            'A' => PatternAssertion.TextStart,
            'z' => PatternAssertion.TextEnd,
            'b' => PatternAssertion.WordBoundary,
            'B' => PatternAssertion.NoWordBoundary,
            _ => null,
        };
        if (assertion is { } found)
        {
            at += 2;
            return Assert(found);
        }
        return TryParseClassEscape() is { } set ? PatternNode.OfSet(set.Normalized()) : Literal(ParseCharacterEscape());
    }

    /// <summary><c>\d</c>, <c>\pL</c>, <c>\P{Lu}</c> …; null where no such escape stands here.</summary>
    private CodePointSet? TryParseClassEscape()
    {
        var letter = at + 1 < text.Length ? text[at + 1] : '\0';
        if (letter is 'p' or 'P')
            return ParseCategory();
        var set = char.ToLowerInvariant(letter) switch
        {
            'd' => CodePointSet.Of('0', '9'),
            's' => CodePointSet.Of('\t', '\n', '\f', '\r', ' ', ' '),
            'w' => CodePointSet.Of('0', '9', 'A', 'Z', '_', '_', 'a', 'z'),
            _ => null,
        };
        if (set is null)
            return null;
        at += 2;
        return InCase(set, isNegative: char.IsAsciiLetterUpper(letter));
    }

    private CodePointSet ParseCategory()
    {
        var start = at;
        var isNegative = text[at + 1] == 'P';
        at += 2;
        string name;
        if (Take('{'))
        {
            var end = text.IndexOf('}', at);
            if (end < 0)
                throw Error($"has {Shown(start, 3)} without its }}");
            name = text[at..end];
            at = end + 1;
        }
        else
            name = at < text.Length ? char.ConvertFromUtf32(TakeCodePoint()) : "";
        if (name.StartsWith('^'))
        {
            isNegative = !isNegative;
            name = name[1..];
        }
        var set = CodePointSet.OfCategory(name) ?? throw Error(
            $"has {Shown(start, at - start)}: of Unicode classes the general categories are supported (\\pL, \\p{{Lu}}, \\p{{Nd}} …), scripts are not");
        return InCase(set, isNegative);
    }

    private CodePointSet InCase(CodePointSet set, bool isNegative)
    {
        if (Has(Flags.IgnoreCase))
            set = set.Folded();
        return isNegative ? set.Negated() : set;
    }

    /// <summary>The code point that an escape stands for, inside and outside of classes.</summary>
    private int ParseCharacterEscape()
    {
        var start = at;
        if (++at == text.Length)
            throw Error("ends with a lone backslash");
        var c = TakeCodePoint();
        switch (c)
        {
            case 'a':
                return 7;
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'v':
                return '\v';
            case 'x':
                return ParseHexadecimal(start);
            case >= '1' and <= '7' when at == text.Length || text[at] is not (>= '0' and <= '7'):
                throw Error($"refers back to a group ({Shown(start, 2)}), which RE2 has not");
            case >= '0' and <= '7':
                var octal = c - '0';
                for (var i = 0; i < 2 && at < text.Length && text[at] is >= '0' and <= '7'; i++)
                    octal = octal * 8 + (text[at++] - '0');
                return octal;
            case < 0x80 when !char.IsAsciiLetterOrDigit((char)c):
                return c;
            default:
                throw Error($"has the escape {Shown(start, at - start)}, which RE2 has not");
        }
    }

    private int ParseHexadecimal(int start)
    {
        var end = at < text.Length && text[at] == '{' ? text.IndexOf('}', at) : at + 2;
        var digits = at < text.Length && text[at] == '{' && end > 0 ? text[(at + 1)..end] : end <= text.Length && end > 0
            ? text[at..end] : "";
        var isBraced = at < text.Length && text[at] == '{';
        if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, null, out var code) || code is < 0 or > CodePointSet.Last)
            throw Error($"has {Shown(start, 2)} without two hexadecimal digits, or {{…}} with up to 10FFFF, behind it");
        at = isBraced ? end + 1 : end;
        return code;
    }

    /// <summary><c>[…]</c>.</summary>
    private CodePointSet ParseClass()
    {
        var start = at++;
        var isNegative = Take('^');
        var set = new CodePointSet();
        for (var isFirst = true; ; isFirst = false)
        {
            if (at == text.Length)
                throw Error($"has a class without its ]: {Shown(start, text.Length - start)}");
            if (text[at] == ']' && !isFirst)
                break;
            if (text[at] == '[' && at + 1 < text.Length && text[at + 1] == ':' && TryParseNamedClass() is { } named)
            {
                set.Add(named);
                continue;
            }
            if (text[at] == '\\' && TryParseClassEscape() is { } escaped)
            {
                set.Add(escaped);
                continue;
            }
            var from = at;
            var first = ParseClassCharacter(start);
            var last = first;
            if (at + 1 < text.Length && text[at] == '-' && text[at + 1] != ']')
            {
                at++;
                last = ParseClassCharacter(start);
                if (last < first)
                    throw Error($"has the class range {Shown(from, at - from)}, whose end stands before its start");
            }
            var range = CodePointSet.Of(first, last);
            set.Add(Has(Flags.IgnoreCase) ? range.Folded() : range);
        }
        at++;
        return isNegative ? set.Negated() : set.Normalized();
    }

    private int ParseClassCharacter(int start)
    {
        if (at == text.Length)
            throw Error($"has a class without its ]: {Shown(start, text.Length - start)}");
        return text[at] == '\\' ? ParseCharacterEscape() : TakeCodePoint();
    }

    /// <summary><c>[:alpha:]</c> within a class; null where the name has no end, and [ is a literal.</summary>
    private CodePointSet? TryParseNamedClass()
    {
        var end = text.IndexOf(":]", at + 2, StringComparison.Ordinal);
        if (end < 0)
            return null;
        var name = text.AsSpan(at + 2, end - at - 2);
        var isNegative = name.StartsWith("^");
        var set = name.TrimStart('^') switch
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
            _ => throw Error($"has the class {Shown(at, end + 2 - at)}, which RE2 has not"),
        };
        at = end + 2;
        return InCase(set, isNegative);
    }

    private PatternNode Literal(int codePoint)
    {
        var set = CodePointSet.Of(codePoint, codePoint);
        return PatternNode.OfSet(Has(Flags.IgnoreCase) ? set.Folded() : set);
    }

    private static PatternNode Assert(PatternAssertion assertion) => new(PatternKind.Assertion) { Assertion = assertion };

    private bool Has(Flags flag) => (flags & flag) != 0;

    private int TakeCodePoint()
    {
        if (Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length) != System.Buffers.OperationStatus.Done)
            throw Error("holds half of a surrogate pair");
        at += length;
        return rune.Value;
    }

    private bool Take(char c)
    {
        if (at == text.Length || text[at] != c)
            return false;
        at++;
        return true;
    }

    private bool Take(string word)
    {
        if (!text.AsSpan(at).StartsWith(word))
            return false;
        at += word.Length;
        return true;
    }

    private string Shown(int start, int length) => text.Substring(start, Math.Min(length, text.Length - start));
}
