namespace Cluster.Campaigns;

/// <summary>
/// Says when a scrape is to have a series that the receiver refuses: rarely, since each costs the sidecar requests to find it, of which it
/// may make a bounded number a minute.
/// </summary>
public sealed class RefusedTurn(TimeSpan pause)
{
    private readonly Lock gate = new();
    private DateTime next = DateTime.UtcNow + pause / 4;

    public bool Take()
    {
        lock (gate)
        {
            if (DateTime.UtcNow < next)
                return false;
            next = DateTime.UtcNow + pause;
            return true;
        }
    }
}
