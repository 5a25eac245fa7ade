namespace Cluster.Campaigns;

/// <summary>What a campaign is to be.</summary>
/// <param name="Binary">The published sidecar.</param>
/// <param name="Seed">Of the schedule of faults, and of what targets serve.</param>
/// <param name="Duration">Of the faults; a quiet time in which all that waits must arrive comes on top, half a minute at most.</param>
public sealed record CampaignOptions(string Binary, int Seed, TimeSpan Duration)
{
    public Faults Faults { get; init; } = Faults.All;

    /// <summary>The sidecar has a single processor.</summary>
    public bool IsOnOneProcessor { get; init; }

    /// <summary>Where what the sidecar logs is kept, with the faults in between; null for nowhere.</summary>
    public string? LogFile { get; init; }

    public int Targets { get; init; } = 5;
}
