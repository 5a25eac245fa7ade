using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Sidecar.Relabeling.Patterns;

/// <summary>
/// A lazy deterministic automaton: one look-up a byte. A full state table is discarded and begun anew, so time stays linear. For programs
/// without assertions; belongs to one pass.
/// </summary>
internal sealed class PatternAutomaton
{
    private const int Dead = 0;
    private const int Unknown = -1;

    /// <summary>Entries of the table of transitions, 4 bytes each.</summary>
    private const int MostTransitions = 16 * 1024;

    private readonly PatternProgram program;
    private readonly byte[] classes = new byte[256]; // of bytes that no instruction tells apart
    private readonly byte[] members = new byte[256]; // one byte of each class
    private readonly int classCount;
    private readonly int mostStates;
    private readonly Dictionary<ulong, int> byPlaces = [];
    private readonly int[] places; // of the state that is being made
    private readonly bool[] isVisited; // on the way to it, by place
    private readonly int[] stack;
    private int[] next = [];       // by state and class
    private int[][] states = [];   // places of each state that take a byte, sorted as they were found
    private bool[] accepts = [];
    private int count;
    private int start;
    private int generation;

    public PatternAutomaton(PatternProgram program)
    {
        this.program = program;
        var size = program.Instructions.Length;
        places = new int[size];
        isVisited = new bool[size];
        stack = new int[2 * size + 1];
        classCount = FindClasses();
        mostStates = Math.Max(8, MostTransitions / classCount);
        Clear();
    }

    /// <summary>Places visited so far while states were made: the work done beside one look-up a byte.</summary>
    public long Work { get; private set; }

    public bool Match(ReadOnlySpan<byte> text)
    {
        var state = Run(text);
        return accepts[state];
    }

    /// <summary>Whether some text that begins so is matched.</summary>
    public bool CanBegin(ReadOnlySpan<byte> prefix) => Run(prefix) != Dead;

    private int Run(ReadOnlySpan<byte> text)
    {
        var state = start;
        foreach (var value in text)
        {
            var to = next[state * classCount + classes[value]];
            if (to == Unknown)
                to = Step(state, classes[value]);
            if (to == Dead)
                return Dead;
            state = to;
        }
        return state;
    }

    private int Step(int state, int byteClass)
    {
        var value = members[byteClass];
        Array.Clear(isVisited);
        var found = 0;
        foreach (var place in states[state])
        {
            ref readonly var instruction = ref program.Instructions.ItemRef(place);
            if (instruction.Op == PatternOp.Bytes && value >= instruction.Low && value <= instruction.High)
                found = Follow(instruction.Next, found);
        }
        var before = generation;
        var to = StateOf(places.AsSpan(0, found));
        if (generation == before)
            next[state * classCount + byteClass] = to;
        return to;
    }

    /// <summary>Adds the places that take a byte, or match, which are reached from here without one.</summary>
    private int Follow(int place, int found)
    {
        var top = 0;
        stack[top++] = place;
        while (top > 0)
        {
            place = stack[--top];
            if (isVisited[place])
                continue;
            isVisited[place] = true;
            Work++;
            ref readonly var instruction = ref program.Instructions.ItemRef(place);
            switch (instruction.Op)
            {
                case PatternOp.Split:
                    stack[top++] = instruction.Other;
                    stack[top++] = instruction.Next;
                    break;
                case PatternOp.Save:
                    stack[top++] = instruction.Next;
                    break;
                default:
                    places[found++] = place;
                    break;
            }
        }
        return found;
    }

    private int StateOf(ReadOnlySpan<int> set)
    {
        if (set.IsEmpty)
            return Dead;
        var hash = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(set));
        if (byPlaces.TryGetValue(hash, out var known) && set.SequenceEqual(states[known]))
            return known;
        if (count == mostStates)
        {
            var copy = set.ToArray();
            Clear();
            return Add(copy, hash);
        }
        return Add(set.ToArray(), hash);
    }

    private int Add(int[] set, ulong hash)
    {
        if (count == states.Length)
        {
            Array.Resize(ref states, Math.Min(count * 2, mostStates));
            Array.Resize(ref accepts, states.Length);
            var old = next.Length;
            Array.Resize(ref next, states.Length * classCount);
            next.AsSpan(old).Fill(Unknown);
        }
        states[count] = set;
        accepts[count] = Array.Exists(set, p => program.Instructions[p].Op == PatternOp.Match);
        byPlaces[hash] = count;
        return count++;
    }

    private void Clear()
    {
        generation++;
        byPlaces.Clear();
        states = new int[4][];
        accepts = new bool[4];
        next = new int[4 * classCount];
        next.AsSpan().Fill(Unknown);
        next.AsSpan(0, classCount).Clear();
        states[Dead] = [];
        count = 1;
        Array.Clear(isVisited);
        var found = Follow(program.Start, 0);
        start = StateOf(places.AsSpan(0, found));
    }

    private int FindClasses()
    {
        var begins = new bool[257];
        foreach (ref readonly var instruction in program.Instructions.AsSpan())
        {
            if (instruction.Op == PatternOp.Bytes)
                begins[instruction.Low] = begins[instruction.High + 1] = true;
        }
        var last = 0;
        for (var value = 1; value < 256; value++)
        {
            if (begins[value])
                members[++last] = (byte)value;
            classes[value] = (byte)last;
        }
        return last + 1;
    }
}
