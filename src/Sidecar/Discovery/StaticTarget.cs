
namespace Sidecar.Discovery;

/// <summary>One entry of SIDECAR_TARGETS: <c>host:port</c>, or a URL whose scheme, path and query win over those for all targets.</summary>
/// <param name="Address"><c>host:port</c>, the port always there (443 and 80 for a URL without one).</param>
/// <param name="Scheme"><c>http</c> or <c>https</c>, or null for the default.</param>
/// <param name="MetricsPath">Absolute path, or null for the default, which a URL with the path <c>/</c> takes too.</param>
/// <param name="Query">Query string without the question mark, or null for the default.</param>
internal sealed record StaticTarget(string Address, string? Scheme, string? MetricsPath, string? Query);
