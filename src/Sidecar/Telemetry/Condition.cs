namespace Sidecar.Telemetry;

/// <summary>What can be wrong with the process as a whole: a closed set, the words of label <c>condition</c>, worst first.</summary>
internal enum Condition
{
    /// <summary>A part of the process does not move; only a new start helps.</summary>
    Hanging,
    /// <summary>The receiver refuses for good whatever it is sent.</summary>
    AllRefused,
    /// <summary>The queue is full, or its age limit is reached: the oldest scrapes go.</summary>
    QueueDropping,
    /// <summary>Discovery has never had an answer.</summary>
    NoTargetsKnown,
    /// <summary>The API server does not give the lease, and nobody may scrape without it.</summary>
    LeaseFails,
    /// <summary>No scrape of any target succeeds.</summary>
    AllTargetsFail,
    /// <summary>The receiver does not accept; what is scraped waits.</summary>
    ReceiverFails,
    /// <summary>The receiver refuses some of what it is sent.</summary>
    SomeRefused,
    TargetsFail,
    /// <summary>Discovery names fewer targets than in the last hour.</summary>
    TargetsGone,
    /// <summary>Discovery answers, and names none.</summary>
    NoTargets,
    /// <summary>Discovery has no answer now; the last known targets stay.</summary>
    DiscoveryFails,
    /// <summary>The receiver accepts, and yet scrapes have waited for minutes.</summary>
    Backlog,
    /// <summary>The queue directory does not answer, or takes nothing: a crash would lose what waits.</summary>
    QueueDirectory,
    /// <summary>Scrapes from the future wait.</summary>
    Clock,
    /// <summary>A token or a certificate expires soon, or has.</summary>
    Expiry,
    /// <summary>The own metrics, which this process sends itself, cannot be scraped.</summary>
    SelfScrapeFails,
    /// <summary>An exception that nobody expected was met a short while ago.</summary>
    Bug,
    /// <summary>Another process holds the lease, and scrapes.</summary>
    StandsBy,
    /// <summary>Nothing was scraped or sent so far.</summary>
    Starting,
}
