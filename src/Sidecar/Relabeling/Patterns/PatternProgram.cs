namespace Sidecar.Relabeling.Patterns;

/// <summary>What one instruction of a program does.</summary>
internal enum PatternOp : byte
{
    Bytes,
    /// <summary>Goes on at both places; the first is preferred.</summary>
    Split,
    /// <summary>Notes the position: the start or the end of a group.</summary>
    Save,
    /// <summary>Goes on where a condition on the position holds.</summary>
    Assert,
    /// <summary>The pattern has matched, if this is the end of the text.</summary>
    Match,
}

/// <summary>One instruction.</summary>
internal readonly struct PatternInstruction
{
    public PatternOp Op { get; init; }

    /// <summary>Bounds of the byte, both included; the first also the kind of an assertion.</summary>
    public byte Low { get; init; }

    public byte High { get; init; }
    public int Next { get; init; }

    /// <summary>The other place of a split, or what slot a position is noted in.</summary>
    public int Other { get; init; }
}

/// <summary>A pattern as instructions over UTF-8 bytes (Thompson's nondeterministic automaton). Never changes.</summary>
internal sealed class PatternProgram(ImmutableArray<PatternInstruction> instructions, int start, bool hasAssertions)
{
    public ImmutableArray<PatternInstruction> Instructions { get; } = instructions;
    public int Start { get; } = start;
    public bool HasAssertions { get; } = hasAssertions;
}
