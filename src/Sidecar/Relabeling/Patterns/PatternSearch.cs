namespace Sidecar.Relabeling.Patterns;

/// <summary>Finds groups as Go's regexp: a Pike machine with prioritized threads, in time text × program. Belongs to one pass.</summary>
internal sealed class PatternSearch
{
    private readonly PatternProgram program;
    private readonly int slots;
    private readonly int[] stack; // places to go on at; or, complemented, a slot to restore, with its old value beneath
    private readonly int[] positions; // slots of the thread at hand
    private Threads now;
    private Threads next;

    public PatternSearch(PatternProgram program, int groups)
    {
        this.program = program;
        slots = 2 * groups;
        var size = program.Instructions.Length;
        stack = new int[3 * size + 3];
        positions = new int[slots];
        now = new Threads(size, slots);
        next = new Threads(size, slots);
    }

    /// <summary>Places visited so far, over all searches: the work done.</summary>
    public long Work { get; private set; }

    /// <summary>Whether the pattern matches the whole text.</summary>
    /// <param name="groups">Start and end of each group, from number 1, or -1; empty where they do not matter.</param>
    public bool Match(ReadOnlySpan<byte> text, Span<int> groups)
    {
        var instructions = program.Instructions;
        now.Count = 0;
        positions.AsSpan().Fill(-1);
        Add(now, program.Start, text, 0);
        for (var at = 0; ; at++)
        {
            if (at == text.Length)
                return Finish(groups);
            next.Count = 0;
            for (var i = 0; i < now.Count; i++)
            {
                ref readonly var instruction = ref instructions.ItemRef(now.Dense[i]);
                if (instruction.Op != PatternOp.Bytes || text[at] < instruction.Low || text[at] > instruction.High)
                    continue;
                now.Slots.AsSpan(i * slots, slots).CopyTo(positions);
                Add(next, instruction.Next, text, at + 1);
            }
            (now, next) = (next, now);
            if (now.Count == 0)
                return false;
        }
    }

    private bool Finish(Span<int> groups)
    {
        for (var i = 0; i < now.Count; i++)
        {
            if (program.Instructions[now.Dense[i]].Op != PatternOp.Match)
                continue;
            if (!groups.IsEmpty)
                now.Slots.AsSpan(i * slots, slots).CopyTo(groups);
            return true;
        }
        return false;
    }

    /// <summary>Follows all that needs no byte from a place on, in order of preference.</summary>
    private void Add(Threads threads, int place, ReadOnlySpan<byte> text, int at)
    {
        var top = 0;
        stack[top++] = place;
        while (top > 0)
        {
            place = stack[--top];
            if (place < 0)
            {
                positions[~place] = stack[--top];
                continue;
            }
            if (threads.Holds(place))
                continue;
            var index = threads.Take(place);
            Work++;
            ref readonly var instruction = ref program.Instructions.ItemRef(place);
            switch (instruction.Op)
            {
                case PatternOp.Split:
                    stack[top++] = instruction.Other;
                    stack[top++] = instruction.Next;
                    break;
                case PatternOp.Save:
                    if (slots > 0)
                    {
                        stack[top++] = positions[instruction.Other];
                        stack[top++] = ~instruction.Other;
                        positions[instruction.Other] = at;
                    }
                    stack[top++] = instruction.Next;
                    break;
                case PatternOp.Assert:
                    if (Holds((PatternAssertion)instruction.Low, text, at))
                        stack[top++] = instruction.Next;
                    break;
                default:
                    positions.CopyTo(threads.Slots.AsSpan(index * slots, slots));
                    break;
            }
        }
    }

    private static bool Holds(PatternAssertion assertion, ReadOnlySpan<byte> text, int at) => assertion switch
    {
        PatternAssertion.TextStart => at == 0,
        PatternAssertion.TextEnd => at == text.Length,
        PatternAssertion.LineStart => at == 0 || text[at - 1] == '\n',
        PatternAssertion.LineEnd => at == text.Length || text[at] == '\n',
        PatternAssertion.WordBoundary => IsWord(text, at - 1) != IsWord(text, at),
        _ => IsWord(text, at - 1) == IsWord(text, at),
    };

    private static bool IsWord(ReadOnlySpan<byte> text, int at) =>
        (uint)at < (uint)text.Length && (char.IsAsciiLetterOrDigit((char)text[at]) || text[at] == '_');

    /// <summary>A set of places, in the order in which they came, each with the positions of its thread (a sparse set).</summary>
    private sealed class Threads(int size, int slots)
    {
        private readonly int[] sparse = new int[size];

        public int[] Dense { get; } = new int[size];
        public int[] Slots { get; } = new int[size * slots];
        public int Count { get; set; }

        public bool Holds(int place) => sparse[place] < Count && Dense[sparse[place]] == place;

        public int Take(int place)
        {
            sparse[place] = Count;
            Dense[Count] = place;
            return Count++;
        }
    }
}
