using System.Collections.Immutable;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.RemoteWrite;
using Sidecar.Scraping;

namespace Sidecar.Operation.Commands;

/// <summary>Discovery and a scrape of each target, once and one after another: what the commands look at. The steps are those of the running sidecar.</summary>
/// <param name="log">Of discovery: what it has to warn of.</param>
internal sealed class OneScrape(Options options, Log log, TimeProvider time) : IDisposable
{
    private readonly PeerClient apiServer = new(options.Kubernetes.Http, maxConnectionsPerServer: 2, time);
    private readonly PeerClient targets = new(options.Scrape.Http, maxConnectionsPerServer: 2, time);

    /// <summary>The buffers of every pass over what was scraped.</summary>
    public PassContext Context { get; } = new(options.RemoteWrite.MaxSamplesPerSend);

    public PeerClient ApiServer => apiServer;

    /// <summary>All targets by their addresses, or why they are not known.</summary>
    public async Task<(ImmutableArray<Target> Targets, string? Error)> DiscoverAsync(CancellationToken cancellation)
    {
        var metrics = new Metrics(options.RemoteWrite.Url, options.Scrape.JobName, options.Scrape.Interval, time);
        var discovery = new TargetDiscovery(options, apiServer, metrics, log, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var found = new TaskCompletionSource<ImmutableArray<Target>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = discovery.RunAsync(known => found.TrySetResult(known), stop.Token);
        // It goes on trying for as long as it runs; here the first answer counts, good or bad.
        while (!found.Task.IsCompleted && discovery.LastError is null && !running.IsCompleted)
            await Task.WhenAny(found.Task, running, Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellation));
        await stop.CancelAsync();
        await running;
        cancellation.ThrowIfCancellationRequested();
        return found.Task.IsCompletedSuccessfully ? (found.Task.Result.Sort(ByAddress), null) : ([], discovery.LastError);
    }

    /// <summary>For commands that need targets to do anything at all: null after the cause was written.</summary>
    public async Task<ImmutableArray<Target>?> FindTargetsAsync(CommandOutput output, CancellationToken cancellation)
    {
        if (options.Targets.IsEmpty)
            output.Progress.Say($"Asking {Failures.Host(options.Kubernetes.ApiServer!)} for targets");
        var (found, error) = await DiscoverAsync(cancellation);
        output.Progress.Clear();
        if (error is null && !found.IsEmpty)
            return found;
        output.Errors.WriteLine($"sidecar: {error ?? "there is no target"}");
        output.Errors.WriteLine("sidecar check tells why, and what to do");
        return null;
    }

    private static int ByAddress(Target one, Target other) => string.CompareOrdinal(one.Key, other.Key);

    /// <summary>One scrape, as it would go into the queue; to be released.</summary>
    /// <param name="outcome">Its failure says why it holds no samples of the target.</param>
    public async Task<(Scrape Scrape, ScrapeOutcome Outcome)> ScrapeAsync(Target target, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        var timestamp = time.GetUtcNow().ToUnixTimeMilliseconds();
        using var download = new BodyDownload(targets, options.Scrape, options.Queue.MemoryLimit, time);
        using var turn = download.BeginBody();
        var (body, failure) = await download.GetAsync(target, turn, cancellation);
        var outcome = new ScrapeOutcome { Failure = failure };
        var labels = new TargetLabels(target.Labels, options.Scrape.ExternalLabels, options.Scrape.HonorLabels, options.Scrape.SeriesRules);
        using var series = new TargetSeries(target, labels, options.Scrape, new HeldBudget(0), time);
        var scrape = series.Complete(Context, body, timestamp, started, outcome);
        body?.Release();
        outcome.Failure = download.Redact(outcome.Failure);
        return (scrape, outcome);
    }

    public void Dispose()
    {
        Context.Reader.Dispose();
        apiServer.Dispose();
        targets.Dispose();
    }
}
