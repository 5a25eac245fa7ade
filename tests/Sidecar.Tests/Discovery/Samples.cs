namespace Sidecar.Tests.Discovery;

/// <summary>The API server's JSON in the shape in which a real one of 1.36 sends it.</summary>
internal static class Samples
{
    public const string ManagedFields = """
        [{"manager":"kube-apiserver","operation":"Update","apiVersion":"discovery.k8s.io/v1","time":"2026-11-23T04:18:55Z","fieldsType":"FieldsV1","fieldsV1":{"f:addressType":{},"f:endpoints":{},"f:metadata":{"f:labels":{".":{},"f:kubernetes.io/service-name":{}}},"f:ports":{}}}]
        """;

    public const string Forbidden = """
        {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"endpointslices.discovery.k8s.io is forbidden: User \"system:serviceaccount:sidecar:sidecar\" cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" in the namespace \"default\"","reason":"Forbidden","details":{"group":"discovery.k8s.io","kind":"endpointslices"},"code":403}
        """;

    public const string NoEndpoints = """
        {"kind":"EndpointsList","apiVersion":"v1","metadata":{"resourceVersion":"4358"},"items":[]}
        """;

    /// <summary>A list of slices of the Service <c>kubernetes</c>.</summary>
    public static string Slices(params string[] items) => SlicesPage(null, items);

    public static string SlicesPage(string? next, params string[] items) =>
        $$"""{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","metadata":{"resourceVersion":"4358"{{(next is null ? "" : $",\"continue\":\"{next}\",\"remainingItemCount\":2")}}},"items":[{{string.Join(',', items)}}]}""" + "\n";

    public static string Slice(string name, params string[] addresses) => $$"""
        {"metadata":{"name":"{{name}}","namespace":"default","uid":"22827951-e033-42ad-8ac6-fd09dc09cabf","resourceVersion":"223","generation":2,"creationTimestamp":"2026-11-23T04:18:52Z","labels":{"kubernetes.io/service-name":"kubernetes"},"managedFields":{{ManagedFields}}},"addressType":"IPv4","endpoints":[{{string.Join(',', addresses.Select(a => $$$"""{"addresses":["{{{a}}}"],"conditions":{"ready":true}}"""))}}],"ports":[{"name":"https","protocol":"TCP","port":6443}]}
        """;

    /// <summary>A list of the Endpoints object of the Service <c>kubernetes</c>.</summary>
    public static string Endpoints(params string[] addresses) =>
        $$"""{"kind":"EndpointsList","apiVersion":"v1","metadata":{"resourceVersion":"4358"},"items":[{{EndpointsItem(addresses)}}]}"""
        + "\n";

    public static string EndpointsItem(params string[] addresses) => $$"""
        {"metadata":{"name":"kubernetes","namespace":"default","uid":"03aa9341-8956-4c82-bdb5-e93cf734d098","resourceVersion":"222","creationTimestamp":"2026-11-23T04:18:52Z","labels":{"endpointslice.kubernetes.io/skip-mirror":"true"},"managedFields":{{ManagedFields}}},"subsets":[{"addresses":[{{string.Join(',', addresses.Select(a => $$$"""{"ip":"{{{a}}}"}"""))}}],"ports":[{"name":"https","port":6443,"protocol":"TCP"}]}]}
        """;
}
