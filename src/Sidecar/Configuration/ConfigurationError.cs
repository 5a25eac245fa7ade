using System.Text;

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
    public override string ToString() => Value is null ? $"{Name}: {Problem}; {Remedy}" : $"{Name}=\"{Line(Value)}\": {Problem}; {Remedy}";

    // One error is one line, whatever the value holds.
    private static string Line(string value)
    {
        var line = new StringBuilder();
        foreach (var c in value.AsSpan(0, Math.Min(value.Length, LongestValue)))
            line.Append(c switch
            {
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                _ when char.IsControl(c) => "\\?",
                _ => c.ToString(),
            });
        return value.Length > LongestValue ? line.Append('…').ToString() : line.ToString();
    }
}

/// <summary>Something that works and is odd all the same.</summary>
internal sealed record ConfigurationWarning(string Name, string Message)
{
    public override string ToString() => $"{Name}: {Message}";
}
