using System.Buffers;
using Sidecar.Configuration;
using Sidecar.Configuration.Values;

namespace Sidecar.Discovery;

/// <summary>
/// Makes targets of discovered labels, as Prometheus's PopulateLabels does (scrape/target.go): defaults are added, the URL is built of
/// <c>__scheme__</c>, <c>__address__</c>, <c>__metrics_path__</c> and <c>__param_*</c>, and what begins with <c>__</c> is dropped.
/// </summary>
internal static class TargetBuilder
{
    public const string Address = "__address__";
    public const string Scheme = "__scheme__";
    public const string MetricsPath = "__metrics_path__";
    private const string ParamPrefix = "__param_";

    private static readonly SearchValues<char> NoHost = SearchValues.Create("/\\?#@% \t\r\n");

    public static Target FromStatic(StaticTarget target, ScrapeOptions options)
    {
        var labels = new Dictionary<string, string> { [Address] = target.Address };
        if (target.Scheme is not null)
            labels[Scheme] = target.Scheme;
        if (target.MetricsPath is not null)
            labels[MetricsPath] = target.MetricsPath;
        return Build(labels, target.Query ?? options.Params, options);
    }

    /// <param name="discovered">With <c>__address__</c>; the defaults are added to it.</param>
    public static Target FromLabels(Dictionary<string, string> discovered, ScrapeOptions options) => Build(discovered, options.Params, options);

    /// <summary>A host, or a host and a port, and nothing that would make a path, a query or a user of it (config.CheckTargetAddress, but stricter).</summary>
    public static bool IsAddress(string address) =>
        !address.AsSpan().ContainsAny(NoHost) && Uri.TryCreate($"https://{address}/", UriKind.Absolute, out var url) && url.Port > 0;

    private static Target Build(Dictionary<string, string> labels, string? query, ScrapeOptions options)
    {
        labels.TryAdd("job", options.JobName);
        labels.TryAdd(Scheme, options.Scheme);
        labels.TryAdd(MetricsPath, options.MetricsPath);
        labels.TryAdd("__scrape_interval__", Durations.Format(options.Interval));
        labels.TryAdd("__scrape_timeout__", Durations.Format(options.Timeout));
        foreach (var (name, value) in Parameters(query))
            labels.TryAdd(ParamPrefix + name, value);

        var final = labels.Where(l => !l.Key.StartsWith("__", StringComparison.Ordinal) && l.Value.Length > 0).ToDictionary();
        final.TryAdd("instance", labels[Address]);
        var url = new Uri($"{labels[Scheme]}://{labels[Address]}{labels[MetricsPath]}{(query is { Length: > 0 } ? "?" + query : "")}");
        return new Target(url, final, labels);
    }

    /// <summary>The first value of each parameter, as Prometheus keeps it in its label.</summary>
    private static IEnumerable<(string Name, string Value)> Parameters(string? query)
    {
        foreach (var pair in (query ?? "").Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = pair.IndexOf('=') is > 0 and var equals ? (pair[..equals], pair[(equals + 1)..]) : (pair, "");
            yield return (Uri.UnescapeDataString(name), Uri.UnescapeDataString(value.Replace('+', ' ')));
        }
    }
}
