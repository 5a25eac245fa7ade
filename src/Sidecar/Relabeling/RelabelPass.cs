namespace Sidecar.Relabeling;

/// <summary>
/// Applies a list of rules, with the memory that their patterns need for it. It belongs to one pass; the rules are shared.
/// </summary>
internal sealed class RelabelPass(RelabelRules rules)
{
    /// <summary>In the order of the rules.</summary>
    public RuleMatcher[] All { get; } = [.. rules.All.Select(r => new RuleMatcher(r))];

    /// <summary>False where the labels are dropped, all of them.</summary>
    public bool Apply(LabelSet labels)
    {
        foreach (var rule in All)
        {
            if (!rule.Apply(labels))
                return false;
        }
        return true;
    }
}
