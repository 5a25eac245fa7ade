using Sidecar.Primitives;

namespace Sidecar.Discovery;

/// <summary>The objects to ask for, as few as configuration and rules allow. One Service is asked for by name.</summary>
internal sealed class ObjectQuery
{
    /// <summary>More names than this would make a selector that is longer than some proxies take.</summary>
    private const int MostNames = 50;

    private readonly IReadOnlyList<string>? namespaces;
    private readonly IReadOnlyList<string>? services;
    private readonly string collection;
    private readonly string selectors;

    public ObjectQuery(ObjectKind kind, KubernetesOptions options)
    {
        Kind = kind;
        namespaces = options.Namespace is { } ns ? [ns] : options.Scope.Namespaces;
        services = options.Service is { } service ? [service] : options.Scope.Services;
        var folder = kind == ObjectKind.EndpointSlice ? "apis/discovery.k8s.io/v1/" : "api/v1/";
        var scope = Namespace is { } one ? $"namespaces/{Escape(one)}/" : "";
        collection = folder + scope + Resource;
        selectors = Selectors(options.LabelSelector);
    }

    public ObjectKind Kind { get; }

    /// <summary>The one namespace that is asked for; null where the whole cluster is.</summary>
    public string? Namespace => namespaces is [var one] ? one : null;

    /// <summary>One Service is asked for.</summary>
    public bool IsNamed => Namespace is not null && services is [_];

    /// <summary>Nothing can be kept: the rules contradict the configuration, or each other.</summary>
    public bool IsEmpty => namespaces is [] || services is [];

    /// <summary>As <c>kind</c> of the objects has it.</summary>
    public string KindName => Kind switch
    {
        ObjectKind.EndpointSlice => "EndpointSlice",
        ObjectKind.Endpoints => "Endpoints",
        _ => "Service",
    };

    /// <summary>As RBAC rules and paths have it.</summary>
    public string Resource => Kind switch
    {
        ObjectKind.EndpointSlice => "endpointslices",
        ObjectKind.Endpoints => "endpoints",
        _ => "services",
    };

    /// <param name="next">The token of the page before; null for the first.</param>
    public string ListPath(int pageSize, string? next) =>
        $"{collection}?{selectors}limit={pageSize}{(next is null ? "" : "&continue=" + Escape(next))}";

    /// <param name="version">Events after this one are asked for.</param>
    public string WatchPath(string version, int seconds) =>
        $"{collection}?{selectors}watch=true&allowWatchBookmarks=true&resourceVersion={Escape(version)}&timeoutSeconds={seconds}";

    /// <summary>Whether an object can be kept: what the API server has no selector for is looked at here.</summary>
    public bool Keeps(ObjectMeta meta) => Keeps(namespaces, meta.Namespace) && Keeps(services, meta.ServiceName(Kind));

    /// <summary>The rule that lets an account ask this, for people to copy.</summary>
    public string Rule
    {
        get
        {
            var role = Namespace is { } one ? $"a Role in namespace {one}" : "a ClusterRole";
            var group = Kind == ObjectKind.EndpointSlice ? "discovery.k8s.io" : "\"\"";
            return $"add to {role}: {{apiGroups: [{group}], resources: [{Resource}], verbs: [list, watch]}}";
        }
    }

    private static bool Keeps(IReadOnlyList<string>? names, string? name) => names is null || (name is not null && names.Contains(name));

    private string Selectors(string? more)
    {
        // A user's selector speaks of the labels of what is discovered, not of Services.
        var labels = Kind == ObjectKind.Service ? null : more;
        var fields = "";
        if (services is { Count: > 0 and <= MostNames } && Kind == ObjectKind.EndpointSlice)
        {
            var selector = ObjectMeta.ServiceNameLabel + (services is [var one] ? $"={one}" : $" in ({string.Join(',', services)})");
            labels = labels is null ? selector : $"{selector},{labels}";
        }
        else if (services is [var name])
            fields = $"fieldSelector={Escape($"metadata.name={name}")}&"; // of several names only the label selector has an "or"
        return (labels is null ? "" : $"labelSelector={Escape(labels)}&") + fields;
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);
}
