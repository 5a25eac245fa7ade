namespace Sidecar.Relabeling;

/// <summary>Applies a list of shared rules with the matchers they need. Belongs to one pass.</summary>
internal sealed class RelabelPass(RelabelRules rules)
{
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
