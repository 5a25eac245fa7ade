using Sidecar.Configuration;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>The targets of a cluster by object: what a list had, and then what the watch made of it.</summary>
/// <param name="query">Slices or Endpoints, whichever were listed; null where nothing was asked for.</param>
internal sealed class KubernetesTargets(DiscoveryOptions options, ServiceLabels services, ObjectQuery? query, Log log)
{
    /// <summary>Names of other ports, for the log.</summary>
    private const int MostPortNames = 10;

    private readonly Dictionary<string, ImmutableArray<Target>> known = []; // no object without targets
    private readonly SortedSet<string> otherPorts = new(StringComparer.Ordinal);
    private bool isSharded;
    private bool isDropped; // by rules

    public ObjectQuery? Query => query;

    /// <summary>Up to which list and watch have come; null where the list says none, so that there is nothing to watch from.</summary>
    public string? Version { get; set; }

    public ImmutableArray<Target> All() => [.. known.Values.SelectMany(t => t).Distinct()];

    /// <summary>Of the Services, where a rule reads them.</summary>
    public ServiceLabels Services { get; } = services;

    /// <summary>The object is new, or has changed.</summary>
    /// <inheritdoc cref="ObjectSink"/>
    public void Set(ReadOnlyMemory<byte> json)
    {
        var (key, found) = JsonFields.Read(json, item =>
        {
            var meta = ObjectMeta.Of(item);
            var isKept = query!.Keeps(meta);
            var service = meta.ServiceName(query.Kind) is { } name ? Services.Find(meta.Namespace, name) : null;
            return (meta.Key, EndpointLabels.Of(query.Kind, item, meta, service, port => isKept && IsWanted(port)));
        });
        var targets = ImmutableArray.CreateBuilder<Target>();
        foreach (var labels in found)
            Add(labels, targets);
        if (targets.Count > 0)
            known[key] = targets.ToImmutable();
        else
            known.Remove(key);
    }

    public void Remove(string key) => known.Remove(key);

    /// <summary>Says why there is no target, where there is none.</summary>
    public void Explain()
    {
        var kubernetes = options.Kubernetes;
        TargetDiscovery.LogWhenAllDropped(log, known.Count == 0 && isDropped);
        if (known.Count > 0 || isDropped || isSharded)
        {
            log.Recovered("no endpoints", "The Service has endpoints");
            return;
        }
        var message = (otherPorts.Count > 0, kubernetes.Service is null) switch
        {
            (false, false) => "The Service has no endpoints",
            (true, false) => "The Service has endpoints, but none with a port of the wanted name",
            (false, true) => "No Service has endpoints",
            (true, true) => "Services have endpoints, but none with a port of the wanted name",
        };
        log.Recurring(LogLevel.Warn, "no endpoints", message,
            ("namespace", kubernetes.Namespace ?? "*"), ("service", kubernetes.Service ?? "*"),
            ("port_name", kubernetes.PortName), ("ports", otherPorts.Count > 0 ? string.Join(',', otherPorts) : null),
            ("remedy", otherPorts.Count > 0 ? $"set {Variables.KubernetesPortName.Name} to one of these ports"
                : $"look at {Variables.KubernetesNamespace.Name} and {Variables.KubernetesService.Name}, and at 'kubectl get endpointslices'"));
    }

    private bool IsWanted(string portName)
    {
        if (options.Kubernetes.PortName is not { } wanted || portName == wanted)
            return true;
        if (otherPorts.Count < MostPortNames)
            otherPorts.Add(portName);
        return false;
    }

    private void Add(Dictionary<string, string> labels, ImmutableArray<Target>.Builder targets)
    {
        var address = labels[TargetBuilder.Address];
        if (!Sharding.IsOurs(address, options))
            isSharded = true;
        else if (TargetBuilder.FromLabels(labels, options.Target, out var problem) is { } target)
            targets.Add(target);
        else if (problem is not null)
            TargetDiscovery.LogNoTarget(log, address, problem);
        else
            isDropped = true;
    }
}
