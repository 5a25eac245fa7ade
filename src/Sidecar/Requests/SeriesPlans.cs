using System.Runtime.CompilerServices;
using Sidecar.Exposition;
using Sidecar.Memory;

namespace Sidecar.Requests;

/// <summary>The plans of one kind of target labels, by the names of the scraped labels and by which of them are empty.</summary>
internal sealed class SeriesPlans
{
    private const int MostPlans = 4096;

    /// <summary>Bytes of all plans and of the names that they hold on to.</summary>
    private const int MostBytes = 1024 * 1024;

    private readonly Dictionary<(LabelNames Names, ulong Empty), SeriesPlan> plans = [];
    private LabelNames lastNames = LabelNames.None;
    private ulong lastEmpty = ulong.MaxValue;
    private int bytes;

    /// <summary>The plan that was asked for last.</summary>
    public SeriesPlan? Last { get; private set; }

    public void Clear()
    {
        plans.Clear();
        bytes = 0;
        Last = null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SeriesPlan Get(Sample sample, TargetLabels target) =>
        sample.Names != lastNames || sample.EmptyValues != lastEmpty || Last is null || sample.ManyLabels ? Find(sample, target) : Last;

    private SeriesPlan Find(Sample sample, TargetLabels target)
    {
        lastNames = sample.Names;
        lastEmpty = sample.EmptyValues;
        var key = (sample.Names, sample.EmptyValues);
        if (sample.ManyLabels || sample.Names.IsUncommon || sample.Count - 1 != sample.Names.Count)
            Last = SeriesPlan.Make(sample, target);
        else if (plans.TryGetValue(key, out var known))
            Last = known;
        else
        {
            Last = SeriesPlan.Make(sample, target);
            var size = Last.Size + sample.Names.Size;
            bytes += size;
            if (plans.Count >= MostPlans || bytes > MostBytes)
            {
                plans.Clear();
                bytes = size;
                Garbage.Collect(); // they are old objects by now
            }
            plans.Add(key, Last);
        }
        return Last;
    }
}
