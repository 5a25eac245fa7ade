namespace Sidecar.Relabeling;

/// <summary>A list of rules, applied one after another by a <see cref="RelabelPass"/>. Shared: it never changes.</summary>
internal sealed class RelabelRules(ImmutableArray<RelabelRule> rules)
{
    public static readonly RelabelRules None = new([]); // shared by all: it never changes

    public ImmutableArray<RelabelRule> All { get; } = rules;
    public bool IsEmpty => All.IsEmpty;

    /// <summary>These rules, and then those.</summary>
    public RelabelRules Then(RelabelRules others) => IsEmpty ? others : others.IsEmpty ? this : new RelabelRules(All.AddRange(others.All));

    /// <summary>The values that literal <c>keep</c> rules allow a label, so that less needs to be listed. Null for any.</summary>
    public IReadOnlyList<string>? LiteralsKept(string label)
    {
        var name = Encoding.UTF8.GetBytes(label);
        HashSet<string>? kept = null;
        foreach (var rule in All)
        {
            if (rule.Action == RelabelAction.Keep && LiteralsKept(rule, name) is { } literals)
            {
                if (kept is null)
                    kept = literals;
                else
                    kept.IntersectWith(literals);
            }
            if (new RuleMatcher(rule).MayChange(name))
                break; // what later rules see may be another value
        }
        return kept is null ? null : [.. kept.Order(StringComparer.Ordinal)];
    }

    /// <summary>Whether a rule reads a label whose name begins so, so that it must be there.</summary>
    public bool Reads(string labelPrefix)
    {
        var prefix = Encoding.UTF8.GetBytes(labelPrefix);
        foreach (var rule in All)
        {
            if (rule.Action == RelabelAction.LabelMap && new RuleMatcher(rule).CanBegin(prefix))
                return true;
            if (!rule.IsOnNames && rule.SourceLabels.Any(l => l.AsSpan().StartsWith(prefix)))
                return true;
            if (rule.Action is RelabelAction.KeepEqual or RelabelAction.DropEqual && rule.TargetLabel.Start.StartsWith(prefix))
                return true;
        }
        return false;
    }

    /// <summary>What a label may be for the rule to keep it; null where that is no short list.</summary>
    private static HashSet<string>? LiteralsKept(RelabelRule rule, byte[] name)
    {
        var index = Enumerable.Range(0, rule.SourceLabels.Length)
            .FirstOrDefault(i => rule.SourceLabels[i].AsSpan().SequenceEqual(name), -1);
        if (index < 0 || rule.Pattern.Literals is not { } literals)
            return null;
        var kept = new HashSet<string>();
        foreach (var literal in literals)
        {
            var text = Encoding.UTF8.GetString(literal.AsSpan());
            // With as many separators as there are gaps between the labels, it is plain what each value is.
            var values = rule.SourceLabels.Length == 1 ? [text] : rule.Separator.Length == 0
                ? [] : text.Split(Encoding.UTF8.GetString(rule.Separator.AsSpan()));
            if (values.Length != rule.SourceLabels.Length)
                return null;
            kept.Add(values[index]);
        }
        return kept;
    }
}
