using System.IO.Hashing;
using Sidecar.Exposition;
using Sidecar.Relabeling;

namespace Sidecar.Requests;

/// <summary>
/// Applies metric and write relabeling to the samples of one encoder. What rules do with a metric's name and with the names of its labels
/// is decided once for each; only rules that read values of labels are applied to every series, and only where they could matter. It
/// belongs to the pass that its encoder belongs to: what matching changes is made here, from rules that are shared.
/// </summary>
internal sealed class SeriesRelabeling(SeriesRules rules)
{
    /// <summary>What was decided is forgotten when there are so many decisions: only targets that make up names come near.</summary>
    private const int MostDecisions = 8192;
    private const int MostBytes = 1024 * 1024;
    private const int MostPlansOfName = 16;

    private readonly RelabelPass metricRules = new(rules.Metric);
    private readonly RelabelPass writeRules = new(rules.Write);
    private readonly Dictionary<ulong, NameRules> names = [];
    private readonly LabelSet labels = new();
    private readonly LabelNamesCache labelNames = new();
    private readonly Sample output = new();
    private byte[] window = new byte[1024];
    private NameRules last = new([], false);
    private PlanFolding? folding;
    private int decisions;
    private int bytes; // that what was decided takes, about

    /// <summary>What the rules come to for series of one name and one plan.</summary>
    public sealed class PlanRules(SeriesPlan plan, bool isReport, RuleSelection metric, RuleSelection write, SeriesPlan? folded)
    {
        /// <summary>The plan that has the same effect as the rules; null where they have to be applied.</summary>
        public SeriesPlan? Folded { get; } = folded;

        public SeriesPlan Plan { get; } = plan;
        public bool IsReport { get; } = isReport;
        public RuleSelection Metric { get; } = metric;
        public RuleSelection Write { get; } = write;

        /// <summary>The labels stay as they are.</summary>
        public bool IsPlain { get; } = metric.Rules.Length + write.Rules.Length == 0;
    }

    /// <summary>The same for all series of one name, and below it for each plan that its series have.</summary>
    public sealed class NameRules(byte[] name, bool isDropped)
    {
        public byte[] Name { get; } = name;

        /// <summary>Metric relabeling drops all of them.</summary>
        public bool IsDropped { get; } = isDropped;

        public List<PlanRules> Plans { get; } = [];
    }

    /// <summary>The series as it is to be sent; good until the next call.</summary>
    public Sample Output => output;

    /// <summary>What was decided holds for the values of the present target's labels only.</summary>
    public bool ReadsTarget { get; private set; }

    /// <summary>Targets have other label names now: what was decided with those of before is forgotten.</summary>
    public void Forget()
    {
        names.Clear();
        ReadsTarget = false;
        last = new NameRules([], false);
        decisions = bytes = 0;
    }

    private void Count(int size)
    {
        bytes += 100 + size;
        if (++decisions > MostDecisions || bytes > MostBytes)
            Forget();
    }

    public NameRules OfName(ReadOnlySpan<byte> name, TargetLabels target)
    {
        if (name.SequenceEqual(last.Name))
            return last;
        var hash = XxHash3.HashToUInt64(name);
        if (names.TryGetValue(hash, out var known) && name.SequenceEqual(known.Name))
            return last = known;
        Count(name.Length);
        var copy = name.ToArray();
        var metric = RuleSelection.Of(metricRules.All, copy, null, target, withExternal: false);
        return last = names[hash] = new NameRules(copy, metric.IsDropped);
    }

    /// <param name="isReport">Metric relabeling is left out.</param>
    public PlanRules OfPlan(NameRules name, SeriesPlan plan, TargetLabels target, bool isReport)
    {
        foreach (var known in name.Plans)
        {
            if (known.Plan == plan && known.IsReport == isReport)
                return known;
        }
        if (name.Plans.Count == MostPlansOfName)
            name.Plans.Clear();
        Count(2 * plan.Size);
        var metric = RuleSelection.Of(isReport ? [] : metricRules.All, name.Name, plan, target, withExternal: false);
        var write = RuleSelection.Of(writeRules.All, name.Name, plan, target, withExternal: true, metric);
        SeriesPlan? folded = null;
        if (metric.Rules.Length + write.Rules.Length > 0)
        {
            folding ??= new PlanFolding(labels);
            folded = folding.Fold(name.Name, plan, target, metric, write, out var readsTarget);
            ReadsTarget |= readsTarget && folded is not null;
        }
        var made = new PlanRules(plan, isReport, metric, write, folded);
        name.Plans.Add(made);
        return made;
    }

    /// <summary>Applies the rules that are left; what is changed is in <see cref="Output"/> where <paramref name="isChanged"/>.</summary>
    /// <param name="error">Why it fails the scrape.</param>
    public SeriesOutcome Apply(Sample sample, PlanRules selection, TargetLabels target, out bool isChanged, out string? error)
    {
        error = null;
        isChanged = false;
        Fill(sample, selection.Plan, target);
        foreach (var rule in selection.Metric.Rules)
        {
            if (!rule.Apply(labels))
                return SeriesOutcome.Dropped;
        }
        if (labels.Count == 0)
            return SeriesOutcome.Dropped;
        if (labels.HasNameless || labels.IndexOf("__name__"u8) < 0)
        {
            error = labels.HasNameless ? "metric relabeling maps a label to an empty name"
                : "metric relabeling leaves the series without a name";
            return SeriesOutcome.Failed;
        }
        AddExternal(target);
        isChanged = labels.IsChanged;
        var fate = selection.Write.IsDropped ? SeriesOutcome.Unsent : SeriesOutcome.Sent;
        if (selection.Write.Rules.Length > 0)
        {
            // What is dropped here is known by its labels before.
            if (isChanged)
                Emit();
            foreach (var rule in selection.Write.Rules)
            {
                if (!rule.Apply(labels))
                    return SeriesOutcome.Unsent;
            }
            if (labels.IndexOf("__name__"u8) < 0)
                return SeriesOutcome.Unsent; // nobody takes a series without a name
            isChanged = labels.IsChanged;
        }
        if (isChanged)
            Emit();
        return fate;
    }

    /// <summary>Which limit the labels exceed after metric relabeling, in words; null for none. The series was not dropped.</summary>
    public string? Exceeded(Sample sample, PlanRules selection, TargetLabels target, in LabelLimits limits)
    {
        Fill(sample, selection.Plan, target);
        foreach (var rule in selection.Metric.Rules)
            rule.Apply(labels);
        var exceeded = limits.Exceeded(labels.Count);
        for (var i = 0; i < labels.Count && exceeded is null; i++)
            exceeded = limits.Exceeded(labels.Name(i).Span, labels.Value(i).Span);
        return exceeded;
    }

    /// <summary>Scraped and target labels, sorted: the plan has settled their conflicts.</summary>
    private void Fill(Sample sample, SeriesPlan plan, TargetLabels target)
    {
        labels.Clear();
        foreach (ref readonly var step in plan.Steps.AsSpan())
        {
            if (step.NameField is { } field)
            {
                var name = step.Name.Length;
                ref readonly var label = ref sample.Labels[step.Index];
                var value = label.ValueStart >= 0
                    ? new Text(sample.Window, label.ValueStart, label.ValueLength)
                    : new Text(sample.Scratch, ~label.ValueStart, label.ValueLength);
                labels.Fill(new Text(field, field.Length - name, name), value);
            }
            else if (step.Index < target.TargetCount)
                labels.Fill(new Text(target.Name(step.Index)), new Text(target.Value(step.Index)));
        }
    }

    /// <summary>External labels fill what is absent now.</summary>
    private void AddExternal(TargetLabels target)
    {
        for (var i = target.TargetCount; i < target.Count; i++)
        {
            if (labels.IndexOf(target.Name(i).AsSpan()) < 0)
                labels.Add(new Text(target.Name(i)), new Text(target.Value(i)));
        }
    }

    /// <summary>Makes a sample of the labels, sorted by name behind the metric's own.</summary>
    private void Emit()
    {
        var size = 0;
        for (var i = 0; i < labels.Count; i++)
            size += labels.Name(i).Length + labels.Value(i).Length;
        if (window.Length < size)
            window = new byte[size * 2];
        output.Window = window;
        var used = 0;
        var name = Write(labels.Get("__name__"u8), ref used);
        output.Begin(name, used - name);
        foreach (var i in labels.SortedByName())
        {
            if (labels.Name(i).Span.SequenceEqual("__name__"u8))
                continue;
            var nameStart = Write(labels.Name(i), ref used);
            var valueStart = Write(labels.Value(i), ref used);
            output.Add(nameStart, valueStart - nameStart, valueStart, used - valueStart);
        }
        if (!output.Names.Match(output))
            output.Names = labelNames.Get(output);
    }

    private int Write(Text text, ref int used)
    {
        text.Span.CopyTo(window.AsSpan(used));
        used += text.Length;
        return used - text.Length;
    }
}
