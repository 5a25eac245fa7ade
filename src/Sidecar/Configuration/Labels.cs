namespace Sidecar.Configuration;

/// <summary>External labels. Names are any UTF-8; those that begin with <c>__</c> are reserved.</summary>
internal static class Labels
{
    /// <summary>Sorted by the bytes of the names; empty values are kept for the caller to leave out.</summary>
    public static Parsed<ImmutableArray<KeyValuePair<string, string>>> Parse(string text)
    {
        var parsed = Pairs.Parse(text);
        if (parsed.Problem is not null)
            return parsed;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, _) in parsed.Value)
        {
            var number = names.Count + 1;
            if (name.Length == 0)
                return new Wrong($"entry {number} has an empty label name");
            if (name.StartsWith("__", StringComparison.Ordinal))
                return new Wrong($"entry {number} has a label name that begins with __, which is reserved");
            if (!names.Add(name))
                return new Wrong($"entry {number} has the label name of an entry before it");
        }
        return parsed.Value.Sort(static (a, b) => Encoding.UTF8.GetBytes(a.Key).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b.Key)));
    }
}
