using System.Collections.Immutable;
using System.Net;
using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Operation;

namespace Sidecar.Discovery;

/// <summary>
/// Says which targets there are: the static ones, or those that the API server names, asked again and again. When the API server is away or
/// answers nonsense, the last known targets stay.
/// </summary>
internal sealed class TargetDiscovery(Options options, PeerClient client, Metrics metrics, Log log, TimeProvider time)
{
    private const string LogKey = "discovery";

    /// <summary>Where slices are denied, every so many polls ask for them again: the Role may have been mended.</summary>
    private const int PollsBetweenSlices = 20;

    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    private readonly EndpointsClient endpoints = new(options.Kubernetes, client, time);
    private ImmutableArray<Target> known = [];
    private bool usesEndpoints;
    private int pollsWithoutSlices;

    /// <summary>There has been an answer once.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>Why the API server's last answer was none, for people; null when it was one.</summary>
    public string? LastError { get; private set; }

    /// <summary>Calls <paramref name="update"/> with the whole set whenever it has changed, until cancelled.</summary>
    public async Task RunAsync(Action<ImmutableArray<Target>> update, CancellationToken cancellation)
    {
        try
        {
            if (!options.Targets.IsEmpty)
            {
                Publish([.. options.Targets.Select(FromStatic).OfType<Target>().Distinct()], update);
                await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellation);
            }
            await PollAsync(update, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    private async Task PollAsync(Action<ImmutableArray<Target>> update, CancellationToken cancellation)
    {
        var backoff = FirstBackoff;
        while (true)
        {
            var answer = await AskAsync(cancellation);
            var wait = options.Kubernetes.RefreshInterval;
            if (answer.Endpoints is { } found)
            {
                backoff = FirstBackoff;
                LastError = null;
                log.Recovered(LogKey, "The API server answers again");
                Publish(Keep(found), update);
            }
            else
            {
                metrics.KubernetesFailures.Increment();
                LastError = answer.Failure.Message;
                log.Recurring(LogLevel.Warn, LogKey, "Discovery failed; the last known targets stay",
                    ("reason", Failure.Word(answer.Failure.Reason)), ("error", answer.Failure.Message), ("targets", known.Length));
                if (backoff < wait)
                    (wait, backoff) = (backoff, backoff * 2);
                if (answer.RetryAfter is { } retryAfter && retryAfter > wait)
                    wait = retryAfter < LongestRetryAfter ? retryAfter : LongestRetryAfter;
            }
            await Task.Delay(wait, time, cancellation);
        }
    }

    private Task<EndpointsAnswer> AskAsync(CancellationToken cancellation) => options.Kubernetes.Role switch
    {
        KubernetesRole.EndpointSlice => AskSlicesAsync(cancellation),
        KubernetesRole.Endpoints => endpoints.GetEndpointsAsync(cancellation),
        _ => AskEitherAsync(cancellation),
    };

    private async Task<EndpointsAnswer> AskSlicesAsync(CancellationToken cancellation)
    {
        var answer = await endpoints.GetSlicesAsync(cancellation);
        // 410: so much changed between two pages that the list must begin anew.
        return answer.Status == HttpStatusCode.Gone ? await endpoints.GetSlicesAsync(cancellation) : answer;
    }

    /// <summary>Slices; where they are denied and Endpoints are not, Endpoints, and slices again now and then.</summary>
    private async Task<EndpointsAnswer> AskEitherAsync(CancellationToken cancellation)
    {
        if (usesEndpoints && ++pollsWithoutSlices < PollsBetweenSlices)
        {
            var usual = await endpoints.GetEndpointsAsync(cancellation);
            if (!usual.IsDenied)
                return usual;
        }
        pollsWithoutSlices = 0;
        var slices = await AskSlicesAsync(cancellation);
        if (slices.Endpoints is not null)
        {
            if (usesEndpoints)
                log.Info("EndpointSlices are to be had now, and used");
            usesEndpoints = false;
            return slices;
        }
        if (!slices.IsDenied && !usesEndpoints)
            return slices;
        var answer = await endpoints.GetEndpointsAsync(cancellation);
        if (answer.Endpoints is null)
            return answer with { Failure = answer.Failure with { Message = $"{slices.Failure.Message}; and {answer.Failure.Message}" } };
        if (!usesEndpoints)
            LogFallback(slices);
        usesEndpoints = true;
        return answer;
    }

    private void LogFallback(EndpointsAnswer slices) =>
        log.Warn("EndpointSlices are not to be had; Endpoints are used instead, which Kubernetes has deprecated",
            ("error", slices.Failure.Message),
            ("remedy", slices.Status == HttpStatusCode.NotFound ? "none needed on Kubernetes before 1.21" :
                $"add to a Role in namespace {options.Kubernetes.Namespace}: {{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}}"));

    /// <summary>The service was asked for by name; of its ports those are kept whose name is wanted.</summary>
    private ImmutableArray<Target> Keep(List<EndpointGroup> groups)
    {
        var port = options.Kubernetes.PortName;
        var found = groups.SelectMany(EndpointLabels.Of).ToList();
        var kept = found.Where(l => port is null || EndpointLabels.PortName(l) == port).ToList();
        if (kept.Count == 0)
        {
            log.Recurring(LogLevel.Warn, "no endpoints", found.Count == 0
                    ? "The Service has no endpoints" : "The Service has endpoints, but none with a port of the wanted name",
                ("namespace", options.Kubernetes.Namespace), ("service", options.Kubernetes.Service), ("port_name", port),
                ("ports", string.Join(',', found.Select(EndpointLabels.PortName).Distinct())));
        }
        else
            log.Recovered("no endpoints", "The Service has endpoints");
        var targets = ImmutableArray.CreateBuilder<Target>();
        foreach (var labels in kept)
        {
            if (TargetBuilder.FromLabels(labels, options.Scrape, out var problem) is { } target)
                targets.Add(target);
            else if (problem is not null)
                LogNoTarget(labels[TargetBuilder.Address], problem);
        }
        LogWhenAllDropped(kept.Count, targets.Count);
        return [.. targets.Distinct()];
    }

    private Target? FromStatic(StaticTarget target)
    {
        var built = TargetBuilder.FromStatic(target, options.Scrape, out var problem);
        if (problem is not null)
            LogNoTarget(target.Address, problem);
        return built;
    }

    private void LogNoTarget(string address, string problem) =>
        log.Recurring(LogLevel.Warn, "no target", "What was discovered makes no target; it is left out", ("address", address), ("error", problem));

    private void LogWhenAllDropped(int found, int kept)
    {
        if (found > 0 && kept == 0)
            log.Recurring(LogLevel.Warn, "all dropped", $"{Variables.RelabelConfigs.Name} keeps no target", ("found", found));
        else
            log.Recovered("all dropped", $"{Variables.RelabelConfigs.Name} keeps targets");
    }

    private void Publish(ImmutableArray<Target> targets, Action<ImmutableArray<Target>> update)
    {
        var added = targets.Except(known).ToList();
        var gone = known.Except(targets).ToList();
        if (added.Count > 0 || gone.Count > 0 || !IsKnown)
        {
            log.Info("Targets changed", ("targets", targets.Length), ("added", Names(added)), ("gone", Names(gone)));
            known = targets;
            metrics.DiscoveredTargets.Set(targets.Length);
            update(targets);
        }
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
