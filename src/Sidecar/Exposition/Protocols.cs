using Sidecar.Configuration;

namespace Sidecar.Exposition;

/// <summary>Exposition formats by Prometheus's names, comma-separated, best first.</summary>
internal static class Protocols
{
    public static Parsed<ImmutableArray<BodyFormat>> Parse(string text)
    {
        var formats = ImmutableArray.CreateBuilder<BodyFormat>();
        foreach (var name in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (ScrapeProtocols.Find(name) is not { } format)
                return new Wrong($"name {formats.Count + 1} is none of {ScrapeProtocols.Names}");
            if (formats.Contains(format))
                return new Wrong($"{ScrapeProtocols.Name(format)} stands there twice");
            formats.Add(format);
        }
        return formats.ToImmutable();
    }
}
