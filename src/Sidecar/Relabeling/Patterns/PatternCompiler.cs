namespace Sidecar.Relabeling.Patterns;

/// <summary>Compiles a syntax tree to a program from end to start, so that each instruction knows its successor.</summary>
internal sealed class PatternCompiler
{
    /// <summary>Instructions of 12 bytes each; a work step a byte of text touches each at most once.</summary>
    private const int MostInstructions = 20_000;

    private PatternInstruction[] instructions = new PatternInstruction[32];
    private int count;
    private bool hasAssertions;

    /// <exception cref="FormatException">It is too large; in words for people.</exception>
    public static PatternProgram Compile(PatternNode node)
    {
        var compiler = new PatternCompiler();
        var match = compiler.Emit(new() { Op = PatternOp.Match });
        var start = compiler.Compile(node, match);
        return new PatternProgram([.. compiler.instructions.AsSpan(0, compiler.count)], start, compiler.hasAssertions);
    }

    /// <summary>The place where the node begins, given the place that follows it.</summary>
    private int Compile(PatternNode node, int next)
    {
        switch (node.Kind)
        {
            case PatternKind.Set:
                return CompileSet(node.Set, next);
            case PatternKind.Sequence:
                for (var i = node.Children.Length - 1; i >= 0; i--)
                    next = Compile(node.Children[i], next);
                return next;
            case PatternKind.Choice:
                var start = Compile(node.Children[^1], next);
                for (var i = node.Children.Length - 2; i >= 0; i--)
                    start = Split(Compile(node.Children[i], next), start);
                return start;
            case PatternKind.Repeat:
                return CompileRepeat(node, next);
            case PatternKind.Group:
                var slot = 2 * (node.Group - 1);
                var inner = Compile(node.Child, Emit(new() { Op = PatternOp.Save, Other = slot + 1, Next = next }));
                return Emit(new() { Op = PatternOp.Save, Other = slot, Next = inner });
            case PatternKind.Assertion:
                hasAssertions = true;
                return Emit(new() { Op = PatternOp.Assert, Low = (byte)node.Assertion, Next = next });
            default:
                return next;
        }
    }

    private int CompileRepeat(PatternNode node, int next)
    {
        var (least, most) = (node.Least, node.Most);
        if (most == PatternNode.Unbounded)
        {
            next = CompileLoop(node, next, atLeastOnce: least > 0);
            least = Math.Max(0, least - 1);
        }
        else
        {
            // x{2,4} is xx(x(x)?)?, so that priorities are those of Go.
            var end = next;
            for (var i = least; i < most; i++)
                next = Prefer(node, Compile(node.Child, next), end);
        }
        for (var i = 0; i < least; i++)
            next = Compile(node.Child, next);
        return next;
    }

    /// <summary><c>x+</c> or <c>x*</c>. Where x can be empty, the latter is <c>(x+)?</c>, as in Go since 1.17 (issue 46123).</summary>
    private int CompileLoop(PatternNode node, int next, bool atLeastOnce)
    {
        var loop = Emit(new() { Op = PatternOp.Split });
        var inner = Compile(node.Child, loop);
        var (first, second) = node.IsGreedy ? (inner, next) : (next, inner);
        instructions[loop] = new() { Op = PatternOp.Split, Next = first, Other = second };
        if (atLeastOnce)
            return inner;
        return node.Child.IsNullable() ? Prefer(node, inner, next) : loop;
    }

    private int Prefer(PatternNode node, int inner, int next) => node.IsGreedy ? Split(inner, next) : Split(next, inner);

    private int Split(int first, int second) => Emit(new() { Op = PatternOp.Split, Next = first, Other = second });

    private int CompileSet(CodePointSet set, int next)
    {
        if (set.IsAny)
            return CompileAny(next);
        var first = count; // ranges with the same last bytes share them
        if (set.Count == 0)
            return Bytes(0xFF, 0xFF, next, first); // no UTF-8 text holds it
        var start = CompileRange(set.First(set.Count - 1), set.End(set.Count - 1), next, first);
        for (var i = set.Count - 2; i >= 0; i--)
            start = Split(CompileRange(set.First(i), set.End(i), next, first), start);
        return start;
    }

    /// <summary>Any code point of text that is known to be UTF-8: its first byte says how many follow.</summary>
    private int CompileAny(int next)
    {
        var first = count;
        var last = Bytes(0x80, 0xBF, next, first);
        var lastTwo = Bytes(0x80, 0xBF, last, first);
        var lastThree = Bytes(0x80, 0xBF, lastTwo, first);
        return Split(Bytes(0x00, 0x7F, next, first),
            Split(Bytes(0xC2, 0xDF, last, first), Split(Bytes(0xE0, 0xEF, lastTwo, first), Bytes(0xF0, 0xF4, lastThree, first))));
    }

    /// <summary>Splits a range where the length or a leading byte of its UTF-8 form changes; surrogates are in no text.</summary>
    private int CompileRange(int low, int high, int next, int shared)
    {
        foreach (var longest in (ReadOnlySpan<int>)[0x7F, 0x7FF, 0xFFFF])
        {
            if (low <= longest && high > longest)
                return Split(CompileRange(low, longest, next, shared), CompileRange(longest + 1, high, next, shared));
        }
        if (high <= 0x7F)
            return Bytes(low, high, next, shared);
        for (var bits = 6; bits <= 18; bits += 6)
        {
            // All but the bytes behind must be the same, or the bytes behind take every value.
            var mask = (1 << bits) - 1;
            if (low >> bits == high >> bits)
                continue;
            if ((low & mask) != 0)
                return Split(CompileRange(low, low | mask, next, shared), CompileRange((low | mask) + 1, high, next, shared));
            if ((high & mask) != mask)
                return Split(CompileRange(low, (high & ~mask) - 1, next, shared), CompileRange(high & ~mask, high, next, shared));
        }
        // Six bits in each byte behind the first one.
        var (lead, behind) = high <= 0x7FF ? (0xC0, 1) : high <= 0xFFFF ? (0xE0, 2) : (0xF0, 3);
        for (; behind > 0; behind--, low >>= 6, high >>= 6)
            next = Bytes(0x80 | (low & 0x3F), 0x80 | (high & 0x3F), next, shared);
        return Bytes(lead | low, lead | high, next, shared);
    }

    private int Bytes(int low, int high, int next, int shared)
    {
        // The newest ones are the likeliest to be the same.
        for (var i = count - 1; i >= Math.Max(shared, count - 64); i--)
        {
            ref readonly var known = ref instructions[i];
            if (known.Op == PatternOp.Bytes && known.Low == low && known.High == high && known.Next == next)
                return i;
        }
        return Emit(new() { Op = PatternOp.Bytes, Low = (byte)low, High = (byte)high, Next = next });
    }

    private int Emit(PatternInstruction instruction)
    {
        if (count == MostInstructions)
            throw new FormatException($"is too large: more than {MostInstructions} steps; write out fewer repetitions or classes");
        if (count == instructions.Length)
            Array.Resize(ref instructions, count * 2);
        instructions[count] = instruction;
        return count++;
    }
}
