using System.Globalization;
using Sidecar.Relabeling.Patterns;

namespace Sidecar.Relabeling;

/// <summary>
/// A replacement as in Go's Regexp.Expand: <c>$1</c>, <c>${1}x</c>, <c>$name</c>, <c>$$</c>; <c>$1x</c> is the group 1x, and an unknown
/// group is empty. Never changes.
/// </summary>
internal sealed class Template
{
    private readonly ImmutableArray<byte> literals; // of all parts, one behind another
    private readonly ImmutableArray<Part> parts;

    private Template(ImmutableArray<byte> literals, ImmutableArray<Part> parts)
    {
        this.literals = literals;
        this.parts = parts;
    }

    private sealed class Part(int end, ImmutableArray<int> groups)
    {
        /// <summary>Of the literal in front.</summary>
        public int End { get; } = end;

        /// <summary>Numbers of the group behind it, 0 for the whole text; of several with one name, the first that matched.</summary>
        public ImmutableArray<int> Groups { get; } = groups;
    }

    /// <summary>Refers to no group, so that it is always the same text.</summary>
    public bool IsConstant => parts.Length == 0;

    /// <summary>The text in front of the first group; of a constant, all of it.</summary>
    public ReadOnlySpan<byte> Start => IsConstant ? literals.AsSpan() : literals.AsSpan(0, parts[0].End);

    /// <summary>Needs to know where numbered groups are.</summary>
    public bool NeedsGroups { get; private init; }

    public static Template Parse(string text, Pattern pattern)
    {
        var literals = new StringBuilder();
        var parts = new List<Part>();
        var needsGroups = false;
        for (var at = 0; at < text.Length;)
        {
            if (text[at] != '$')
            {
                literals.Append(text[at++]);
                continue;
            }
            if (at + 1 < text.Length && text[at + 1] == '$')
            {
                literals.Append('$');
                at += 2;
                continue;
            }
            if (!TryReadName(text, at + 1, out var name, out var end))
            {
                literals.Append('$'); // malformed: a plain dollar sign
                at++;
                continue;
            }
            at = end;
            var groups = Numbers(name, pattern);
            if (groups.IsEmpty)
                continue;
            parts.Add(new Part(Encoding.UTF8.GetByteCount(literals.ToString()), groups));
            needsGroups |= groups[0] > 0;
        }
        return new Template([.. Encoding.UTF8.GetBytes(literals.ToString())], [.. parts]) { NeedsGroups = needsGroups };
    }

    /// <summary>Writes the text with the groups put in.</summary>
    /// <param name="groups">Start and end in the value of each group, from number 1.</param>
    public Text Expand(Text value, ReadOnlySpan<int> groups, LabelSet into)
    {
        if (IsConstant)
            return new Text(literals);
        if (parts.Length == 1 && literals.Length == 0)
            return Group(parts[0], value, groups); // nothing to put together
        var length = literals.Length;
        foreach (var part in parts.AsSpan())
            length += Group(part, value, groups).Length;
        var written = into.Reserve(length, out var to);
        var from = 0;
        foreach (var part in parts.AsSpan())
        {
            to = Write(to, literals.AsSpan(from, part.End - from));
            to = Write(to, Group(part, value, groups).Span);
            from = part.End;
        }
        Write(to, literals.AsSpan()[from..]);
        return written;
    }

    private static Span<byte> Write(Span<byte> to, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(to);
        return to[bytes.Length..];
    }

    private static Text Group(Part part, Text value, ReadOnlySpan<int> groups)
    {
        foreach (var number in part.Groups.AsSpan())
        {
            if (number == 0)
                return value;
            var start = groups[2 * number - 2];
            if (start >= 0)
                return value.Slice(start, groups[2 * number - 1] - start);
        }
        return default;
    }

    private static bool TryReadName(string text, int at, out string name, out int end)
    {
        var isBraced = at < text.Length && text[at] == '{';
        var start = isBraced ? at + 1 : at;
        end = start;
        while (end < text.Length && Rune.TryGetRuneAt(text, end, out var rune) && IsNameRune(rune))
            end += rune.Utf16SequenceLength;
        name = text[start..end];
        if (name.Length == 0)
            return false;
        return !isBraced || (end < text.Length && text[end++] == '}');
    }

    /// <summary>Go's unicode.IsLetter, unicode.IsDigit (decimal digits) and the underscore.</summary>
    private static bool IsNameRune(Rune rune) =>
        rune.Value == '_' || Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber;

    private static ImmutableArray<int> Numbers(string name, Pattern pattern)
    {
        if (name.Length > 8 || !name.All(char.IsAsciiDigit) || (name[0] == '0' && name.Length > 1))
            return pattern.GroupNumbers(name);
        var number = int.Parse(name);
        return number <= pattern.Groups ? [number] : [];
    }
}
