namespace Sidecar.Relabeling.Patterns;

/// <summary>
/// Parses RE2's syntax (github.com/google/re2/wiki/Syntax) as Go's regexp does with its Perl flags, and with the flag s set, as Prometheus
/// 3 wraps what users write. What RE2 has not, or what is not supported here, is an error: a pattern never means something else than there.
/// </summary>
internal sealed class PatternParser
{
    /// <summary>Go's bound on {n,m}, nested ones multiplied.</summary>
    private const int MostRepeats = 1000;

    private const int MostDepth = 200;

    private readonly PatternText text;
    private readonly PatternClassParser classes;
    private readonly List<string?> groupNames = [null];
    private Flags flags = Flags.DotIsAny;
    private int depth;

    public PatternParser(string pattern)
    {
        text = new PatternText(pattern);
        classes = new PatternClassParser(text);
    }

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
        return text.IsAtEnd ? node : throw PatternText.Error("has a ) too many");
    }

    private PatternNode ParseChoice()
    {
        if (++depth > MostDepth)
            throw PatternText.Error($"nests groups more than {MostDepth} deep");
        var branches = new List<PatternNode>();
        do
            branches.Add(ParseSequence());
        while (text.Take('|'));
        depth--;
        return branches.Count == 1 ? branches[0] : new PatternNode(PatternKind.Choice, [.. branches]);
    }

    private PatternNode ParseSequence()
    {
        var items = new List<PatternNode>();
        while (text.At < text.Length && text[text.At] is not ('|' or ')'))
        {
            if (text[text.At] == '\\' && text.At + 1 < text.Length && text[text.At + 1] == 'Q')
            {
                ParseQuoted(items);
                continue;
            }
            if (IsRepetition(out _, out _, out _))
            {
                // Behind flags it is of what stands before them.
                if (items.Count > 0)
                {
                    items[^1] = ParseRepetition(items[^1]);
                    continue;
                }
                throw PatternText.Error($"repeats nothing: there is nothing before {text.Shown(text.At, 1)}");
            }
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
        text.At += 2;
        var end = text.Find("\\E");
        if (end < 0)
            throw PatternText.Error("has a \\Q without its \\E"); // it would quote what Prometheus puts behind the pattern
        var any = text.At < end;
        while (text.At < end)
            items.Add(Literal(text.TakeCodePoint()));
        text.At = end + 2;
        if (any)
            items[^1] = ParseRepetition(items[^1]);
    }

    /// <summary>Null for flags alone.</summary>
    private PatternNode? ParseItem()
    {
        switch (text[text.At])
        {
            case '(':
                return ParseGroup();
            case '[':
                return PatternNode.OfSet(classes.Parse(Has(Flags.IgnoreCase)));
            case '.':
                text.At++;
                return PatternNode.OfSet(Has(Flags.DotIsAny)
                    ? CodePointSet.Of(0, CodePointSet.Last) : CodePointSet.Of('\n', '\n').Negated());
            case '^':
                text.At++;
                return Assert(Has(Flags.Multiline) ? PatternAssertion.LineStart : PatternAssertion.TextStart);
            case '$':
                text.At++;
                return Assert(Has(Flags.Multiline) ? PatternAssertion.LineEnd : PatternAssertion.TextEnd);
            case '\\':
                return ParseEscape();
            default:
                return Literal(text.TakeCodePoint());
        }
    }

    private PatternNode? ParseGroup()
    {
        text.At++;
        if (!text.Take('?'))
            return Numbered(null);
        var before = flags;
        if (text.Take("P<") || (text.Peek(1) is not ('=' or '!') && text.Take('<')))
        {
            var end = text.Find(">");
            var name = end < 0 ? "" : text[text.At..end];
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
                throw PatternText.Error("has a group name that is not made of letters, digits and _, followed by >");
            text.At = end + 1;
            return Numbered(name);
        }
        if (text.Peek() is '=' or '!' or '<')
            throw PatternText.Error("looks ahead or behind ((?=, (?!, (?<=, (?<!), which RE2 has not");
        ParseFlags();
        if (text.Take(')'))
            return null;
        if (!text.Take(':'))
            throw PatternText.Error("has a group without its )");
        var inner = ParseChoice();
        Close();
        flags = before;
        return inner;
    }

    /// <summary><c>i</c>, <c>m</c>, <c>s</c>, <c>U</c>, and the same behind a minus.</summary>
    private void ParseFlags()
    {
        var isNegative = false;
        var any = false;
        for (; text.At < text.Length; text.At++)
        {
            var flag = text[text.At] switch
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
            if (text[text.At] == '-' && !isNegative)
            {
                isNegative = true;
                any = false;
                continue;
            }
            if (text[text.At] is ':' or ')' && (any || !isNegative))
                break;
            throw PatternText.Error($"has a group that begins with (?{text.Shown(text.At, 1)}, which RE2 has not");
        }
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
        if (!text.Take(')'))
            throw PatternText.Error("has a ( without its )");
    }

    private PatternNode ParseRepetition(PatternNode item)
    {
        if (!IsRepetition(out var least, out var most, out var length))
            return item;
        if (least > MostRepeats || most > MostRepeats || (most >= 0 && least > most))
            throw PatternText.Error($"repeats {text.Shown(text.At, length)}: "
                + $"from at most {MostRepeats} to at most {MostRepeats} times, the smaller number first");
        text.At += length;
        var isLazy = text.Take('?');
        if (IsRepetition(out _, out _, out var second))
            throw PatternText.Error($"repeats a repetition ({text.Shown(text.At, second)}); put a group around the inner one");
        if (MostCopies(item) * Math.Max(1, Math.Max(least, most)) > MostRepeats)
            throw PatternText.Error($"repeats repetitions more than {MostRepeats} times in all");
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
        if (text.IsAtEnd)
            return false;
        switch (text[text.At])
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
                var end = text.At + 1;
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
                length = end + 1 - text.At;
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
        if (text.At + 1 == text.Length)
            throw PatternText.Error("ends with a lone backslash");
        PatternAssertion? assertion = text[text.At + 1] switch
        {
            'A' => PatternAssertion.TextStart,
            'z' => PatternAssertion.TextEnd,
            'b' => PatternAssertion.WordBoundary,
            'B' => PatternAssertion.NoWordBoundary,
            _ => null,
        };
        if (assertion is { } found)
        {
            text.At += 2;
            return Assert(found);
        }
        return classes.TryParseEscape(Has(Flags.IgnoreCase)) is { } set
            ? PatternNode.OfSet(set.Normalized()) : Literal(classes.ParseCharacterEscape());
    }

    private PatternNode Literal(int codePoint)
    {
        var set = CodePointSet.Of(codePoint, codePoint);
        return PatternNode.OfSet(Has(Flags.IgnoreCase) ? set.Folded() : set);
    }

    private static PatternNode Assert(PatternAssertion assertion) => new(PatternKind.Assertion) { Assertion = assertion };

    private bool Has(Flags flag) => (flags & flag) != 0;
}
