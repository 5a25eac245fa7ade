using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>Encodes into held requests for as long as the budget lasts.</summary>
/// <param name="mayHold">It is known in which version: what is held in the wrong one is made in vain.</param>
internal struct HeldEncoding(SeriesEncoder encoder, HeldRequests held, bool mayHold)
{
    private readonly bool mayHold = mayHold;
    private bool holds = mayHold;

    public void Commit(Sample sample, long timestamp)
    {
        if (!holds)
            return;
        encoder.Commit(sample, timestamp);
        if (encoder.IsFull)
            Hold();
    }

    public void Commit(double value, long timestamp)
    {
        if (!holds)
            return;
        encoder.Commit(value, timestamp);
        if (encoder.IsFull)
            Hold();
    }

    /// <summary>What was encoded is not to be sent.</summary>
    public void Restart()
    {
        encoder.Drop();
        held.Release();
        holds = mayHold;
    }

    public HeldRequests Finish(in ReportSamples report, long timestamp)
    {
        for (var i = 0; i < ReportSeries.Count && holds; i++)
        {
            if (report.TryBegin(encoder, i, out var value))
                Commit(value, timestamp);
        }
        if (holds)
            Hold();
        held.IsComplete = holds;
        return held;
    }

    private void Hold()
    {
        if (encoder.Take() is { } request && !held.TryAdd(request))
            holds = false;
    }
}
