using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>The one reader of bodies: samples in order, with their series after rules. For validation, sending and commands.</summary>
internal sealed class BodyWalk(SampleReader reader, SeriesEncoder encoder)
{
    private ulong hash;

    public Sample Sample => reader.Sample;

    /// <summary>How many samples stand before this one, whatever becomes of them.</summary>
    public int Ordinal { get; private set; }

    public SeriesOutcome Outcome { get; private set; }

    /// <summary>The identity of its series, unless it is dropped or fails.</summary>
    public ulong Hash => hash;

    /// <summary>Begins a body, in place of the one before. The encoder has the labels.</summary>
    /// <param name="sizeLimit">Most inflated bytes; 0 for no limit.</param>
    public void Open(CompressedBody body, long sizeLimit = 0)
    {
        reader.Open(body.OpenRead(), sizeLimit, body.Format, body.Reading);
        Ordinal = -1;
    }

    /// <summary>The next sample; false at the end, at an error, and where the slice is over, as the reader says.</summary>
    public bool Next()
    {
        if (!reader.Read())
            return false;
        Ordinal++;
        Outcome = encoder.Begin(reader.Sample, out hash);
        return true;
    }
}
