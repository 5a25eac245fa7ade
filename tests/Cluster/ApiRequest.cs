using Microsoft.AspNetCore.Http;

namespace Cluster;

/// <summary>A kind of object that the stand-in serves: its names in paths, bodies and RBAC rules.</summary>
internal sealed record ApiResource(string Group, string Version, string Plural, string Kind)
{
    public static readonly ApiResource Endpoints = new("", "v1", "endpoints", "Endpoints");

    public static readonly ApiResource Services = new("", "v1", "services", "Service");

    public static readonly ApiResource Slices = new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice");

    public static readonly ApiResource Leases = new("coordination.k8s.io", "v1", "leases", "Lease");

    /// <summary>There are none, but Prometheus asks for them.</summary>
    public static readonly ApiResource Pods = new("", "v1", "pods", "Pod");

    public static IReadOnlyList<ApiResource> All { get; } = [Endpoints, Services, Pods, Slices, Leases];

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>endpointslices.discovery.k8s.io</c>, as in messages.</summary>
    public string QualifiedName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

/// <summary>What a request asks for, in the terms of RBAC: a verb on objects.</summary>
/// <param name="Namespace">Null for all.</param>
/// <param name="Name">Of the object; a list or watch by <c>metadata.name</c> counts as naming it.</param>
internal sealed record ApiRequest(string Verb, ApiResource Resource, string? Namespace, string? Name)
{
    /// <summary>Null for a path that is not of objects.</summary>
    public static ApiRequest? Parse(HttpRequest request)
    {
        var parts = request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, version, rest) = parts switch
        {
            ["api", var v, .. var r] => ("", v, r),
            ["apis", var g, var v, .. var r] => (g, v, r),
            _ => ("", "", []),
        };
        string? ns = null;
        if (rest is ["namespaces", var named, .. var inside] && inside.Length > 0)
            (ns, rest) = (named, inside);
        if (rest.Length is 0 or > 2 || ApiResource.All.FirstOrDefault(r =>
            r.Group == group && r.Version == version && r.Plural == rest[0]) is not { } resource)
            return null;
        if (rest.Length == 2)
            return new ApiRequest(request.Method switch { "PATCH" => "patch", "PUT" => "update", _ => "get" }, resource, ns, rest[1]);
        if (request.Method == "POST")
            return new ApiRequest("create", resource, ns, null);
        var name = FieldSelector.Parse(request.Query["fieldSelector"], out _)?.Name;
        return new ApiRequest(IsTrue(request.Query["watch"]) ? "watch" : "list", resource, ns, name);
    }

    public static bool IsTrue(string? value) => value is "1" or "t" or "T" or "true" or "TRUE" or "True";
}
