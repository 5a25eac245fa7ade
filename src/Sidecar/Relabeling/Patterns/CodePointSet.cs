using System.Globalization;

namespace Sidecar.Relabeling.Patterns;

/// <summary>A set of code points as ranges: what a character class means. Only used while a pattern is parsed and compiled.</summary>
internal sealed class CodePointSet
{
    public const int Last = 0x10FFFF;

    private int[] bounds = new int[8]; // first and last of each range, in turn

    public int Count { get; private set; }
    public bool IsAny => Count == 1 && First(0) == 0 && End(0) == Last;

    /// <summary>The only member, or -1.</summary>
    public int Single => Count == 1 && First(0) == End(0) ? First(0) : -1;

    public int First(int range) => bounds[2 * range];

    public int End(int range) => bounds[2 * range + 1];

    public static CodePointSet Of(params ReadOnlySpan<int> bounds)
    {
        var set = new CodePointSet();
        for (var i = 0; i < bounds.Length; i += 2)
            set.Add(bounds[i], bounds[i + 1]);
        return set;
    }

    /// <summary>Code points of a general category, or of all that begin with the letter; null where there is no such category.</summary>
    public static CodePointSet? OfCategory(string name)
    {
        if (name == "Any")
            return Of(0, Last);
        // In the order of UnicodeCategory.
        const string Names = "LuLlLtLmLoMnMcMeNdNlNoZsZlZpCcCfCsCoPcPdPsPePiPfPoSmScSkSoCn";
        var wanted = 0u;
        for (var i = 0; i < Names.Length; i += 2)
        {
            // Go's tables hold no unassigned code points, so C is without Cn there.
            if (i / 2 != (int)UnicodeCategory.OtherNotAssigned
                && (name.Length == 1 ? Names[i] == name[0] : name.AsSpan().SequenceEqual(Names.AsSpan(i, 2))))
                wanted |= 1u << (i / 2);
        }
        if (wanted == 0)
            return null;
        var set = new CodePointSet();
        for (var c = 0; c <= Last; c++)
        {
            if ((wanted >> (int)CharUnicodeInfo.GetUnicodeCategory(c) & 1) != 0)
                set.Add(c, c);
        }
        return set;
    }

    public void Add(int first, int end)
    {
        if (first > end)
            return;
        if (Count > 0 && first == End(Count - 1) + 1)
        {
            bounds[2 * Count - 1] = end;
            return;
        }
        if (2 * Count == bounds.Length)
            Array.Resize(ref bounds, bounds.Length * 2);
        bounds[2 * Count] = first;
        bounds[2 * Count + 1] = end;
        Count++;
    }

    public void Add(CodePointSet other)
    {
        for (var i = 0; i < other.Count; i++)
            Add(other.First(i), other.End(i));
    }

    /// <summary>Ranges sorted, apart, and none next to another.</summary>
    public CodePointSet Normalized()
    {
        // Ranges nearly always come in order.
        for (var i = 1; i < Count; i++)
        {
            for (var j = i; j > 0 && First(j - 1) > First(j); j--)
            {
                (bounds[2 * j], bounds[2 * j - 2]) = (bounds[2 * j - 2], bounds[2 * j]);
                (bounds[2 * j + 1], bounds[2 * j - 1]) = (bounds[2 * j - 1], bounds[2 * j + 1]);
            }
        }
        var merged = new CodePointSet();
        for (var i = 0; i < Count; i++)
        {
            if (merged.Count > 0 && First(i) <= merged.End(merged.Count - 1) + 1)
                merged.bounds[2 * merged.Count - 1] = Math.Max(merged.End(merged.Count - 1), End(i));
            else
                merged.Add(First(i), End(i));
        }
        return merged;
    }

    public CodePointSet Negated()
    {
        var sorted = Normalized();
        var rest = new CodePointSet();
        var next = 0;
        for (var i = 0; i < sorted.Count; i++)
        {
            rest.Add(next, sorted.First(i) - 1);
            next = sorted.End(i) + 1;
        }
        rest.Add(next, Last);
        return rest;
    }

    /// <summary>With all that differs from a member in nothing but case, as Unicode's simple case folding has it.</summary>
    public CodePointSet Folded()
    {
        const int KelvinSign = 0x212A, LongS = 0x017F;
        const int LastAscii = 0x7F, LastCased = 0x1FFFF; // no letter with case stands beyond plane 1
        var isAscii = true;
        for (var i = 0; i < Count; i++)
            isAscii &= End(i) <= LastAscii;
        var last = isAscii ? LastAscii : LastCased;
        var keys = new bool[last + 1];
        for (var i = 0; i < Count; i++)
        {
            for (var c = First(i); c <= Math.Min(End(i), last); c++)
                keys[FoldingKey(c)] = true;
        }
        var folded = new CodePointSet();
        folded.Add(this);
        for (var c = 0; c <= last; c++)
        {
            if (keys[FoldingKey(c)])
                folded.Add(c, c);
        }
        // The only two beyond ASCII that fold into it.
        if (keys['s'])
            folded.Add(LongS, LongS);
        if (keys['k'])
            folded.Add(KelvinSign, KelvinSign);
        return folded.Normalized();
    }

    /// <summary>Equal for what differs in case only.</summary>
    private static int FoldingKey(int c) => c switch
    {
        0x1E9E => 0xDF,      // capital sharp s
        0x130 or 0x131 => c, // only Turkish folds these
        0x212A => 'k',       // Kelvin sign
        0x17F => 's',        // long s
        _ => Rune.IsValid(c) ? Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(c))).Value : c,
    };
}
