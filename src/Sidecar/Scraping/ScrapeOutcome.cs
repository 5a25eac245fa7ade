using Sidecar.Primitives;

namespace Sidecar.Scraping;

/// <summary>What became of the samples of one scrape, for own metrics and logs.</summary>
internal sealed class ScrapeOutcome
{
    /// <summary>Reason none when the scrape was good.</summary>
    public Failure Failure { get; set; }

    public int Scraped { get; set; }
    public int PostRelabeling { get; set; }
    public int Added { get; set; }

    /// <summary>Samples of the body that are to be sent.</summary>
    public int Sent { get; set; }

    /// <summary>The series occurred before in the same scrape, without a timestamp of its own.</summary>
    public int Duplicates { get; set; }

    /// <summary>Not newer than the series' last sample.</summary>
    public int OutOfOrder { get; set; }

    /// <summary>Of those that are out of order, the ones that the scrape before had with the same timestamp: nothing is lost.</summary>
    public int Repeated { get; set; }

    public int OutOfBounds { get; set; }

    /// <summary>Classic histograms that were to be sent as native ones, and make none.</summary>
    public int Unconverted { get; set; }

    public bool IsOverSampleLimit { get; set; }
    public int Vanished { get; set; }
    public long BodyBytes { get; set; }
}
