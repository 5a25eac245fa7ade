namespace Sidecar.Commands;

/// <summary>Where a command writes: results to one stream, and what it waits for and what went wrong to another.</summary>
/// <param name="results">Standard output.</param>
/// <param name="errors">Standard error.</param>
/// <param name="progress">On standard error.</param>
/// <param name="hasColors">Results may be coloured.</param>
internal sealed class CommandOutput(Stream results, TextWriter errors, Progress progress, bool hasColors)
{
    public Stream Results { get; } = results;
    public TextWriter Errors { get; } = errors;
    public Progress Progress { get; } = progress;
    public bool HasColors { get; } = hasColors;

    /// <summary>The process's own output; colours only on a terminal, and not with <c>NO_COLOR</c> (no-color.org).</summary>
    public static CommandOutput OfProcess(IReadOnlyDictionary<string, string?> environment) => new(
        Console.OpenStandardOutput(), Console.Error, new Progress(Console.Error, IsTerminal(environment, Console.IsErrorRedirected)),
        IsTerminal(environment, Console.IsOutputRedirected) && string.IsNullOrEmpty(environment.GetValueOrDefault("NO_COLOR")));

    /// <summary>Results as text, in lines that end in a line feed everywhere.</summary>
    public StreamWriter Text() => new(Results, bufferSize: 4096, leaveOpen: true) { NewLine = "\n" };

    private static bool IsTerminal(IReadOnlyDictionary<string, string?> environment, bool isRedirected) =>
        !isRedirected && environment.GetValueOrDefault("TERM") is not ("dumb" or null or "");
}
