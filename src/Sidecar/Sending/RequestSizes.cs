namespace Sidecar.Sending;

/// <summary>
/// Request sizes that the receiver takes, learned from 413s, so that later requests are split before posting. Forgotten after ten minutes,
/// as limits are raised. Safe from any thread.
/// </summary>
/// <remarks>
/// In series, although receivers count bytes: what a part of a request takes when it is compressed by itself is not known before it is
/// made.
/// </remarks>
internal sealed class RequestSizes(TimeProvider time)
{
    /// <summary>Parts of one request: a receiver that takes less than that is not written to in crumbs.</summary>
    public const int MostParts = 16;

    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private int refused = int.MaxValue; // the least
    private int accepted;               // the most below that; 0 for none
    private long learned; // time.GetTimestamp()

    /// <summary>How many parts to split a request into; 1 where the receiver may take it, or takes no size at all.</summary>
    public int Parts(int series)
    {
        lock (gate)
        {
            if (series < refused || accepted == 0)
                return 1;
            if (time.GetElapsedTime(learned) > Remembered)
            {
                (refused, accepted) = (int.MaxValue, 0);
                return 1;
            }
            return Math.Clamp((series + accepted - 1) / accepted, 2, MostParts);
        }
    }

    public void Accepted(int series)
    {
        lock (gate)
        {
            if (series < refused && series > accepted && refused != int.MaxValue)
                accepted = series;
        }
    }

    public void Refused(int series)
    {
        lock (gate)
        {
            if (series >= refused)
                return;
            refused = series;
            accepted = accepted < refused ? accepted : 0;
            learned = time.GetTimestamp();
        }
    }
}
