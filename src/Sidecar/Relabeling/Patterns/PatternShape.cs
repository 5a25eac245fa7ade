namespace Sidecar.Relabeling.Patterns;

/// <summary>Common patterns that need no automaton: literals, alone or followed by <c>.*</c> or <c>.+</c>. Never changes.</summary>
internal sealed class PatternShape
{
    private const int MostTexts = 256;
    private const int MostSetMembers = 16;

    private readonly ImmutableArray<ImmutableArray<byte>> texts; // sorted, distinct

    private PatternShape(List<byte[]> texts, Tail end)
    {
        texts.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
        for (var i = texts.Count - 1; i > 0; i--)
        {
            if (texts[i].AsSpan().SequenceEqual(texts[i - 1]))
                texts.RemoveAt(i);
        }
        this.texts = [.. texts.Select(t => ImmutableArray.Create(t))];
        End = end;
    }

    /// <summary>What may follow the literal.</summary>
    public enum Tail
    {
        None,
        AnyText,
        SomeText,
    }

    public Tail End { get; }
    public ImmutableArray<ImmutableArray<byte>> Texts => texts;

    /// <summary>Where the only group starts, which reaches to the end of the text; -1 where groups are otherwise.</summary>
    public int GroupStart { get; private init; } = -1;

    public static PatternShape? Of(PatternNode node, int groups)
    {
        var end = Tail.None;
        if (TextsOf(node, ref end) is not { } texts)
            return null;
        var groupStart = -1;
        if (groups == 1 && end != Tail.None && texts.Count == 1)
        {
            if (node.Kind == PatternKind.Group)
                groupStart = 0;
            else if (node.Kind == PatternKind.Sequence && node.Children[^1] is { Kind: PatternKind.Group, Child.IsAnyText: true })
                groupStart = texts[0].Length;
        }
        return new PatternShape(texts, end) { GroupStart = groupStart };
    }

    public bool Match(ReadOnlySpan<byte> value)
    {
        if (End == Tail.None)
            return Holds(value);
        foreach (var text in texts)
        {
            if (value.StartsWith(text.AsSpan()) && (End == Tail.AnyText || value.Length > text.Length))
                return true;
        }
        return false;
    }

    /// <summary>Whether some text that begins so is matched.</summary>
    public bool CanBegin(ReadOnlySpan<byte> prefix)
    {
        foreach (var text in texts)
        {
            if (text.AsSpan().StartsWith(prefix) || (End != Tail.None && prefix.StartsWith(text.AsSpan())))
                return true;
        }
        return false;
    }

    private bool Holds(ReadOnlySpan<byte> value)
    {
        var (low, high) = (0, texts.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = value.SequenceCompareTo(texts[middle].AsSpan());
            if (order == 0)
                return true;
            if (order < 0)
                high = middle - 1;
            else
                low = middle + 1;
        }
        return false;
    }

    private static List<byte[]>? TextsOf(PatternNode node, ref Tail end)
    {
        if (node.IsAnyText)
        {
            end = node.Least == 0 ? Tail.AnyText : Tail.SomeText;
            return [[]];
        }
        switch (node.Kind)
        {
            case PatternKind.Group:
                return TextsOf(node.Child, ref end);
            case PatternKind.Sequence:
                List<byte[]>? all = [[]];
                foreach (var child in node.Children)
                {
                    // Nothing may stand behind a tail.
                    all = end == Tail.None && all is not null && TextsOf(child, ref end) is { } more ? Join(all, more) : null;
                }
                return all;
            case PatternKind.Choice:
                var union = TextsOf(node.Children[0], ref end);
                foreach (var child in node.Children.AsSpan(1))
                {
                    var other = Tail.None;
                    if (union is null || TextsOf(child, ref other) is not { } texts || other != end
                        || union.Count + texts.Count > MostTexts)
                        return null;
                    union.AddRange(texts);
                }
                return union;
            default:
                return LiteralsOf(node);
        }
    }

    private static List<byte[]>? LiteralsOf(PatternNode node)
    {
        var none = Tail.None;
        switch (node.Kind)
        {
            case PatternKind.Empty:
                return [[]];
            case PatternKind.Set:
                var members = new List<byte[]>();
                for (var i = 0; i < node.Set.Count; i++)
                {
                    for (var c = node.Set.First(i); c <= node.Set.End(i); c++)
                    {
                        if (members.Count == MostSetMembers)
                            return null;
                        if (Rune.IsValid(c))
                            members.Add(Encoding.UTF8.GetBytes(char.ConvertFromUtf32(c)));
                    }
                }
                return members.Count == 0 ? null : members;
            case PatternKind.Repeat when node.Least == 0 && node.Most == 1:
                if (TextsOf(node.Child, ref none) is not { } optional || none != Tail.None)
                    return null;
                return [.. optional, []];
            default:
                return null;
        }
    }

    private static List<byte[]>? Join(List<byte[]> first, List<byte[]> second)
    {
        if (first.Count * second.Count > MostTexts)
            return null;
        var joined = new List<byte[]>();
        foreach (var a in first)
        {
            foreach (var b in second)
                joined.Add([.. a, .. b]);
        }
        return joined;
    }
}
