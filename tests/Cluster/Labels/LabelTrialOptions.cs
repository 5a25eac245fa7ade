namespace Cluster.Labels;

/// <summary>How large a trial of relabeled labels is, and what the sidecar runs on.</summary>
/// <param name="Binary">The published sidecar.</param>
public sealed record LabelTrialOptions(string Binary)
{
    public int Targets { get; init; } = 6;

    /// <summary>Of each target, each with a label value of its own.</summary>
    public int Series { get; init; } = 60_000;

    /// <summary>Of each target.</summary>
    public int Scrapes { get; init; } = 4;

    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>1.0, 2.0 or auto, as SIDECAR_REMOTE_WRITE_PROTOCOL has it.</summary>
    public string Protocol { get; init; } = "1.0";

    /// <summary>What the sidecar takes to be the number of processors: a thread works through bodies for each two.</summary>
    public int Processors { get; init; } = 4;

    /// <summary>It may run on one processor only.</summary>
    public bool IsOnOneProcessor { get; init; }

    /// <summary>The receiver is away until all scrapes wait in a queue directory.</summary>
    public bool IsStreamedFromDisk { get; init; }

    /// <summary>After which what has not arrived is missing.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);
}
