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

    /// <summary>Where slices are denied, they are tried again every so many times: the Role may have been mended.</summary>
    private const int TriesBetweenSlices = 20;

    private static readonly TimeSpan FirstBackoff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(5);

    private readonly EndpointsClient endpoints = new(options.Kubernetes, client, time);
    private ImmutableArray<Target> known = [];
    private bool slicesDenied;
    private int triesWithoutSlices;

    /// <summary>There has been an answer once.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>Calls <paramref name="update"/> with the whole set whenever it has changed, until cancelled.</summary>
    public async Task RunAsync(Action<ImmutableArray<Target>> update, CancellationToken cancellation)
    {
        try
        {
            if (!options.Targets.IsEmpty)
            {
                Publish([.. options.Targets.Select(t => TargetBuilder.FromStatic(t, options.Scrape)).Distinct()], update);
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
                log.Recovered(LogKey, "The API server answers again", ("targets", found.Count));
                Publish(Keep(found), update);
            }
            else
            {
                metrics.KubernetesFailures.Increment();
                log.Recurring(LogLevel.Warn, LogKey, "Discovery failed; the last known targets stay",
                    ("reason", answer.Failure.Reason), ("error", answer.Failure.Message), ("targets", known.Length));
                wait = backoff < wait ? backoff : wait;
                backoff *= 2;
                if (answer.RetryAfter is { } retryAfter && retryAfter > wait)
                    wait = retryAfter < LongestRetryAfter ? retryAfter : LongestRetryAfter;
            }
            await Task.Delay(wait, time, cancellation);
        }
    }

    private async Task<EndpointsAnswer> AskAsync(CancellationToken cancellation)
    {
        var role = options.Kubernetes.Role;
        if (role == KubernetesRole.Endpoints || (slicesDenied && ++triesWithoutSlices < TriesBetweenSlices))
            return await endpoints.GetEndpointsAsync(cancellation);
        triesWithoutSlices = 0;
        var answer = await endpoints.GetSlicesAsync(cancellation);
        if (answer.Status == HttpStatusCode.Gone)
            answer = await endpoints.GetSlicesAsync(cancellation); // the list changed so much between its pages that it begins anew
        if (role != KubernetesRole.Auto || answer.Status is not (HttpStatusCode.Forbidden or HttpStatusCode.NotFound))
        {
            slicesDenied &= answer.Endpoints is null;
            return answer;
        }
        if (!slicesDenied)
        {
            slicesDenied = true;
            log.Warn("EndpointSlices are not to be had; Endpoints are used instead, which Kubernetes has deprecated",
                ("error", answer.Failure.Message),
                ("remedy", answer.Status == HttpStatusCode.NotFound ? "none needed on Kubernetes before 1.21" :
                    $"add to a Role in namespace {options.Kubernetes.Namespace}: {{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}}"));
        }
        return await endpoints.GetEndpointsAsync(cancellation);
    }

    /// <summary>The service was asked for by name; of its ports those are kept whose name is wanted.</summary>
    private ImmutableArray<Target> Keep(List<Dictionary<string, string>> found)
    {
        var port = options.Kubernetes.PortName;
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
            if (Uri.TryCreate($"https://{labels[TargetBuilder.Address]}/", UriKind.Absolute, out _))
                targets.Add(TargetBuilder.FromLabels(labels, options.Scrape));
            else
                log.Recurring(LogLevel.Warn, "address", "An endpoint has an address that is none; it is left out", ("address", labels[TargetBuilder.Address]));
        }
        return [.. targets.Distinct()];
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
