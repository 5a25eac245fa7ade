using System.Buffers;
using Sidecar.Configuration;
using Sidecar.Relabeling;

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
    private const string Interval = "__scrape_interval__";
    private const string Timeout = "__scrape_timeout__";
    private const string ParamPrefix = "__param_";

    private static readonly SearchValues<char> NoHost = SearchValues.Create("/\\?#@% \t\r\n");

    /// <returns>Null where relabeling drops it, or makes no target of it; the latter with a <paramref name="problem"/>.</returns>
    public static Target? FromStatic(StaticTarget target, TargetOptions options, out string? problem)
    {
        var labels = new Dictionary<string, string> { [Address] = target.Address };
        if (target.Scheme is not null)
            labels[Scheme] = target.Scheme;
        if (target.MetricsPath is not null)
            labels[MetricsPath] = target.MetricsPath;
        return Build(labels, target.Query ?? options.Params, options, out problem);
    }

    /// <param name="discovered">With <c>__address__</c>; the defaults are added to it.</param>
    /// <inheritdoc cref="FromStatic"/>
    public static Target? FromLabels(Dictionary<string, string> discovered, TargetOptions options, out string? problem) =>
        Build(discovered, options.Params, options, out problem);

    /// <summary>A host with or without a port, and no path, query or user (config.CheckTargetAddress, but stricter).</summary>
    public static bool IsAddress(string address) =>
        !address.AsSpan().ContainsAny(NoHost) && Uri.TryCreate($"https://{address}/", UriKind.Absolute, out var url) && url.Port > 0;

    private static Target? Build(Dictionary<string, string> labels, string? query, TargetOptions options, out string? problem)
    {
        problem = null;
        SetDefault(labels, "job", options.JobName);
        SetDefault(labels, Scheme, options.Scheme);
        SetDefault(labels, MetricsPath, options.MetricsPath);
        SetDefault(labels, Interval, Durations.Format(options.Interval));
        SetDefault(labels, Timeout, Durations.Format(options.Timeout));
        foreach (var (name, value) in Urls.Parameters(query)) // of each, the first value
            labels.TryAdd(ParamPrefix + name, value);

        var relabeled = Relabel(labels, options.TargetRules);
        if (relabeled is null)
            return null;
        var address = relabeled.GetValueOrDefault(Address, "");
        problem = Check(relabeled, address, options, out var interval, out var timeout);
        if (problem is not null)
            return null;

        var final = relabeled.Where(l => !l.Key.StartsWith("__", StringComparison.Ordinal) && l.Value.Length > 0).ToDictionary();
        final.TryAdd("instance", address);
        query = Query(query, labels, relabeled);
        var url = new Uri($"{relabeled[Scheme]}://{address}{Path(relabeled, options)}{(query is { Length: > 0 } ? "?" + query : "")}");
        return new Target(url, final, labels, interval == options.Interval ? null : interval, timeout == options.Timeout ? null : timeout,
            options.Job);
    }

    private static void SetDefault(Dictionary<string, string> labels, string name, string value)
    {
        if (labels.GetValueOrDefault(name, "").Length == 0)
            labels[name] = value;
    }

    private static Dictionary<string, string>? Relabel(Dictionary<string, string> labels, RelabelRules rules)
    {
        if (rules.IsEmpty)
            return labels;
        var set = new LabelSet();
        foreach (var (name, value) in labels.OrderBy(l => l.Key, StringComparer.Ordinal))
        {
            if (value.Length > 0)
                set.Fill(set.Copy(Encoding.UTF8.GetBytes(name)), set.Copy(Encoding.UTF8.GetBytes(value)));
        }
        if (!new RelabelPass(rules).Apply(set))
            return null;
        var relabeled = new Dictionary<string, string>();
        for (var i = 0; i < set.Count; i++)
            relabeled[Encoding.UTF8.GetString(set.Name(i).Span)] = Encoding.UTF8.GetString(set.Value(i).Span);
        return relabeled;
    }

    /// <summary>Why the labels make no target, in words; null where they do.</summary>
    private static string? Check(
        Dictionary<string, string> labels, string address, TargetOptions options, out TimeSpan interval, out TimeSpan timeout)
    {
        (interval, timeout) = (options.Interval, options.Timeout);
        if (!IsAddress(address))
            return $"__address__ is \"{address}\", which is no host and port";
        if (labels.GetValueOrDefault(Scheme) is not ("http" or "https"))
            return $"__scheme__ is \"{labels.GetValueOrDefault(Scheme)}\", neither http nor https";
        if (ReadTime(labels, Interval, ref interval) is { } wrong || (wrong = ReadTime(labels, Timeout, ref timeout)) is not null)
            return wrong;
        return timeout > interval
            ? $"__scrape_timeout__ is {Durations.Format(timeout)}, longer than __scrape_interval__, which is {Durations.Format(interval)}"
            : null;
    }

    private static string? ReadTime(Dictionary<string, string> labels, string name, ref TimeSpan time)
    {
        var text = labels.GetValueOrDefault(name, "");
        if (text == Durations.Format(time))
            return null; // what was configured
        var parsed = Durations.Within(TimeSpan.FromMilliseconds(1), Durations.MostForTimers)(text);
        if (parsed.Problem is not null)
            return $"{name} is \"{text}\": {parsed.Problem}";
        time = parsed.Value;
        return null;
    }

    /// <summary>What relabeling wrote is a path and nothing else, so that a question mark in it is part of it.</summary>
    private static string Path(Dictionary<string, string> labels, TargetOptions options)
    {
        var path = labels.GetValueOrDefault(MetricsPath, "");
        if (!path.StartsWith('/'))
            path = "/" + path;
        return path == options.MetricsPath || !path.AsSpan().ContainsAny("?#") ? path : path.Replace("?", "%3F").Replace("#", "%23");
    }

    /// <summary>As in Prometheus's Target.URL: labels replace the first value of their parameter, or add it; sorted by name.</summary>
    private static string? Query(string? query, Dictionary<string, string> before, Dictionary<string, string> after)
    {
        var changed = after.Where(l =>
            l.Key.StartsWith(ParamPrefix, StringComparison.Ordinal) && before.GetValueOrDefault(l.Key, "") != l.Value).ToList();
        if (changed.Count == 0)
            return query;
        var pairs = Urls.Parameters(query);
        foreach (var (label, value) in changed)
        {
            var name = label[ParamPrefix.Length..];
            var index = pairs.FindIndex(p => p.Key == name);
            if (index >= 0)
                pairs[index] = new(name, value);
            else
                pairs.Add(new(name, value));
        }
        return Urls.Query(pairs);
    }
}
