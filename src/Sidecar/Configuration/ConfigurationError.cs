using Sidecar.Primitives;

namespace Sidecar.Configuration;

/// <summary>One wrong variable.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Value">Its value with secrets redacted, or null where it is not set or not to be shown.</param>
/// <param name="Problem">What is wrong with it.</param>
/// <param name="Remedy">What to do, with an example that is right.</param>
internal sealed record ConfigurationError(string Name, string? Value, string Problem, string Remedy)
{
    private const int LongestValue = 200;

    /// <summary>The line for people: <c>SIDECAR_SCRAPE_INTERVAL="15 s": not a duration …; write it like 15s</c>.</summary>
    public override string ToString()
    {
        var name = OneLine.Of(Name);
        return Value is null ? $"{name}: {Problem}; {Remedy}" : $"{name}=\"{OneLine.Of(Value, LongestValue)}\": {Problem}; {Remedy}";
    }
}

/// <summary>Something that works and is odd all the same.</summary>
internal sealed record ConfigurationWarning(string Name, string Message, string Remedy)
{
    public override string ToString() => $"{Name}: {Message}";
}
