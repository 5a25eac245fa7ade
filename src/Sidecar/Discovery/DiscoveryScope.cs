using System.Buffers;
using Sidecar.Relabeling;

namespace Sidecar.Discovery;

/// <summary>The namespaces and Services that the rules can keep at all: with <c>*</c>, no others are listed or stored.</summary>
internal sealed record DiscoveryScope
{
    public static readonly DiscoveryScope All = new();

    /// <summary>A label's value and the name of a Service or namespace have at most so many characters.</summary>
    private const int LongestName = 63;

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    /// <summary>Namespaces that can be kept; null for all.</summary>
    public IReadOnlyList<string>? Namespaces { get; init; }

    /// <summary>Names of Services that can be kept; null for all.</summary>
    public IReadOnlyList<string>? Services { get; init; }

    /// <summary>A rule reads a label or an annotation of the Service, which is an object of its own.</summary>
    public bool NeedsServices { get; init; }

    public static DiscoveryScope Of(RelabelRules rules) => new()
    {
        Namespaces = Names(rules, "namespace"),
        Services = Names(rules, "service_name"),
        NeedsServices = rules.Reads(EndpointLabels.Prefix + "service_label") || rules.Reads(EndpointLabels.Prefix + "service_annotation"),
    };

    /// <summary>Null also where one of them can be asked for by no name, such as that of an object without a Service.</summary>
    private static IReadOnlyList<string>? Names(RelabelRules rules, string label) =>
        rules.LiteralsKept(EndpointLabels.Prefix + label) is { } names && names.All(IsName) ? names : null;

    private static bool IsName(string text) =>
        text.Length is > 0 and <= LongestName && !text.AsSpan().ContainsAnyExcept(NameCharacters)
        && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1]);
}
