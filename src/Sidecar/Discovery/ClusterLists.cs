using System.Net;
using Sidecar.Configuration;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>Lists EndpointSlices, or Endpoints where slices are denied or unknown, and Services where a rule reads their labels.</summary>
internal sealed class ClusterLists(DiscoveryOptions options, ObjectClient objects, Log log, TimeProvider time)
{
    /// <summary>What is denied is asked for again after so many intervals: the Role may have been mended.</summary>
    public const int ManyIntervals = 20;

    private readonly ObjectQuery slices = new(ObjectKind.EndpointSlice, options.Kubernetes);
    private readonly ObjectQuery endpoints = new(ObjectKind.Endpoints, options.Kubernetes);
    private bool usesEndpoints;
    private long slicesAsked;

    private readonly ObjectQuery services = new(ObjectKind.Service, options.Kubernetes);

    /// <summary>Asks once; the targets count where the answer is good.</summary>
    public async Task<(ObjectAnswer Answer, KubernetesTargets Targets)> AskAsync(CancellationToken cancellation)
    {
        var labels = new ServiceLabels(options.Target.TargetRules, services) { Asked = time.GetTimestamp() };
        var none = new KubernetesTargets(options, labels, query: null, log);
        if (slices.IsEmpty)
        {
            log.Recurring(LogLevel.Warn, "no scope",
                $"{Variables.RelabelConfigs.Name} excludes every namespace, or every Service, that is asked for",
                ("remedy", $"let its rules and {Variables.KubernetesNamespace.Name} or {Variables.KubernetesService.Name} name the same"));
            return (new ObjectAnswer(), none);
        }
        if (options.Kubernetes.Scope.NeedsServices)
        {
            var answer = await objects.ListAsync(services, labels.Add, cancellation);
            if (answer.IsDenied)
                return (Explained(answer, $"{answer.Failure.Message}; a rule reads labels of the Service: {services.Rule}"), none);
            if (!answer.IsGood)
                return (answer, none);
            labels.Version = answer.Version;
        }
        return options.Kubernetes.Role switch
        {
            KubernetesRole.EndpointSlice => await AskAsync(slices, labels, cancellation),
            KubernetesRole.Endpoints => await AskAsync(endpoints, labels, cancellation),
            _ => await AskEitherAsync(labels, cancellation),
        };
    }

    /// <summary>Slices; where they are denied and Endpoints are not, Endpoints, and slices again now and then.</summary>
    private async Task<(ObjectAnswer Answer, KubernetesTargets Targets)> AskEitherAsync(
        ServiceLabels labels, CancellationToken cancellation)
    {
        if (usesEndpoints && time.GetElapsedTime(slicesAsked) < options.Kubernetes.RefreshInterval * ManyIntervals)
        {
            var usual = await AskAsync(endpoints, labels, cancellation);
            if (!usual.Answer.IsDenied)
                return usual;
        }
        slicesAsked = time.GetTimestamp();
        var first = await AskAsync(slices, labels, cancellation);
        if (first.Answer.IsGood)
        {
            if (usesEndpoints)
                log.Info("EndpointSlices can be listed now; using them again");
            usesEndpoints = false;
            return first;
        }
        if (!first.Answer.IsDenied && !usesEndpoints)
            return first;
        var denied = first.Answer;
        var second = await AskAsync(endpoints, labels, cancellation);
        if (!second.Answer.IsGood)
            return (Explained(second.Answer, $"{denied.Failure.Message}; and {second.Answer.Failure.Message}"), second.Targets);
        if (!usesEndpoints)
            log.Warn("EndpointSlices denied or unknown; falling back to Endpoints, which Kubernetes has deprecated",
                ("error", denied.Failure.Message),
                ("remedy", denied.Status == HttpStatusCode.NotFound ? "none needed on Kubernetes before 1.21" : slices.Rule));
        usesEndpoints = true;
        return second;
    }

    private async Task<(ObjectAnswer Answer, KubernetesTargets Targets)> AskAsync(
        ObjectQuery query, ServiceLabels labels, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            var targets = new KubernetesTargets(options, labels, query, log);
            var answer = await objects.ListAsync(query, targets.Set, cancellation);
            targets.Version = answer.Version;
            // 410: so much changed between two pages that the list must begin anew.
            if (answer.Status != HttpStatusCode.Gone || tries == 2)
                return (answer, targets);
        }
    }

    private static ObjectAnswer Explained(ObjectAnswer answer, string message) =>
        answer with { Failure = answer.Failure with { Message = message } };
}
