using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Sidecar.Relabeling.Patterns;

namespace Sidecar.Relabeling;

/// <summary>
/// Text with references to groups, as Go's Regexp.Expand has it: <c>$1</c>, <c>${1}x</c>, <c>$name</c>, <c>$$</c>. A name is as long as
/// letters, digits and underscores follow, so <c>$1x</c> is the group named 1x; a group that there is not is empty text. It never changes.
/// </summary>
internal sealed class Template
{
    private readonly ImmutableArray<byte> literals; // of all parts, one behind another
    private readonly ImmutableArray<int> parts; // end of each literal and the number of the group behind it, in turn; 0 is the whole text

    private Template(ImmutableArray<byte> literals, ImmutableArray<int> parts)
    {
        this.literals = literals;
        this.parts = parts;
    }

    /// <summary>Refers to no group, so that it is always the same text.</summary>
    public bool IsConstant => parts.Length == 0;

    /// <summary>The text in front of the first group; of a constant, all of it.</summary>
    public ReadOnlySpan<byte> Start => IsConstant ? literals.AsSpan() : literals.AsSpan(0, parts[0]);

    /// <summary>Needs to know where numbered groups are.</summary>
    public bool NeedsGroups { get; private init; }

    public static Template Parse(string text, Pattern pattern)
    {
        var literals = new StringBuilder();
        var parts = new List<int>();
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
            var group = Number(name, pattern);
            if (group < 0)
                continue;
            parts.Add(Encoding.UTF8.GetByteCount(literals.ToString()));
            parts.Add(group);
            needsGroups |= group > 0;
        }
        return new Template([.. Encoding.UTF8.GetBytes(literals.ToString())], [.. parts]) { NeedsGroups = needsGroups };
    }

    /// <summary>Writes the text with the groups put in.</summary>
    /// <param name="groups">Start and end in the value of each group, from number 1.</param>
    public Text Expand(Text value, ReadOnlySpan<int> groups, LabelSet into)
    {
        if (IsConstant)
            return new Text(literals);
        if (parts.Length == 2 && literals.Length == 0)
            return Group(parts[1], value, groups); // nothing to put together
        var length = literals.Length;
        for (var i = 1; i < parts.Length; i += 2)
            length += Group(parts[i], value, groups).Length;
        var written = into.Reserve(length, out var to);
        var from = 0;
        for (var i = 0; i < parts.Length; i += 2)
        {
            to = Write(to, literals.AsSpan(from, parts[i] - from));
            to = Write(to, Group(parts[i + 1], value, groups).Span);
            from = parts[i];
        }
        Write(to, literals.AsSpan()[from..]);
        return written;
    }

    private static Span<byte> Write(Span<byte> to, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(to);
        return to[bytes.Length..];
    }

    private static Text Group(int number, Text value, ReadOnlySpan<int> groups)
    {
        if (number == 0)
            return value;
        var start = groups[2 * number - 2];
        return start < 0 ? default : value.Slice(start, groups[2 * number - 1] - start);
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

    /// <summary>The group that a name means, or -1.</summary>
    private static int Number(string name, Pattern pattern)
    {
        if (name.Length > 8 || !name.All(char.IsAsciiDigit) || (name[0] == '0' && name.Length > 1))
            return pattern.GroupNumber(name);
        var number = int.Parse(name);
        return number <= pattern.Groups ? number : -1;
    }
}
