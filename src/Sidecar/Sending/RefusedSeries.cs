using Sidecar.Primitives;

namespace Sidecar.Sending;

/// <summary>
/// Series that a receiver has been found to refuse, by a hash of their labels. They are left out of what is sent, so that the others of
/// their request arrive at the first try, scrape after scrape. Each is tried again after a minute, two, four, up to ten: what is mended,
/// be it the series or the receiver, comes back by itself. Bounded; safe from any thread.
/// </summary>
/// <remarks>
/// Left out rather than taken out of each refused request: that would cost one refusal and one more request for each of them at every
/// scrape, and some tens of such series on some targets would be beyond every budget.
/// </remarks>
internal sealed class RefusedSeries(TimeProvider time)
{
    /// <summary>About half a megabyte. Those beyond are searched for again, as far as the budget goes.</summary>
    public const int Most = 10_000;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    /// <summary>One that was not refused for so long is gone from its target.</summary>
    private static readonly TimeSpan ForgetAfter = TimeSpan.FromHours(1);

    private readonly Lock gate = new();
    private readonly Dictionary<ulong, Entry> entries = [];
    private readonly HashSet<(string Target, int Request)> places = [];

    /// <param name="Request">Which of its scrape's requests it was in; it hardly moves.</param>
    private readonly record struct Entry(string Target, int Request, long Refused, TimeSpan Pause, Failure Failure);

    public int Count { get { lock (gate) return entries.Count; } }

    /// <summary>Whether a look into the request is worth its while.</summary>
    public bool MayBeIn(string target, int request)
    {
        lock (gate)
        {
            return places.Count > 0
                && (places.Contains((target, request)) || places.Contains((target, request - 1)) || places.Contains((target, request + 1)));
        }
    }

    /// <summary>It is known to be refused.</summary>
    public bool Contains(ulong series)
    {
        lock (gate)
            return entries.ContainsKey(series);
    }

    /// <summary>It is known to be refused, and is not due to be tried again.</summary>
    /// <param name="failure">What the receiver said.</param>
    public bool IsLeftOut(ulong series, out Failure failure)
    {
        lock (gate)
        {
            var isKnown = entries.TryGetValue(series, out var entry);
            failure = entry.Failure;
            return isKnown && time.GetElapsedTime(entry.Refused) < entry.Pause;
        }
    }

    /// <summary>It was refused, for the first time or again.</summary>
    public void Add(ulong series, string target, int request, Failure failure)
    {
        lock (gate)
        {
            var isKnown = entries.TryGetValue(series, out var known);
            if (!isKnown && entries.Count >= Most)
            {
                ForgetOld();
                if (entries.Count >= Most)
                    return;
            }
            var pause = isKnown ? known.Pause * 2 : FirstPause;
            pause = pause < LongestPause ? pause : LongestPause;
            entries[series] = new Entry(target, request, time.GetTimestamp(), pause, failure);
            places.Add((target, request));
        }
    }

    /// <summary>These were accepted.</summary>
    /// <param name="hash">Of each.</param>
    public void Remove(int[] series, Func<int, ulong> hash)
    {
        lock (gate)
        {
            var before = entries.Count;
            foreach (var one in series)
                entries.Remove(hash(one));
            if (entries.Count < before)
                NotePlaces();
        }
    }

    private void ForgetOld()
    {
        foreach (var (series, entry) in entries)
        {
            if (time.GetElapsedTime(entry.Refused) > ForgetAfter)
                entries.Remove(series); // allowed while enumerating
        }
        NotePlaces();
    }

    private void NotePlaces()
    {
        places.Clear();
        foreach (var entry in entries.Values)
            places.Add((entry.Target, entry.Request));
    }
}
