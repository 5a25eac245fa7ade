namespace Cluster.Campaigns;

/// <summary>A fault from when it began to when it was over, in milliseconds since 1970.</summary>
/// <param name="Scope">The target that it is of; -1 for all.</param>
public sealed record Spell(Faults Kind, int Scope, string What, long From)
{
    /// <summary>In the far future while it lasts.</summary>
    public long To { get; set; } = long.MaxValue;
}

/// <summary>All faults of a campaign with their times.</summary>
public sealed class Spells(CampaignLog log)
{
    private readonly List<Spell> all = [];

    public static long Now => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    /// <summary>A fault that lasts until the returned object is disposed of.</summary>
    public IDisposable Begin(Faults kind, string what, int scope = -1)
    {
        var spell = new Spell(kind, scope, what, Now);
        lock (all)
            all.Add(spell);
        log.Write($"--- {what} begins");
        return new End(() =>
        {
            spell.To = Now;
            log.Write($"--- {what} ends");
        });
    }

    /// <summary>Spells of these kinds that overlap a time.</summary>
    public Spell[] Within(long from, long to, Faults kinds, int scope = -1)
    {
        lock (all)
        {
            return [.. all.Where(s => (s.Kind & kinds) != 0 && s.From <= to && s.To >= from
                && (scope < 0 || s.Scope < 0 || s.Scope == scope))];
        }
    }

    public bool Any(long from, long to, Faults kinds, int scope = -1) => Within(from, to, kinds, scope).Length > 0;

    /// <summary>How often each fault was done.</summary>
    public IReadOnlyDictionary<Faults, int> Counts()
    {
        lock (all)
            return all.GroupBy(s => s.Kind).OrderBy(g => g.Key).ToDictionary(g => g.Key, g => g.Count());
    }

    private sealed class End(Action action) : IDisposable
    {
        private Action? action = action;

        public void Dispose() => Interlocked.Exchange(ref action, null)?.Invoke();
    }
}
