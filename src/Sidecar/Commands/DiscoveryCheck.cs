using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Primitives;
using Sidecar.Relabeling;

namespace Sidecar.Commands;

/// <summary>What discovery found and what became of it: no Service, no endpoint, none with the port, none ready, none kept.</summary>
internal sealed class DiscoveryCheck(JobOptions job)
{
    private const string Name = "discovery";

    /// <param name="all">Whatever the port's name and the rules.</param>
    /// <param name="kept">What is scraped.</param>
    /// <param name="hasObject">The Service has slices, or an Endpoints object.</param>
    public CheckStep Judge(List<Target> all, List<Target> kept, bool hasObject)
    {
        var kubernetes = job.Kubernetes;
        var service = $"Service {kubernetes.Service ?? "*"} in namespace {kubernetes.Namespace ?? "*"}";
        if (all.Count == 0 && job.Targets.IsEmpty)
            return hasObject
                ? new(Name, CheckStatus.Failed, $"the {service} has no ready endpoint, nor any other",
                    new("no pod runs behind it: its selector matches none, or they are down",
                        "look at its selector and at the pods (kubectl describe service); "
                            + $"{Variables.KubernetesLabelSelector.Name} may leave its slices out too"))
                : new(Name, CheckStatus.Failed, $"there is no {service}, or nothing was ever behind it",
                    new("the name or the namespace is wrong",
                        $"look at {Variables.KubernetesNamespace.Name} and {Variables.KubernetesService.Name} (kubectl get services)"));
        var withPort = all.FindAll(HasPort);
        if (withPort.Count == 0)
        {
            var ports = all.Select(t => Label(t, "__meta_kubernetes_endpoint_port_name")).Distinct()
                .Select(p => p.Length == 0 ? "(no name)" : p);
            return new(Name, CheckStatus.Failed, $"the {service} has endpoints, but none with a port named {kubernetes.PortName}",
                new($"its ports are {string.Join(", ", ports)}", $"set {Variables.KubernetesPortName.Name} to one of them, or to * for all"));
        }
        if (kept.Count == 0)
            return NoneKept(withPort);
        if (job.Scrape.TargetLimit is > 0 and var limit && kept.Count > limit)
            return new(Name, CheckStatus.Failed, $"{kept.Count} targets, more than {Variables.TargetLimit.Name}={limit}",
                new("past the limit no target is scraped, as in Prometheus",
                    $"raise {Variables.TargetLimit.Name}, or keep fewer by {Variables.RelabelConfigs.Name}"), FailureReason.TargetLimit);
        var ready = withPort.FindAll(t => Label(t, "__meta_kubernetes_endpoint_ready") != "false").Count;
        var fact = $"{kept.Count} target{(kept.Count == 1 ? "" : "s")}"
            + (kept.Count < withPort.Count ? $" of {withPort.Count} found" : "");
        if (ready == 0 && job.Targets.IsEmpty)
            return new(Name, CheckStatus.Warning, $"{fact}, none of them ready",
                new("the pods behind the Service fail their readiness probes; they are scraped all the same", "look at those pods"));
        return new(Name, CheckStatus.Ok, fact + (job.Targets.IsEmpty ? $" of the {service}" : $" of {Variables.Targets.Name}"));
    }

    private CheckStep NoneKept(List<Target> found)
    {
        var seen = "they belong to other shards, or make no target";
        var remedy = $"look at {Variables.RelabelConfigs.Name}";
        foreach (var rule in job.Scrape.TargetRules.All)
        {
            if (rule.Action != RelabelAction.Keep || found.Exists(t => Keeps(rule, t)))
                continue;
            var names = string.Join(',', rule.SourceLabels.Select(l => Encoding.UTF8.GetString(l.AsSpan())));
            seen = $"the rule that keeps \"{rule.Pattern.Text}\" of [{names}] matches none; "
                + $"there is {string.Join(", ", found.Select(t => $"\"{Value(rule, t)}\"").Distinct().Take(5))}";
            remedy = $"fix that rule in {Variables.RelabelConfigs.Name}";
            break;
        }
        return new(Name, CheckStatus.Failed,
            $"{Variables.RelabelConfigs.Name} keeps none of {found.Count} target{(found.Count == 1 ? "" : "s")}", new(seen, remedy));
    }

    private bool HasPort(Target target) =>
        !job.Targets.IsEmpty || job.Kubernetes.PortName is not { } name
        || Label(target, "__meta_kubernetes_endpoint_port_name") == name;

    private static bool Keeps(RelabelRule rule, Target target) =>
        new RuleMatcher(rule).IsMatch(Encoding.UTF8.GetBytes(Value(rule, target)));

    /// <summary>The source labels as the rule sees them, if no rule before it changes them.</summary>
    private static string Value(RelabelRule rule, Target target) =>
        string.Join(Encoding.UTF8.GetString(rule.Separator.AsSpan()),
            rule.SourceLabels.Select(l => Label(target, Encoding.UTF8.GetString(l.AsSpan()))));

    private static string Label(Target target, string name) =>
        target.DiscoveredLabels.FirstOrDefault(l => l.Key == name).Value ?? "";
}
