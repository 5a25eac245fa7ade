using System.Runtime.CompilerServices;
using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>Makes series by target labels and rules, and requests of those that are kept. Allocates nothing per sample.</summary>
/// <param name="protocol">Tells the version, looked at when a pass begins; null for 1.0.</param>
internal sealed class SeriesEncoder(int samplesPerRequest, ReceiverProtocol? protocol = null)
{
    private static readonly TargetLabels NoLabels = new([], [], false); // shared by all passes: it never changes

    private readonly ReceiverProtocol protocol = protocol ?? new ReceiverProtocol();
    private readonly RequestBuilder builder = new(samplesPerRequest);
    private readonly SeriesPlans plans = new();
    private readonly SeriesPlans relabeledPlans = new();
    private SeriesRelabeling? relabeling;
    private SeriesRelabeling.PlanRules? relabeledRules; // of the series that was begun last
    private string? relabelError;
    private TargetLabels target = NoLabels;

    /// <summary>The series that a scrape reports of itself, in the order of <see cref="ReportSeries"/>.</summary>
    public Sample[] Report { get; } = ReportSeries.New();

    /// <summary>Of the series that was begun last.</summary>
    public SeriesLabels Labels { get; } = new();

    public int Samples => builder.Samples;

    /// <inheritdoc cref="RequestBuilder.IsFull"/>
    public bool IsFull => builder.IsFull;

    /// <summary>Why the series that was begun last fails the scrape.</summary>
    public string Error => relabelError ?? plans.Last?.Error ?? "";

    /// <summary>Begins the series of a target; what was not taken is dropped.</summary>
    public void Begin(TargetLabels labels)
    {
        if (target.Shape != labels.Shape)
        {
            plans.Clear();
            relabeling?.Forget();
        }
        if (target != labels && relabeling is { ReadsTarget: true })
            relabeling.Forget();
        if (target.Rules != labels.Rules)
            relabeling = labels.Rules is null ? null : new SeriesRelabeling(labels.Rules);
        target = labels;
        builder.Begin(protocol.Current);
    }

    /// <summary>Makes the labels of the sample's series, which counts only after <see cref="Commit(Sample, long)"/>.</summary>
    /// <param name="hash">Of all labels as they will be sent: the identity of the series.</param>
    /// <returns>False where the series is not sent, or fails the scrape.</returns>
    public bool TryBegin(Sample sample, out ulong hash) => Begin(sample, out hash) == SeriesOutcome.Sent;

    /// <inheritdoc cref="TryBegin"/>
    /// <param name="isReport">One of the report series, which metric relabeling leaves alone.</param>
    public SeriesOutcome Begin(Sample sample, out ulong hash, bool isReport = false)
    {
        Labels.Follow(sample);
        if (relabeling is not null)
            return BeginRelabeled(sample, out hash, isReport);
        return Set(sample, plans.Get(sample, target), target, out hash) ? SeriesOutcome.Sent : SeriesOutcome.Failed;
    }

    private SeriesOutcome BeginRelabeled(Sample sample, out ulong hash, bool isReport)
    {
        hash = 0;
        relabelError = null;
        var name = relabeling!.OfName(sample.Name, target);
        if (name.IsDropped && !isReport)
            return SeriesOutcome.Dropped;
        var plan = plans.Get(sample, target);
        if (plan.Error is not null)
            return SeriesOutcome.Failed;
        var rules = relabeledRules = relabeling.OfPlan(name, plan, target, isReport);
        if (rules.Metric.IsDropped)
            return SeriesOutcome.Dropped;
        if (rules.Folded is { } folded)
            plan = folded;
        var fate = rules.Write.IsDropped ? SeriesOutcome.Unsent : SeriesOutcome.Sent;
        var isChanged = false;
        if (!rules.IsPlain && rules.Folded is null)
            fate = relabeling.Apply(sample, rules, target, out isChanged, out relabelError);
        if (fate is SeriesOutcome.Sent or SeriesOutcome.Unsent)
        {
            var output = relabeling.Output;
            var isSet = isChanged ? Set(output, relabeledPlans.Get(output, NoLabels), NoLabels, out hash)
                : Set(sample, plan, target, out hash);
            System.Diagnostics.Debug.Assert(isSet);
        }
        return fate;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Set(Sample sample, SeriesPlan plan, TargetLabels target, out ulong hash)
    {
        hash = 0;
        if (plan.Error is not null)
            return false;
        Labels.Set(sample, plan, target);
        hash = Labels.Hash;
        return true;
    }

    /// <summary>The limit that the series' labels exceed, in words; null for none. External labels do not count.</summary>
    public string? Exceeded(Sample sample, in LabelLimits limits)
    {
        if (relabeling is not null && relabeledRules is { IsPlain: false } rules)
            return relabeling.Exceeded(sample, rules, target, limits);
        var count = 0;
        for (var i = 0; i < Labels.Count; i++)
            count += Labels.IsOfTarget(i) ? 1 : 0;
        var exceeded = limits.Exceeded(count);
        for (var i = 0; i < Labels.Count && exceeded is null; i++)
            exceeded = Labels.IsOfTarget(i) ? limits.Exceeded(Labels.Name(i), Labels.Value(i)) : null;
        return exceeded;
    }

    /// <summary>Gives the series that was begun its sample, with all that it brings.</summary>
    /// <param name="timestamp">Milliseconds since the Unix epoch.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Commit(Sample sample, long timestamp) => builder.Add(Labels, sample, timestamp);

    /// <summary>Gives the series that was begun its sample.</summary>
    /// <inheritdoc cref="Commit(Sample, long)"/>
    public void Commit(double value, long timestamp) => builder.Add(Labels, value, timestamp);

    /// <inheritdoc cref="RequestBuilder.Take"/>
    public EncodedRequest? Take() => builder.Take();

    /// <inheritdoc cref="RequestBuilder.Drop"/>
    public void Drop() => builder.Drop();
}
