using Sidecar.Configuration;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>The targets of a cluster by object. Objects without targets are not stored.</summary>
internal sealed class KubernetesTargets(DiscoveryOptions options, ServiceLabels services, Log log)
{
    /// <summary>Names of other ports, for the log.</summary>
    private const int MostPortNames = 10;

    private readonly Dictionary<string, ImmutableArray<Target>> known = [];
    private readonly SortedSet<string> otherPorts = new(StringComparer.Ordinal);
    private bool isSharded;
    private bool isDropped; // by rules

    public ImmutableArray<Target> All() => [.. known.Values.SelectMany(t => t).Distinct()];

    /// <summary>Of the Services, where a rule reads them.</summary>
    public ServiceLabels Services { get; } = services;

    /// <summary>The object is new, or has changed.</summary>
    /// <inheritdoc cref="ObjectSink"/>
    public void Set(ObjectQuery query, string key, ReadOnlyMemory<byte> json)
    {
        List<Target>? targets = null;
        var isSlice = query.Kind == ObjectKind.EndpointSlice;
        foreach (var group in isSlice ? [EndpointReader.ReadSlice(json)] : EndpointReader.ReadEndpoints(json))
        {
            if (query.Keeps(group.Meta))
                Add(group, query.ServiceName(group.Meta) is { } name ? Services.Find(group.Meta.Namespace, name) : null, targets ??= []);
        }
        if (targets is { Count: > 0 })
            known[key] = [.. targets];
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

    private void Add(EndpointGroup group, ObjectMeta? service, List<Target> into)
    {
        if (options.Kubernetes.PortName is { } wanted)
        {
            foreach (var port in group.Ports)
            {
                if (port.Name != wanted && otherPorts.Count < MostPortNames)
                    otherPorts.Add(port.Name ?? "");
            }
            group.Ports.RemoveAll(p => p.Name != wanted);
        }
        foreach (var labels in EndpointLabels.Of(group, service))
        {
            var address = labels[TargetBuilder.Address];
            if (!Sharding.IsOurs(address, options))
                isSharded = true;
            else if (TargetBuilder.FromLabels(labels, options.Target, out var problem) is { } target)
                into.Add(target);
            else if (problem is not null)
                TargetDiscovery.LogNoTarget(log, address, problem);
            else
                isDropped = true;
        }
    }
}
