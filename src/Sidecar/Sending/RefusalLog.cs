using Sidecar.Primitives;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Sending;

/// <summary>Counts and logs what a receiver refuses for good: it is lost. Safe from any thread.</summary>
internal sealed class RefusalLog(SendingState state, Metrics metrics, Log log)
{
    private long lost;

    /// <summary>Some series of a request.</summary>
    /// <param name="isKnown">They were refused before, and were not sent this time.</param>
    public void Lose(OpenedRequest opened, int[] series, Scrape scrape, Failure failure, bool isKnown)
    {
        var request = opened.Take(series);
        var (samples, histograms, exemplars) = (request.Samples, request.Histograms, request.Exemplars);
        request.Release();
        Lose(samples, histograms, exemplars, scrape, failure, opened.Describe(series[0]), isKnown);
    }

    public void Lose(int samples, int histograms, int exemplars, Scrape scrape, Failure failure) =>
        Lose(samples, histograms, exemplars, scrape, failure, series: null, isKnown: false);

    private void Lose(int samples, int histograms, int exemplars, Scrape scrape, Failure failure, string? series, bool isKnown)
    {
        metrics.SamplesFailedTotal.Add(samples - histograms);
        metrics.HistogramsFailedTotal.Add(histograms);
        metrics.ExemplarsFailedTotal.Add(exemplars);
        metrics.SamplesDroppedTotal.Add(DropReason.Rejected, samples);
        var all = Interlocked.Add(ref lost, samples);
        state.Lost(failure);
        var (key, message) = (samples, isKnown) switch
        {
            (_, true) => ("remote write left out",
                "Series that the receiver refused are left out for some minutes; they are lost until then"),
            (1, _) => ("remote write refused series", "The receiver refuses a series; it is dropped"),
            _ => ("remote write refused", "The receiver refuses a request; its samples are dropped"),
        };
        log.Recurring(LogLevel.Error, key, $"{failure.Cause} {isKnown}", message,
            ("error", failure.Message), ("reason", Word.Of(failure.Reason)), ("samples", samples), ("refused_so_far", all),
            ("series", series),
            ("target", scrape.Target.Url),
            ("remedy", "mend what the receiver names, or drop it with SIDECAR_WRITE_RELABEL_CONFIGS; where it is a limit, raise it at the receiver"));
    }
}
