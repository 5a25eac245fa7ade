using Sidecar.Exposition;

namespace Sidecar.RemoteWrite;

/// <summary>The plans of one kind of target labels, by the names of the scraped labels and by which of them are empty.</summary>
internal sealed class SeriesPlans
{
    private const int MostPlans = 4096;

    private readonly Dictionary<(LabelNames Names, ulong Empty), SeriesPlan> plans = [];
    private LabelNames lastNames = LabelNames.None;
    private ulong lastEmpty = ulong.MaxValue;

    /// <summary>The plan that was asked for last.</summary>
    public SeriesPlan? Last { get; private set; }

    public void Clear()
    {
        plans.Clear();
        Last = null;
    }

    public SeriesPlan Get(Sample sample, TargetLabels target) =>
        sample.Names != lastNames || sample.EmptyValues != lastEmpty || Last is null || sample.ManyLabels ? Find(sample, target) : Last;

    private SeriesPlan Find(Sample sample, TargetLabels target)
    {
        lastNames = sample.Names;
        lastEmpty = sample.EmptyValues;
        var key = (sample.Names, sample.EmptyValues);
        if (sample.ManyLabels || sample.Names.IsOdd || sample.Count - 1 != sample.Names.Count)
            Last = SeriesPlan.Make(sample, target);
        else if (plans.TryGetValue(key, out var known))
            Last = known;
        else
        {
            if (plans.Count >= MostPlans)
                plans.Clear();
            plans.Add(key, Last = SeriesPlan.Make(sample, target));
        }
        return Last;
    }
}
