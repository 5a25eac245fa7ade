using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Telemetry;

namespace Sidecar.Commands;

/// <summary>Discovers one job's targets and scrapes each once, by the same steps as the running sidecar.</summary>
/// <param name="warnings">Where discovery's go; null for nowhere.</param>
internal sealed class OneScrape(Options options, JobOptions job, TimeProvider time, TextWriter? warnings = null) : IDisposable
{
    private readonly Log log = new(warnings ?? TextWriter.Null, LogLevel.Warn, LogFormat.Logfmt, time);
    private readonly PeerClient targets = new(job.Scrape.Http, maxConnectionsPerServer: 2, time);

    /// <summary>The buffers of every pass over what was scraped.</summary>
    public PassContext Context { get; } = new(options.RemoteWrite.MaxSamplesPerSend, new ReceiverProtocol(options.RemoteWrite.Protocol));

    public PeerClient ApiServer { get; } = new(job.Kubernetes.Http, maxConnectionsPerServer: 2, time);

    /// <summary>All targets by their addresses, or why they are not known.</summary>
    public async Task<(List<Target> Targets, string? Error)> DiscoverAsync(CancellationToken cancellation)
    {
        var metrics = new Metrics(options.RemoteWrite.Url, job.Scrape.JobName, job.Scrape.Interval, time);
        var discovery = new TargetDiscovery(job, ApiServer, metrics, log, new InternalErrors(metrics, log, time), time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var found = new TaskCompletionSource<List<Target>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = discovery.RunAsync(known => found.TrySetResult([.. known]), stop.Token);
        // It goes on trying for as long as it runs; here the first answer counts, good or bad.
        while (!found.Task.IsCompleted && discovery.LastError is null && !running.IsCompleted)
            await Task.WhenAny(found.Task, running, Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellation));
        await stop.CancelAsync();
        await running;
        cancellation.ThrowIfCancellationRequested();
        if (!found.Task.IsCompletedSuccessfully)
            return ([], discovery.LastError);
        found.Task.Result.Sort(static (one, other) => string.CompareOrdinal(one.Key, other.Key));
        return (found.Task.Result, null);
    }

    /// <summary>For commands that need targets to do anything at all: null after the cause was written.</summary>
    public async Task<List<Target>?> FindTargetsAsync(CommandOutput output, CancellationToken cancellation)
    {
        if (job.Targets.IsEmpty)
            output.Wait($"Asking {Failures.Host(job.Kubernetes.ApiServer!)} for targets");
        var found = await DiscoverAsync(cancellation);
        output.Clear();
        if (found.Targets.Count > 0)
            return found.Targets;
        var whose = job.Variables.Name.Length > 0 ? $"job {job.Name}: " : "";
        output.Errors.WriteLine($"sidecar: {whose}{found.Error ?? "there is no target"}");
        output.Errors.WriteLine("sidecar check tells why, and what to do");
        return null;
    }

    /// <summary>One scrape, to be released; its failure is written to the errors.</summary>
    public async Task<(Scrape Scrape, bool IsUp)> ScrapeAsync(Target target, CommandOutput output, CancellationToken cancellation)
    {
        output.Wait($"Scraping {Failures.Show(target.Url)}");
        var outcome = new ScrapeOutcome();
        var scrape = await ScrapeAsync(target, outcome, cancellation);
        output.Clear();
        if (!outcome.Failure.IsNone)
            output.Errors.WriteLine($"sidecar: {Failures.Show(target.Url)}: {outcome.Failure.Message}");
        return (scrape, outcome.Failure.IsNone);
    }

    /// <summary>One scrape, as it would go into the queue; to be released.</summary>
    /// <param name="outcome">Filled in; its failure says why there are no samples of the target.</param>
    public async Task<Scrape> ScrapeAsync(Target target, ScrapeOutcome outcome, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        var timestamp = time.GetUtcNow().ToUnixTimeMilliseconds();
        using var bodies = new LargeBodies(options.Queue.BodyLimit);
        var download = new BodyDownload(targets, job.Scrape, options.Queue, bodies, time);
        using var turn = download.BeginBody();
        var (body, failure) = await download.GetAsync(target, turn, cancellation);
        outcome.Failure = failure;
        var labels = new TargetLabels(target.Labels, job.Scrape.ExternalLabels, job.Scrape.HonorLabels, job.Scrape.SeriesRules);
        using var series = new TargetSeries(target, labels, job.Scrape, new HeldBudget(0), time);
        var result = series.BeginScrape(Context, body, timestamp, started, outcome).Finished();
        result.Held?.Release();
        body?.Release();
        outcome.Failure = download.Redact(outcome.Failure);
        return result.Scrape;
    }

    public void Dispose()
    {
        Context.Reader.Dispose();
        ApiServer.Dispose();
        targets.Dispose();
    }
}
