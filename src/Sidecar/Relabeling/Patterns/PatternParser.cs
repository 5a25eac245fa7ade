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
            if (text.Take("\\Q"))
                ParseQuoted(items);
            else if (Repetition() is not { } repetition)
                items.AddRange(ParseItem() is { } item ? [item] : []);
            else if (items.Count == 0)
                throw PatternText.Error($"repeats nothing: there is nothing before {text.Shown(text.At, 1)}");
            else // behind flags it is of what stands before them
                items[^1] = Repeat(items[^1], repetition);
        }
        return items.Count switch
        {
            0 => PatternNode.Empty,
            1 => items[0],
            _ => new PatternNode(PatternKind.Sequence, [.. items]),
        };
    }

    /// <summary>All of <c>\Q…\E</c> is literal; a repetition behind it is of the last character.</summary>
    private void ParseQuoted(List<PatternNode> items)
    {
        var end = text.Find("\\E");
        if (end < 0)
            throw PatternText.Error("has a \\Q without its \\E"); // it would quote what Prometheus puts behind the pattern
        while (text.At < end)
            items.Add(Literal(text.TakeCodePoint()));
        text.At = end + 2;
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
        var before = flags;
        var number = groupNames.Count;
        if (!text.Take('?'))
            groupNames.Add(null);
        else if (text.Take("P<") || (text.Peek(1) is not ('=' or '!') && text.Take('<')))
        {
            var end = text.Find(">");
            var name = end < 0 ? "" : text[text.At..end];
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
                throw PatternText.Error("has a group name that is not made of letters, digits and _, followed by >");
            text.At = end + 1;
            groupNames.Add(name);
        }
        else if (text.Peek() is '=' or '!' or '<')
            throw PatternText.Error("looks ahead or behind ((?=, (?!, (?<=, (?<!), which RE2 has not");
        else
        {
            number = 0;
            ParseFlags();
            if (text.Take(')'))
                return null;
            if (!text.Take(':'))
                throw PatternText.Error("has a group without its )");
        }
        var inner = ParseChoice();
        if (!text.Take(')'))
            throw PatternText.Error("has a ( without its )");
        flags = before;
        return number > 0 ? new PatternNode(PatternKind.Group, inner) { Group = number } : inner;
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

    private PatternNode Repeat(PatternNode item, (int Least, int Most, int Length) repetition)
    {
        var (least, most, length) = repetition;
        if (least > MostRepeats || most > MostRepeats || (most >= 0 && least > most))
            throw PatternText.Error($"repeats {text.Shown(text.At, length)}: "
                + $"from at most {MostRepeats} to at most {MostRepeats} times, the smaller number first");
        text.At += length;
        var isLazy = text.Take('?');
        if (Repetition() is { } second)
            throw PatternText.Error($"repeats a repetition ({text.Shown(text.At, second.Length)}); put a group around the inner one");
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

    /// <summary><c>*</c>, <c>+</c>, <c>?</c>, <c>{n}</c>, <c>{n,}</c>, <c>{n,m}</c>; null for any other brace: a literal.</summary>
    private (int Least, int Most, int Length)? Repetition()
    {
        switch (text.Peek())
        {
            case '*':
                return (0, PatternNode.Unbounded, 1);
            case '+':
                return (1, PatternNode.Unbounded, 1);
            case '?':
                return (0, 1, 1);
            case '{' when text.Find("}") is >= 0 and var end:
                var bounds = text[(text.At + 1)..end].Split(',');
                if (bounds.Length > 2 || Count(bounds[0]) is not { } least)
                    return null;
                var most = bounds.Length == 1 ? least : bounds[1].Length == 0 ? PatternNode.Unbounded : Count(bounds[1]);
                return most is null ? null : (least, most.Value, end + 1 - text.At);
            default:
                return null;
        }
    }

    /// <summary>Digits without a leading zero; beyond all bounds just too many. Null for all else.</summary>
    private static int? Count(string digits)
    {
        if (digits.Length == 0 || !digits.All(char.IsAsciiDigit) || (digits[0] == '0' && digits.Length > 1))
            return null;
        return digits.Length > 4 ? MostRepeats + 1 : int.Parse(digits);
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
