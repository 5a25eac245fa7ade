using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>The targets, static or from the API server. While discovery fails, the last known targets stay.</summary>
internal sealed class TargetDiscovery(DiscoveryOptions options, PeerClient client, Metrics metrics, Log log, InternalErrors errors,
    TimeProvider time)
{
    /// <summary>Failures in a row to hand the targets on; they take a quarter of a minute. Then discovery ends.</summary>
    private const int MostPublishFailures = 5;

    private ImmutableArray<Target> known = [];
    private KubernetesDiscovery? kubernetes;
    private int publishFailures;

    public bool IsKnown { get; private set; }

    /// <inheritdoc cref="KubernetesDiscovery.LastFailure"/>
    public Failure LastFailure => kubernetes?.LastFailure ?? default;

    public string? LastError => LastFailure is { IsNone: false } failure ? failure.Message : null;

    /// <inheritdoc cref="KubernetesDiscovery.LastAnswer"/>
    public DateTimeOffset? LastAnswer => kubernetes?.LastAnswer;

    public TargetChanges Changes { get; } = new(time);

    /// <summary>Of the loop that lists and watches; static targets need none.</summary>
    public Pulse Pulse { get; } = new(time);

    /// <summary>Calls <paramref name="update"/> with the whole set whenever it has changed, until cancelled.</summary>
    /// <exception cref="UnpublishableException"><paramref name="update"/> throws again and again.</exception>
    public async Task RunAsync(Action<ImmutableArray<Target>> update, CancellationToken cancellation)
    {
        try
        {
            if (options.Targets.IsEmpty)
            {
                kubernetes = new KubernetesDiscovery(options, client, metrics, log, errors, Pulse, time);
                await kubernetes.RunAsync(targets => Publish(targets, update), cancellation);
            }
            else
            {
                await PublishStaticAsync(update, cancellation);
                await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    private async Task PublishStaticAsync(Action<ImmutableArray<Target>> update, CancellationToken cancellation)
    {
        var edge = new LoopEdge(ProcessLoop.Discovery, errors, time);
        while (true)
        {
            try
            {
                Publish(StaticTargets(), update);
                return;
            }
            catch (Exception e) when (e is not UnpublishableException)
            {
                await edge.FailedAsync(e, cancellation);
            }
        }
    }

    private ImmutableArray<Target> StaticTargets()
    {
        var targets = ImmutableArray.CreateBuilder<Target>();
        var ours = options.Targets.Where(t => Sharding.IsOurs(t.Address, options)).ToList();
        foreach (var target in ours)
        {
            if (TargetBuilder.FromStatic(target, options.Target, out var problem) is { } built)
                targets.Add(built);
            else if (problem is not null)
                LogNoTarget(log, target.Address, problem);
        }
        LogWhenAllDropped(log, ours.Count > 0 && targets.Count == 0);
        return [.. targets.Distinct()];
    }

    internal static void LogNoTarget(Log log, string address, string problem) =>
        log.Recurring(LogLevel.Warn, "no target", "Skipping an invalid target",
            ("address", address), ("error", problem),
            ("remedy", $"look at {Variables.Targets.Name} and at what {Variables.RelabelConfigs.Name} makes of it"));

    internal static void LogWhenAllDropped(Log log, bool isSo)
    {
        if (isSo)
            log.Recurring(LogLevel.Warn, "all dropped", $"{Variables.RelabelConfigs.Name} keeps no target",
                ("remedy", "look at its keep and drop rules; 'sidecar check' names the rule that matches none, and the values that it sees"));
        else
            log.Recovered("all dropped", $"{Variables.RelabelConfigs.Name} keeps targets");
    }

    private void Publish(ImmutableArray<Target> targets, Action<ImmutableArray<Target>> update)
    {
        var added = targets.Except(known).ToList();
        var gone = known.Except(targets).ToList();
        var isChanged = added.Count > 0 || gone.Count > 0;
        if (isChanged || !IsKnown)
            log.Info("Targets changed", ("targets", targets.Length), ("added", Names(added)), ("gone", Names(gone)));
        else if (targets.Zip(known, (now, before) => now.DiscoveredLabels.SequenceEqual(before.DiscoveredLabels)).All(isSame => isSame))
            return;
        // Also where only discovered labels have changed: people look at them.
        metrics.Job(options.Target.Job).DiscoveredTargets.Set(targets.Length);
        try
        {
            update(targets);
        }
        catch (Exception e) when (++publishFailures >= MostPublishFailures)
        {
            throw new UnpublishableException(e);
        }
        publishFailures = 0;
        var names = gone.Select(t => "-" + t.Url.Authority).Concat(added.Select(t => "+" + t.Url.Authority)).Take(6);
        Changes.Note(targets.Length, !IsKnown || !isChanged ? null
            : new TargetChange(time.GetUtcNow(), targets.Length, added.Count, gone.Count, string.Join(' ', names)));
        known = targets; // only now: what was not taken is offered again
        IsKnown = true;
    }

    private static string? Names(List<Target> targets)
    {
        const int Most = 10;
        if (targets.Count == 0)
            return null;
        var names = string.Join(' ', targets.Take(Most).Select(t => Failures.Show(t.Url)));
        return targets.Count > Most ? $"{names} and {targets.Count - Most} more" : names;
    }
}
