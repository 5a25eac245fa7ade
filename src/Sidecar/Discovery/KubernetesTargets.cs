using System.Collections.Immutable;
using Sidecar.Configuration;
using Sidecar.Operation;

namespace Sidecar.Discovery;

/// <summary>
/// The targets of a cluster, by the object that they came in. Of an object that makes no target nothing is stored, however many of them
/// are listed and watched.
/// </summary>
internal sealed class KubernetesTargets(Options options, Log log)
{
    /// <summary>Names of other ports, for the log.</summary>
    private const int MostPortNames = 10;

    private readonly Dictionary<string, ImmutableArray<Target>> known = [];
    private readonly Dictionary<string, ObjectMeta> services = [];
    private readonly SortedSet<string> otherPorts = new(StringComparer.Ordinal);
    private bool isSharded;

    /// <summary>Since the list, an object of a Service came that is not known, though its labels are wanted.</summary>
    public bool LacksService { get; private set; }

    /// <summary>The list is whole: a Service that it lacks is not there.</summary>
    public void EndList() => LacksService = false;

    public ImmutableArray<Target> All() => [.. known.Values.SelectMany(t => t).Distinct()];

    /// <inheritdoc cref="ObjectSink"/>
    public void AddService(ObjectQuery query, ReadOnlySpan<byte> json)
    {
        var meta = EndpointReader.ReadService(json);
        if (query.Keeps(meta))
            services[Key(meta.Namespace, meta.Name)] = meta;
    }

    /// <summary>The object is new, or has changed.</summary>
    /// <inheritdoc cref="ObjectSink"/>
    public void Set(ObjectQuery query, string key, ReadOnlySpan<byte> json)
    {
        List<Target>? targets = null;
        foreach (var group in query.Kind == ObjectKind.EndpointSlice ? [EndpointReader.ReadSlice(json)] : EndpointReader.ReadEndpoints(json))
        {
            if (query.Keeps(group.Meta))
                Add(group, Service(query, group.Meta), targets ??= []);
        }
        if (targets is { Count: > 0 })
            known[key] = [.. targets];
        else
            known.Remove(key);
    }

    public void Remove(string key) => known.Remove(key);

    /// <summary>The Services of another, older set.</summary>
    public void TakeServices(KubernetesTargets other)
    {
        foreach (var (key, meta) in other.services)
            services[key] = meta;
    }

    /// <summary>Says why there is no target, where there is none.</summary>
    public void Explain()
    {
        var kubernetes = options.Kubernetes;
        if (known.Count > 0 || isSharded)
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
        log.Recurring(LogLevel.Warn, "no endpoints", message, ("namespace", kubernetes.Namespace ?? "*"), ("service", kubernetes.Service ?? "*"),
            ("port_name", kubernetes.PortName), ("ports", otherPorts.Count > 0 ? string.Join(',', otherPorts) : null));
    }

    private ObjectMeta? Service(ObjectQuery query, ObjectMeta meta)
    {
        if (!options.Kubernetes.Scope.NeedsServices || query.ServiceName(meta) is not { } name)
            return null;
        if (services.TryGetValue(Key(meta.Namespace, name), out var service))
            return service;
        LacksService = true;
        return null;
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
            else if (TargetBuilder.IsAddress(address))
                into.Add(TargetBuilder.FromLabels(labels, options.Scrape));
            else
                log.Recurring(LogLevel.Warn, "address", "An endpoint has an address that is none; it is left out", ("address", address));
        }
    }

    private static string Key(string ns, string name) => $"{ns}/{name}";
}
