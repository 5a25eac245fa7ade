using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Records;

namespace Sidecar.Queueing;

/// <summary>The header of a scrape's file: everything but the bodies, with every field validated.</summary>
internal sealed class ScrapeHeader
{
    public required Target Target { get; init; }
    public required ImmutableArray<KeyValuePair<string, string>> ExternalLabels { get; init; }
    public required bool HonorLabels { get; init; }
    public required long Timestamp { get; init; }
    public required BodyFormat Format { get; init; }
    public required BodyReading Reading { get; init; }
    public required bool HonorTimestamps { get; init; }
    public required bool IsOrdered { get; init; }
    public required int Samples { get; init; }
    public required ReportSamples Report { get; init; }
    public required int Skipped { get; init; }

    /// <summary>Bytes of the body; -1 for none.</summary>
    public required long Body { get; init; }

    /// <summary>Bytes of the vanished series; -1 for none.</summary>
    public required long Vanished { get; init; }

    /// <inheritdoc cref="Scrape.IsGood"/>
    public bool IsGood => Body >= 0;
}
