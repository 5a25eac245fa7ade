namespace Sidecar.Relabeling.Patterns;

/// <summary>
/// A regular expression as in Prometheus's relabeling: RE2 syntax, anchored, dot matches newline, linear time. Immutable, shared; see <see
/// cref="PatternMatcher"/>.
/// </summary>
/// <remarks>
/// Why not .NET's own: its linear-time engine (NonBacktracking) adds 0.7 MB to the binary and its backtracking one 0.3 MB without being
/// linear; both take UTF-16 strings, where labels are UTF-8 bytes here, and differ from RE2 in $, \d, \w, \s, case folding and flags.
/// All of relabeling, rules and configuration included, adds 0.13 MB, and works on the bytes as they stand in the scraped body.
/// </remarks>
internal sealed class Pattern
{
    private const int MostGroups = 100;

    private readonly ImmutableArray<string?> groupNames;

    private Pattern(string text, PatternNode node, List<string?> groupNames)
    {
        Text = text;
        this.groupNames = [.. groupNames];
        node = WithoutAnchors(WithoutAnchors(node, PatternAssertion.TextStart), PatternAssertion.TextEnd);
        Shape = PatternShape.Of(node, Groups);
        if (Shape is null || (Groups > 0 && Shape.GroupStart < 0))
            Program = PatternCompiler.Compile(node);
    }

    public string Text { get; }

    /// <summary>Groups with a number; the whole match is not one of them.</summary>
    public int Groups => groupNames.Length - 1;

    /// <summary>Decides matches without an automaton; null for patterns of other shapes.</summary>
    public PatternShape? Shape { get; }

    /// <summary>What the automata run; null where <see cref="Shape"/> says all.</summary>
    public PatternProgram? Program { get; }

    /// <summary>The only texts that match, where these are few; null for other patterns.</summary>
    public ImmutableArray<ImmutableArray<byte>>? Literals => Shape is { End: PatternShape.Tail.None } ? Shape.Texts : null;

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

    public ImmutableArray<int> GroupNumbers(string name) => [.. Enumerable.Range(0, groupNames.Length).Where(i => groupNames[i] == name)];

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
}
