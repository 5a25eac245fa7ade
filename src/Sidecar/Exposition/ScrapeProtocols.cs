using System.Net.Http.Headers;
using Sidecar.Configuration;

namespace Sidecar.Exposition;

/// <summary>Formats asked for and received: Prometheus's scrape_protocols, Accept header and choice of parser; no fallback.</summary>
internal static class ScrapeProtocols
{
    /// <summary>Name in the configuration, format, media type with parameters as the Accept header has it.</summary>
    private static readonly (string Name, BodyFormat Format, string Header)[] All =
    [
        ("PrometheusProto", BodyFormat.PrometheusProto,
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"),
        ("PrometheusText0.0.4", BodyFormat.PrometheusText004, "text/plain;version=0.0.4"),
        ("PrometheusText1.0.0", BodyFormat.PrometheusText100, "text/plain;version=1.0.0;escaping=allow-utf-8"),
        ("OpenMetricsText0.0.1", BodyFormat.OpenMetricsText001, "application/openmetrics-text;version=0.0.1"),
        ("OpenMetricsText1.0.0", BodyFormat.OpenMetricsText100, "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"),
    ];

    public static ImmutableArray<BodyFormat> Default { get; } =
        [BodyFormat.OpenMetricsText100, BodyFormat.OpenMetricsText001, BodyFormat.PrometheusText100, BodyFormat.PrometheusText004];

    /// <summary>Formats by Prometheus's names, comma-separated, best first.</summary>
    public static Parsed<ImmutableArray<BodyFormat>> Parse(string text)
    {
        var formats = ImmutableArray.CreateBuilder<BodyFormat>();
        foreach (var name in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var protocol = Array.Find(All, p => p.Name == name);
            if (protocol.Name is null)
                return new Wrong($"name {formats.Count + 1} is none of {string.Join(", ", All.Select(p => p.Name))}");
            if (formats.Contains(protocol.Format))
                return new Wrong($"{name} stands there twice");
            formats.Add(protocol.Format);
        }
        return formats.ToImmutable();
    }

    public static string Name(BodyFormat format) => Of(format).Name;

    /// <summary>The Accept header: best first, each with less weight than the one before, and in the end whatever there is.</summary>
    public static string Accept(ImmutableArray<BodyFormat> protocols)
    {
        var header = new StringBuilder();
        var weight = All.Length + 1;
        foreach (var protocol in protocols)
            header.Append(Of(protocol).Header).Append(";q=0.").Append(weight--).Append(',');
        return header.Append("*/*;q=0.").Append(weight).ToString();
    }

    /// <summary>The format that a Content-Type announces; null for none of them.</summary>
    /// <param name="readsNative">Native histograms are on.</param>
    public static BodyFormat? FromContentType(string contentType, bool readsNative)
    {
        contentType = contentType.TrimEnd();
        if (contentType.EndsWith(';'))
            contentType = contentType[..^1]; // which Go passes over
        if (!MediaTypeHeaderValue.TryParse(contentType, out var type) || type.Parameters.Any(p => p.Value is null))
            return null;
        // Go takes no parameter twice unless it says the same.
        foreach (var one in type.Parameters)
        {
            if (type.Parameters.Any(p => p.Name.Equals(one.Name, StringComparison.OrdinalIgnoreCase) && Value(p) != Value(one)))
                return null;
        }
        var is100 = type.Parameters.Any(p => p.Name.Equals("version", StringComparison.OrdinalIgnoreCase) && Value(p) == "1.0.0");
        return type.MediaType!.ToLowerInvariant() switch
        {
            "text/plain" => is100 ? BodyFormat.PrometheusText100 : BodyFormat.PrometheusText004,
            "application/openmetrics-text" => is100 ? BodyFormat.OpenMetricsText100 : BodyFormat.OpenMetricsText001,
            "application/vnd.google.protobuf" => readsNative ? BodyFormat.PrometheusProto : BodyFormat.PrometheusProtoClassic,
            _ => null,
        };

        static string Value(NameValueHeaderValue parameter) => parameter.Value!.Trim('"');
    }

    private static (string Name, BodyFormat Format, string Header) Of(BodyFormat format) => Array.Find(All, p => p.Format == format);
}
