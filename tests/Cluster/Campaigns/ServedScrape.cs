namespace Cluster.Campaigns;

/// <summary>What a target did with one request.</summary>
public enum Serving
{
    Good,
    /// <summary>Good, in pieces with pauses.</summary>
    Slow,
    Status,
    ContentType,
    Unparsable,
    TruncatedGzip,
    Cut,
    TooSlow,
}

/// <summary>One request to a target: what it was answered, and when; in milliseconds since 1970.</summary>
public sealed record ServedScrape(int Target, int Ordinal, long Arrival, Serving Serving, bool HasRefused)
{
    /// <summary>When the last byte was handed over; 0 when it was not.</summary>
    public long Served { get; set; }

    /// <summary>The answer makes a good scrape, once it is read to its end.</summary>
    public bool IsGood => Serving is Serving.Good or Serving.Slow;
}
