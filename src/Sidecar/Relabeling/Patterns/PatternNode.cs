namespace Sidecar.Relabeling.Patterns;

/// <summary>What a node of a pattern's syntax tree is.</summary>
internal enum PatternKind
{
    Empty,
    Set,
    Sequence,
    /// <summary>One of the children; the first that lets the whole match.</summary>
    Choice,
    Repeat,
    /// <summary>A numbered group around the only child.</summary>
    Group,
    Assertion,
}

/// <summary>Conditions on a place in the text.</summary>
internal enum PatternAssertion : byte
{
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordBoundary,
    NoWordBoundary,
}

/// <summary>A node of a pattern's syntax tree.</summary>
internal sealed class PatternNode(PatternKind kind, params PatternNode[] children)
{
    public const int Unbounded = -1;

    public static readonly PatternNode Empty = new(PatternKind.Empty);

    public PatternKind Kind { get; } = kind;
    public PatternNode[] Children { get; } = children;
    public PatternNode Child => Children[0];

    /// <summary>Only of <see cref="PatternKind.Set"/>; normalized.</summary>
    public CodePointSet Set { get; init; } = null!;

    public int Least { get; init; }
    public int Most { get; init; }
    public bool IsGreedy { get; init; }

    /// <summary>Number of the group, from 1.</summary>
    public int Group { get; init; }

    public PatternAssertion Assertion { get; init; }

    public bool IsAnyText => Kind == PatternKind.Repeat && Least is 0 or 1 && Most == Unbounded
        && Child is { Kind: PatternKind.Set, Set.IsAny: true };

    public static PatternNode OfSet(CodePointSet set) => new(PatternKind.Set) { Set = set };

    public bool IsNullable() => Kind switch
    {
        PatternKind.Set => false,
        PatternKind.Sequence => Array.TrueForAll(Children, c => c.IsNullable()),
        PatternKind.Choice => Array.Exists(Children, c => c.IsNullable()),
        PatternKind.Repeat => Least == 0 || Child.IsNullable(),
        PatternKind.Group => Child.IsNullable(),
        _ => true,
    };
}
