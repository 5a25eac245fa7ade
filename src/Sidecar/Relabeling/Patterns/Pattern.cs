using System.IO.Hashing;

namespace Sidecar.Relabeling.Patterns;

/// <summary>
/// A regular expression as Prometheus's relabeling has it: RE2's syntax, anchored at both ends, dot matches newline, time linear in the
/// text whatever the pattern. For one caller at a time; nothing is allocated per text.
/// </summary>
/// <remarks>
/// Why not .NET's own: its linear-time engine (NonBacktracking) adds 0.7 MB to the binary and its backtracking one 0.3 MB without being
/// linear; both take UTF-16 strings, where labels are UTF-8 bytes here, and differ from RE2 in $, \d, \w, \s, case folding and flags.
/// All of relabeling, rules and configuration included, adds 0.13 MB, and works on the bytes as they stand in the scraped body.
/// </remarks>
internal sealed class Pattern
{
    private const int MostGroups = 100;

    private readonly List<string?> groupNames;
    private readonly PatternShape? shape;
    private readonly PatternProgram? program;
    private PatternAutomaton? automaton;
    private PatternSearch? search;
    private GroupMemory? memory;

    private Pattern(string text, PatternNode node, List<string?> groupNames)
    {
        Text = text;
        this.groupNames = groupNames;
        node = WithoutAnchors(WithoutAnchors(node, PatternAssertion.TextStart), PatternAssertion.TextEnd);
        shape = PatternShape.Of(node, Groups);
        if (shape is null || (Groups > 0 && shape.GroupStart < 0))
            program = PatternCompiler.Compile(node);
    }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Groups with a number; the whole match is not one of them.</summary>
    public int Groups => groupNames.Count - 1;

    /// <summary>The automata were not needed so far, and will not be for <see cref="IsMatch"/>.</summary>
    public bool IsSimple => shape is not null;

    /// <summary>The only texts that match, where these are few; null for other patterns.</summary>
    public IReadOnlyList<byte[]>? Literals => shape is { End: PatternShape.Tail.None } ? shape.Texts.ToArray() : null;

    /// <summary>Work of the automata so far, in places of the program visited.</summary>
    public long Work => (automaton?.Work ?? 0) + (search?.Work ?? 0);

    /// <summary>The pattern, or what is wrong with it: a clause that follows "the regular expression".</summary>
    public static Pattern? TryParse(string text, out string problem)
    {
        problem = "";
        try
        {
            var parser = new PatternParser(text);
            var node = parser.Parse();
            if (parser.GroupNames.Count - 1 > MostGroups)
                throw new FormatException($"has more than {MostGroups} groups; (?:…) groups without a number");
            return new Pattern(text, node, parser.GroupNames);
        }
        catch (FormatException e)
        {
            problem = e.Message;
            return null;
        }
    }

    /// <summary>Number of the first group of that name, or -1.</summary>
    public int GroupNumber(string name) => groupNames.IndexOf(name);

    public bool IsMatch(ReadOnlySpan<byte> value)
    {
        if (shape is not null)
            return shape.Match(value);
        return program!.HasAssertions ? Search.Match(value, []) : Automaton.Match(value);
    }

    /// <summary>Matches and says where the groups are.</summary>
    /// <param name="groups">Start and end of each group, from number 1; -1 where one had no part in the match.</param>
    public bool Match(ReadOnlySpan<byte> value, Span<int> groups)
    {
        if (groups.IsEmpty || (!program?.HasAssertions ?? true))
        {
            if (!IsMatch(value))
                return false;
            if (groups.IsEmpty)
                return true;
        }
        if (shape is { GroupStart: >= 0 })
        {
            (groups[0], groups[1]) = (shape.GroupStart, value.Length);
            return true;
        }
        memory ??= new GroupMemory(2 * Groups);
        if (memory.TryGet(value, groups, out var isMatch))
            return isMatch;
        isMatch = Search.Match(value, groups);
        memory.Set(value, groups, isMatch);
        return isMatch;
    }

    /// <summary>Whether some text that begins so may be matched; false is certain.</summary>
    public bool CanBegin(ReadOnlySpan<byte> prefix)
    {
        if (shape is not null)
            return shape.CanBegin(prefix);
        return program!.HasAssertions || Automaton.CanBegin(prefix);
    }

    private PatternAutomaton Automaton => automaton ??= new PatternAutomaton(program!);

    private PatternSearch Search => search ??= new PatternSearch(program!, Groups);

    /// <summary>Anchors at the ends of the pattern say what holds anyway.</summary>
    private static PatternNode WithoutAnchors(PatternNode node, PatternAssertion anchor)
    {
        switch (node.Kind)
        {
            case PatternKind.Assertion when node.Assertion == anchor:
                return PatternNode.Empty;
            case PatternKind.Group:
                return new PatternNode(PatternKind.Group, WithoutAnchors(node.Child, anchor)) { Group = node.Group };
            case PatternKind.Choice:
                return new PatternNode(PatternKind.Choice, Array.ConvertAll(node.Children, c => WithoutAnchors(c, anchor)));
            case PatternKind.Sequence:
                var children = new List<PatternNode>(node.Children);
                var end = anchor == PatternAssertion.TextStart ? 0 : children.Count - 1;
                children[end] = WithoutAnchors(children[end], anchor);
                if (children[end].Kind == PatternKind.Empty)
                    children.RemoveAt(end);
                return children.Count == 1 ? children[0] : new PatternNode(PatternKind.Sequence, [.. children]);
            default:
                return node;
        }
    }

    /// <summary>
    /// What the groups were for the values seen last: labels such as instance, verb or resource have few values, each of them many times.
    /// </summary>
    private sealed class GroupMemory(int slots)
    {
        private const int Entries = 64;
        private const int LongestValue = 128;

        private readonly ulong[] hashes = new ulong[Entries];
        private readonly int[] lengths = new int[Entries]; // of the value, plus one; negative where it does not match
        private readonly byte[] values = new byte[Entries * LongestValue];
        private readonly int[] positions = new int[Entries * slots];

        public bool TryGet(ReadOnlySpan<byte> value, Span<int> groups, out bool isMatch)
        {
            isMatch = false;
            if (value.Length > LongestValue)
                return false;
            var hash = XxHash3.HashToUInt64(value);
            var entry = (int)(hash % Entries);
            var length = Math.Abs(lengths[entry]) - 1;
            if (length < 0 || hashes[entry] != hash || !value.SequenceEqual(values.AsSpan(entry * LongestValue, length)))
                return false;
            isMatch = lengths[entry] > 0;
            positions.AsSpan(entry * slots, slots).CopyTo(groups);
            return true;
        }

        public void Set(ReadOnlySpan<byte> value, ReadOnlySpan<int> groups, bool isMatch)
        {
            if (value.Length > LongestValue)
                return;
            var hash = XxHash3.HashToUInt64(value);
            var entry = (int)(hash % Entries);
            hashes[entry] = hash;
            lengths[entry] = isMatch ? value.Length + 1 : -value.Length - 1;
            value.CopyTo(values.AsSpan(entry * LongestValue));
            groups[..slots].CopyTo(positions.AsSpan(entry * slots));
        }
    }
}
