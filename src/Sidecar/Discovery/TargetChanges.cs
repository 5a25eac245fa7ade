namespace Sidecar.Discovery;

/// <summary>The set of targets changed.</summary>
/// <param name="Count">Targets from then on.</param>
/// <param name="Added">How many came.</param>
/// <param name="Gone">How many left.</param>
/// <param name="Names">The first of them, with a sign before each.</param>
internal sealed record TargetChange(DateTimeOffset At, int Count, int Added, int Gone, string Names);

/// <summary>The last changes of the set of targets, and how many there were at most in the last hour. Safe from any thread.</summary>
internal sealed class TargetChanges(TimeProvider time)
{
    public const int Most = 10;

    private const int Minutes = 60;

    private readonly Lock gate = new();
    private readonly int[] highest = new int[Minutes]; // of each minute of the last hour, in a ring
    private ImmutableArray<TargetChange> last = [];
    private long minute = Minute(time.GetUtcNow());
    private int count;

    /// <summary>Newest first; the first set of all is none of them.</summary>
    public ImmutableArray<TargetChange> Last { get { lock (gate) return last; } }

    /// <summary>The most targets at one time in the last hour.</summary>
    public int Highest
    {
        get
        {
            lock (gate)
            {
                Turn();
                return highest.Max();
            }
        }
    }

    /// <summary>There are so many now.</summary>
    /// <param name="change">Null for the first set of all.</param>
    public void Note(int now, TargetChange? change)
    {
        lock (gate)
        {
            Turn();
            count = now;
            ref var ofMinute = ref highest[minute % Minutes];
            ofMinute = Math.Max(ofMinute, now);
            if (change is not null)
                last = [change, .. last.Take(Most - 1)];
        }
    }

    /// <summary>To the minute of now; between then and now there were as many as at last.</summary>
    private void Turn()
    {
        var now = Minute(time.GetUtcNow());
        for (var passed = Math.Min(now - minute, Minutes); passed > 0; passed--)
            highest[(now - passed + 1) % Minutes] = count;
        minute = Math.Max(minute, now);
    }

    private static long Minute(DateTimeOffset at) => at.ToUnixTimeSeconds() / 60;
}
