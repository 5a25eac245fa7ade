using Sidecar.Relabeling;

namespace Sidecar.Requests;

/// <summary>Folds rules that read no scraped value into the plan: dropping, renaming or setting labels then costs nothing.</summary>
internal sealed class PlanFolding(LabelSet labels)
{
    // Values that stand for those of labels: a buffer each, told apart by which it is.
    private readonly List<byte[]> scraped = [];
    private readonly List<byte[]> ofTarget = [];
    private bool wantsTarget;

    /// <summary>The new plan; null where the rules have to be applied to every series.</summary>
    /// <param name="readsTarget">The plan holds for the values of this target's labels only.</param>
    public SeriesPlan? Fold(byte[] name, SeriesPlan plan, TargetLabels target, RuleSelection metric, RuleSelection write,
        out bool readsTarget)
    {
        if (metric.IsDropped || write.IsDropped)
        {
            readsTarget = false;
            return null;
        }
        wantsTarget = readsTarget = false;
        var folded = TryFold(name, plan, target, metric, write, withValues: false);
        if (folded is not null || !wantsTarget)
            return folded;
        readsTarget = true;
        return TryFold(name, plan, target, metric, write, withValues: true);
    }

    private SeriesPlan? TryFold(byte[] name, SeriesPlan plan, TargetLabels target, RuleSelection metric, RuleSelection write,
        bool withValues)
    {
        while (scraped.Count < plan.Steps.Length)
            scraped.Add([0]);
        while (ofTarget.Count < target.Count)
            ofTarget.Add([0]);
        labels.Clear();
        for (var i = 0; i < plan.Steps.Length; i++)
        {
            var step = plan.Steps[i];
            if (step.NameField is not null)
                labels.Fill(labels.Copy(step.Name), step.Name.SequenceEqual("__name__"u8) ? new Text(name) : new Text(scraped[i]));
            else if (step.Index < target.TargetCount)
                labels.Fill(new Text(target.Name(step.Index)), ValueOf(step.Index));
        }
        if (!TryApply(metric.Rules) || labels.HasNameless || labels.IndexOf("__name__"u8) < 0)
            return null;
        for (var i = target.TargetCount; i < target.Count; i++)
        {
            if (labels.IndexOf(target.Name(i).AsSpan()) < 0)
                labels.Add(new Text(target.Name(i)), ValueOf(i));
        }
        return TryApply(write.Rules) && labels.IndexOf("__name__"u8) >= 0 ? Plan(plan, target) : null;

        Text ValueOf(int index) => withValues ? new Text(target.Value(index)) : new Text(ofTarget[index]);
    }

    /// <summary>False where a rule reads what is not known, or drops the series.</summary>
    private bool TryApply(RuleMatcher[] rules)
    {
        foreach (var matcher in rules)
        {
            var rule = matcher.Rule;
            var isKnown = rule.IsOnNames || rule.SourceLabels.All(l => IsKnown(labels.Get(l.AsSpan())));
            if (rule.Action is RelabelAction.KeepEqual or RelabelAction.DropEqual)
                isKnown &= IsKnown(labels.Get(rule.TargetLabel.Start));
            if (!isKnown || !matcher.Apply(labels))
                return false;
        }
        return true;
    }

    private bool IsKnown(Text value)
    {
        if (IndexIn(ofTarget, value) >= 0)
            wantsTarget = true;
        return IndexIn(ofTarget, value) < 0 && IndexIn(scraped, value) < 0;
    }

    private SeriesPlan? Plan(SeriesPlan plan, TargetLabels target)
    {
        var steps = new SeriesPlan.Step[labels.Count];
        var constants = new List<FixedLabel>();
        var order = labels.SortedByName();
        for (var i = 0; i < steps.Length; i++)
        {
            var (name, value) = (labels.Name(order[i]).Span.ToArray(), labels.Value(order[i]));
            if (IndexIn(scraped, value) is >= 0 and var step)
                steps[i] = new(plan.Steps[step].Index, LabelMessage.NameField(name));
            else if (IndexIn(ofTarget, value) is >= 0 and var index)
            {
                if (!name.AsSpan().SequenceEqual(target.Name(index).AsSpan()))
                {
                    wantsTarget = true; // its value under another name
                    return null;
                }
                steps[i] = new(index, null);
            }
            else
            {
                steps[i] = new(~constants.Count, null);
                constants.Add(new FixedLabel(name, value.Span));
            }
        }
        return new SeriesPlan(steps, [.. constants]);
    }

    private static int IndexIn(List<byte[]> buffers, Text value)
    {
        for (var i = 0; i < buffers.Count; i++)
        {
            if (value.IsIn(buffers[i]))
                return i;
        }
        return -1;
    }
}
