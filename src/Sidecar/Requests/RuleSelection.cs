using Sidecar.Relabeling;

namespace Sidecar.Requests;

/// <summary>The rules that can affect series of one name, or of one name and sequence of label names.</summary>
internal sealed class RuleSelection
{
    private static readonly RuleSelection Drop = new([]) { IsDropped = true }; // shared by all passes: it has no rule

    private RuleSelection(RuleMatcher[] rules) => Rules = rules;

    public bool IsDropped { get; private init; }

    /// <summary>Empty where the labels stay as they are.</summary>
    public RuleMatcher[] Rules { get; }

    /// <param name="name">The metric's name; null where it is not known any more.</param>
    /// <param name="plan">What labels the series have; null where that is not known.</param>
    /// <param name="withExternal">External labels are among them.</param>
    /// <param name="before">Rules that were applied before this list.</param>
    public static RuleSelection Of(
        IReadOnlyList<RuleMatcher> rules, byte[]? name, SeriesPlan? plan, TargetLabels target, bool withExternal,
        RuleSelection? before = null)
    {
        var needed = new List<RuleMatcher>();
        foreach (var matcher in rules)
        {
            var rule = matcher.Rule;
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
                if (plan is null || !IsWithoutEffect(matcher, plan, target, withExternal) || MayChangeAny(needed)
                    || MayChangeAny(before?.Rules))
                    needed.Add(matcher);
                continue;
            }
            if (!rule.IsOnMatch)
            {
                needed.Add(matcher);
                continue;
            }
            bool matches, isKnown;
            if (known == rule.SourceLabels.Length)
            {
                matches = matcher.IsMatch([.. value]);
                isKnown = true;
            }
            else
            {
                if (known > 0)
                    value.AddRange(rule.Separator);
                matches = matcher.CanBegin([.. value]);
                isKnown = !matches;
            }
            if (!isKnown || (matches && rule.Action == RelabelAction.Replace))
                needed.Add(matcher);
            else if (matches == (rule.Action == RelabelAction.Drop) && rule.Action != RelabelAction.Replace)
                return Drop;
        }
        return new RuleSelection([.. needed]);

        // Null where it differs from series to series.
        byte[]? ValueOf(ImmutableArray<byte> label)
        {
            var isName = label.AsSpan().SequenceEqual("__name__"u8);
            if (isName ? name is null : plan is null || Has(plan, target, label.AsSpan(), withExternal))
                return null;
            if (MayChange(needed, label.AsSpan()) || MayChange(before?.Rules, label.AsSpan()))
                return null;
            return isName ? name : [];
        }
    }

    private static bool MayChangeAny(IEnumerable<RuleMatcher>? rules) => rules?.Any(r => r.Rule.IsChanging) ?? false;

    private static bool MayChange(IEnumerable<RuleMatcher>? rules, ReadOnlySpan<byte> label)
    {
        foreach (var rule in rules ?? [])
        {
            if (rule.MayChange(label))
                return true;
        }
        return false;
    }

    private static bool IsWithoutEffect(RuleMatcher matcher, SeriesPlan plan, TargetLabels target, bool withExternal)
    {
        foreach (var name in Names(plan, target, withExternal))
        {
            if (matcher.IsMatch(name) != (matcher.Rule.Action == RelabelAction.LabelKeep))
                return false;
        }
        return true;
    }

    private static bool Has(SeriesPlan plan, TargetLabels target, ReadOnlySpan<byte> label, bool withExternal)
    {
        foreach (var name in Names(plan, target, withExternal))
        {
            if (label.SequenceEqual(name))
                return true;
        }
        return false;
    }

    private static IEnumerable<byte[]> Names(SeriesPlan plan, TargetLabels target, bool withExternal)
    {
        foreach (var step in plan.Steps)
        {
            if (step.NameField is not null)
                yield return step.Name.ToArray();
            else if (withExternal || step.Index < target.TargetCount)
                yield return [.. target.Name(step.Index)];
        }
    }
}
