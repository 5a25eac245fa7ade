using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.RemoteWrite;

namespace Sidecar.Scraping;

/// <summary>
/// The unit of record: one scrape of one target as it came, compressed, with all that is needed to make the same samples of it at any
/// later time. It holds references to its bodies and gives them back when it is released.
/// </summary>
internal sealed class Scrape
{
    public required Target Target { get; init; }

    public required TargetLabels Labels { get; init; }

    /// <summary>Milliseconds since the Unix epoch; of every sample that brings none of its own.</summary>
    public required long Timestamp { get; init; }

    /// <summary>Null when the scrape failed or the target is gone.</summary>
    public required CompressedBody? Body { get; set; }

    /// <summary>What <see cref="Body"/> is written in; <see cref="Vanished"/> is always Prometheus text.</summary>
    public BodyFormat Format => Body?.Format ?? default;

    /// <summary>Series that need a staleness marker at <see cref="Timestamp"/>, as exposition text; null for none.</summary>
    public required CompressedBody? Vanished { get; set; }

    public required SkippedSamples? Skipped { get; set; }

    public required ReportSamples Report { get; init; }

    /// <summary>All samples to be sent: markers and the five report samples included.</summary>
    public required int Samples { get; init; }

    /// <summary>Timestamps that samples bring are used.</summary>
    public required bool HonorTimestamps { get; init; }

    /// <summary>One series occurs more than once, with timestamps of its own: its requests go one after another.</summary>
    public required bool IsOrdered { get; init; }

    /// <summary>The finished requests, while they are held; see <see cref="HeldRequests"/>.</summary>
    public HeldRequests? Held { get; set; }

    /// <summary>Requests with the metadata of its metrics, now and then; they are sent once or not at all.</summary>
    public IReadOnlyList<EncodedRequest> Metadata { get; set; } = [];

    /// <summary>Where it is kept on disk; null while it is in memory alone.</summary>
    public string? File { get; set; }

    /// <summary>Bytes of <see cref="File"/>.</summary>
    public long FileSize { get; set; }

    /// <summary>What it holds was let go and is read again from <see cref="File"/> when its turn comes; <see cref="Parked"/> says what that is.</summary>
    public bool IsParked { get; set; }

    public ParkedBodies Parked { get; set; }

    /// <summary>It has the series of a good scrape.</summary>
    public bool IsGood => IsParked ? Parked.Body >= 0 : Body is not null;

    /// <summary>Bytes that it holds, without <see cref="Held"/>, which has a bound of its own.</summary>
    public long Size => 256 + (Body?.Capacity ?? 0) + (Vanished?.Capacity ?? 0) + (Skipped?.Size ?? 0);

    /// <summary>Lets go of what <see cref="File"/> has.</summary>
    public void Park()
    {
        if (IsParked || File is null)
            return;
        Parked = new ParkedBodies(Format, Skipped is { } skipped ? skipped.Bytes.Length : 0, Body?.Length ?? -1, Vanished?.Length ?? -1);
        IsParked = true;
        Release();
    }

    public void Unpark(CompressedBody? body, CompressedBody? vanished, SkippedSamples? skipped)
    {
        (Body, Vanished, Skipped) = (body, vanished, skipped);
        IsParked = false;
    }

    public void Release()
    {
        Held?.Release();
        Held = null;
        foreach (var request in Metadata)
            request.Release();
        Metadata = [];
        Body?.Release();
        Vanished?.Release();
        Body = Vanished = null;
        Skipped = null;
    }
}

/// <summary>What a parked scrape has in its file: lengths in bytes, -1 for none.</summary>
internal readonly struct ParkedBodies(BodyFormat format, int skipped, long body, long vanished)
{
    public readonly BodyFormat Format = format;
    public readonly int Skipped = skipped;
    public readonly long Body = body;
    public readonly long Vanished = vanished;
}
