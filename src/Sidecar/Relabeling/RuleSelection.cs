using Sidecar.RemoteWrite;

namespace Sidecar.Relabeling;

/// <summary>
/// Which rules of a list have to be applied to the series of one metric name, or of one name and one sequence of label names: the others
/// are known to do nothing there. A series that is known to be dropped needs none.
/// </summary>
internal sealed class RuleSelection
{
    private static readonly byte[] NameLabel = "__name__"u8.ToArray();
    private static readonly RuleSelection Drop = new([]) { IsDropped = true };

    private RuleSelection(RelabelRule[] rules) => Rules = rules;

    public bool IsDropped { get; private init; }

    /// <summary>Empty where the labels stay as they are.</summary>
    public RelabelRule[] Rules { get; }

    /// <param name="name">The metric's name; null where it is not known any more.</param>
    /// <param name="plan">What labels the series have; null where that is not known.</param>
    /// <param name="withExternal">External labels are among them.</param>
    /// <param name="before">Rules that were applied before this list.</param>
    public static RuleSelection Of(
        RelabelRules rules, byte[]? name, SeriesPlan? plan, TargetLabels target, bool withExternal, RuleSelection? before = null)
    {
        var needed = new List<RelabelRule>();
        foreach (var rule in rules.All)
        {
            var value = new List<byte>();
            var known = 0;
            foreach (var label in rule.SourceLabels)
            {
                if (ValueOf(label) is not { } text)
                    break;
                if (known++ > 0)
                    value.AddRange(rule.Separator);
                value.AddRange(text);
            }
            if (rule.IsOnNames)
            {
                if (plan is null || !IsWithoutEffect(rule, plan, target, withExternal) || MayChange(needed, null) || MayChange(before?.Rules, null))
                    needed.Add(rule);
                continue;
            }
            if (!rule.IsOnMatch)
            {
                needed.Add(rule);
                continue;
            }
            bool matches, isKnown;
            if (known == rule.SourceLabels.Length)
            {
                matches = rule.Pattern.IsMatch([.. value]);
                isKnown = true;
            }
            else
            {
                if (known > 0)
                    value.AddRange(rule.Separator);
                matches = rule.Pattern.CanBegin([.. value]);
                isKnown = !matches;
            }
            if (!isKnown || (matches && rule.Action == RelabelAction.Replace))
                needed.Add(rule);
            else if (matches == (rule.Action == RelabelAction.Drop) && rule.Action != RelabelAction.Replace)
                return Drop;
        }
        return new RuleSelection([.. needed]);

        // Null where it differs from series to series.
        byte[]? ValueOf(byte[] label)
        {
            var isName = label.AsSpan().SequenceEqual(NameLabel);
            if (isName ? name is null : plan is null || Has(plan, target, label, withExternal))
                return null;
            if (MayChange(needed, label) || MayChange(before?.Rules, label))
                return null;
            return isName ? name : [];
        }
    }

    /// <param name="label">Null for any.</param>
    private static bool MayChange(IEnumerable<RelabelRule>? rules, byte[]? label)
    {
        foreach (var rule in rules ?? [])
        {
            if (label is null ? rule.IsChanging : rule.MayChange(label))
                return true;
        }
        return false;
    }

    private static bool IsWithoutEffect(RelabelRule rule, SeriesPlan plan, TargetLabels target, bool withExternal)
    {
        foreach (var name in Names(plan, target, withExternal))
        {
            if (rule.Pattern.IsMatch(name) != (rule.Action == RelabelAction.LabelKeep))
                return false;
        }
        return true;
    }

    private static bool Has(SeriesPlan plan, TargetLabels target, byte[] label, bool withExternal) =>
        Names(plan, target, withExternal).Any(n => n.AsSpan().SequenceEqual(label));

    private static IEnumerable<byte[]> Names(SeriesPlan plan, TargetLabels target, bool withExternal)
    {
        foreach (var step in plan.Steps)
        {
            if (step.NameField is not null)
                yield return step.Name.ToArray();
            else if (withExternal || step.Index < target.TargetCount)
                yield return target.Name(step.Index);
        }
    }
}
