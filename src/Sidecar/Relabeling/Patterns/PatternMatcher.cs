using System.IO.Hashing;

namespace Sidecar.Relabeling.Patterns;

/// <summary>Matches texts with one pattern. Owns the automata and group positions, made on first use, and belongs to one pass.</summary>
internal sealed class PatternMatcher(Pattern pattern)
{
    private readonly PatternShape? shape = pattern.Shape;
    private readonly PatternProgram? program = pattern.Program;
    private PatternAutomaton? automaton;
    private PatternSearch? search;
    private GroupMemory? memory;

    public Pattern Pattern => pattern;

    /// <summary>Work of the automata so far, in places of the program visited.</summary>
    public long Work => (automaton?.Work ?? 0) + (search?.Work ?? 0);

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
        memory ??= new GroupMemory(2 * pattern.Groups);
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
    private PatternSearch Search => search ??= new PatternSearch(program!, pattern.Groups);

    /// <summary>The groups of the last values: labels like instance, verb or resource have few values, repeated often.</summary>
    private sealed class GroupMemory(int slots)
    {
        private const int Entries = 64;
        private const int LongestValue = 128;

        private readonly int[] lengths = new int[Entries]; // of the value, plus one; negative where it does not match
        private readonly byte[] values = new byte[Entries * LongestValue];
        private readonly int[] positions = new int[Entries * slots];

        public bool TryGet(ReadOnlySpan<byte> value, Span<int> groups, out bool isMatch)
        {
            isMatch = false;
            if (value.Length > LongestValue)
                return false;
            var entry = (int)(XxHash3.HashToUInt64(value) % Entries);
            var length = Math.Abs(lengths[entry]) - 1;
            if (length < 0 || !value.SequenceEqual(values.AsSpan(entry * LongestValue, length)))
                return false;
            isMatch = lengths[entry] > 0;
            positions.AsSpan(entry * slots, slots).CopyTo(groups);
            return true;
        }

        public void Set(ReadOnlySpan<byte> value, ReadOnlySpan<int> groups, bool isMatch)
        {
            if (value.Length > LongestValue)
                return;
            var entry = (int)(XxHash3.HashToUInt64(value) % Entries);
            lengths[entry] = isMatch ? value.Length + 1 : -value.Length - 1;
            value.CopyTo(values.AsSpan(entry * LongestValue));
            groups[..slots].CopyTo(positions.AsSpan(entry * slots));
        }
    }
}
