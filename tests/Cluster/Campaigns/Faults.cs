namespace Cluster.Campaigns;

/// <summary>What goes wrong in a campaign; each is done at random moments, and all at once.</summary>
[Flags]
public enum Faults
{
    None = 0,
    /// <summary>SIGKILL, and a start soon after.</summary>
    Kill = 1,
    /// <summary>SIGTERM, and a start soon after.</summary>
    Terminate = 2,
    /// <summary>SIGSTOP, and SIGCONT seconds later.</summary>
    Stop = 4,
    /// <summary>Spells of a receiver that is away, resets, answers with errors, is slow, or hangs.</summary>
    Receiver = 8,
    /// <summary>Targets that fail, are slow, go away and come back, in discovery or by themselves.</summary>
    Targets = 16,
    /// <summary>An API server that is away, or has forgotten what was watched.</summary>
    ApiServer = 32,
    /// <summary>A queue directory that takes no more bytes.</summary>
    DiskFull = 64,
    /// <summary>A queue directory whose calls do not return.</summary>
    DiskFrozen = 128,
    /// <summary>Files of others in the queue directory, and damaged copies of its own.</summary>
    Litter = 256,
    /// <summary>Things in the queue directory that are no files: links into nowhere, pipes, folders.</summary>
    Oddities = 512,
    /// <summary>Files that wait are changed in place; each costs itself.</summary>
    Damage = 1024,
    All = 2047,
}
