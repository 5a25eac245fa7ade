using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>
/// The unit of record: one scrape of one target as it came, compressed, with all that is needed to make the same samples of it at any later
/// time. Never changed once made, so any thread may read it. It stands for one reference to each of its bodies: who was given the scrape
/// calls <see cref="Release"/> once, and who keeps it beside its owner calls <see cref="AddReference"/> before.
/// </summary>
internal sealed class Scrape
{
    public required Target Target { get; init; }
    public required TargetLabels Labels { get; init; }

    /// <summary>Milliseconds since the Unix epoch; of every sample that brings none of its own.</summary>
    public required long Timestamp { get; init; }

    /// <summary>Null when the scrape failed or the target is gone.</summary>
    public required CompressedBody? Body { get; init; }

    /// <summary>What <see cref="Body"/> is written in; <see cref="Vanished"/> is always Prometheus text.</summary>
    public BodyFormat Format => Body?.Format ?? default;

    public BodyReading Reading => Body?.Reading ?? default;

    /// <summary>Series that need a staleness marker at <see cref="Timestamp"/>, as exposition text; null for none.</summary>
    public required CompressedBody? Vanished { get; init; }

    public required SkippedSamples? Skipped { get; init; }
    public required ReportSamples Report { get; init; }

    /// <summary>All samples to be sent: markers and the five report samples included.</summary>
    public required int Samples { get; init; }

    public required bool HonorTimestamps { get; init; }

    /// <summary>One series occurs more than once, with timestamps of its own: its requests go one after another.</summary>
    public required bool IsOrdered { get; init; }

    public bool IsGood => Body is not null;

    /// <summary>Bytes of memory that the scrape holds until it is released.</summary>
    public long Size => 256 + (Body?.Capacity ?? 0) + (Vanished?.Capacity ?? 0) + (Skipped?.Size ?? 0);

    /// <summary>The same scrape for one more owner, who releases it too.</summary>
    public Scrape AddReference()
    {
        Body?.AddReference();
        Vanished?.AddReference();
        return this;
    }

    /// <summary>One owner lets go; the last one gives the memory of the bodies back.</summary>
    public void Release()
    {
        Body?.Release();
        Vanished?.Release();
    }
}
