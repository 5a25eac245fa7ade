using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Scraping;

/// <summary>A target's series and last good body between scrapes. Owned by its scrape loop, changed by one pass at a time.</summary>
internal sealed class TargetSeries(
    Target target, TargetLabels labels, ScrapeOptions options, HeldBudget budget, TimeProvider time,
    ReceiverProtocol? protocol = null) : IDisposable
{
    public Target Target => target;
    public TargetLabels Labels => labels;
    public ScrapeOptions Options => options;
    public HeldBudget Budget => budget;
    public TimeProvider Time => time;

    /// <summary>What requests are made in; null for 1.0.</summary>
    public ReceiverProtocol? Protocol => protocol;

    public KnownSeries Known { get; } = new(options.TrackTimestampsStaleness);

    /// <summary>Of the last good scrape; null when its series have ended.</summary>
    public CompressedBody? LastBody { get; set; }

    /// <summary>When metadata was sent last, on the clock of <see cref="Time"/>; 0 for never.</summary>
    public long LastMetadata { get; set; }

    /// <summary>What was known of the target before this process: its series and its last timestamp. Before anything else.</summary>
    /// <param name="last">Its newest scrape; without a body all its series have ended.</param>
    public RecallPass BeginRecall(PassContext context, Scrape last) => new(this, context, last);

    /// <summary>A download ended: validates the body, if there is one, and makes the record of it.</summary>
    /// <param name="body">Null when the download failed; the record keeps a reference of its own.</param>
    /// <param name="timestamp">Milliseconds since the Unix epoch.</param>
    /// <param name="started">Of the time provider, at the scrape's start, for its duration.</param>
    /// <param name="outcome">Its failure says why there is no body; the rest is filled in.</param>
    /// <param name="mayHold">Requests are made on the way; else only when the scrape is sent, which will not be soon.</param>
    public ScrapePass BeginScrape(PassContext context, CompressedBody? body, long timestamp, long started, ScrapeOutcome outcome,
        bool mayHold = true) => new(this, context, body, timestamp, started, outcome, mayHold);

    /// <summary>The target is gone for good: markers for all its series and the five report series.</summary>
    public ScrapePass BeginEnd(PassContext context, long timestamp) =>
        new(this, context, body: null, timestamp, started: 0, new ScrapeOutcome(), mayHold: true) { IsEnd = true };

    public void Dispose()
    {
        LastBody?.Release();
        LastBody = null;
        Known.Dispose();
    }
}
