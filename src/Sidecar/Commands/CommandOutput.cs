namespace Sidecar.Commands;

/// <summary>Where a command writes: results to one stream, and what it waits for and what went wrong to another.</summary>
/// <param name="results">Standard output.</param>
/// <param name="errors">Standard error.</param>
/// <param name="isWatched">Errors go to a terminal, which shows what is waited for.</param>
/// <param name="hasColors">Results may be coloured.</param>
internal sealed class CommandOutput(Stream results, TextWriter errors, bool isWatched, bool hasColors)
{
    private const string EraseLine = "\r\e[K";

    private bool isWaiting; // the terminal shows a line that is to go away again

    public Stream Results { get; } = results;
    public TextWriter Errors { get; } = errors;
    public bool HasColors { get; } = hasColors;

    /// <summary>The process's own output; colours only on a terminal, and not with <c>NO_COLOR</c> (no-color.org).</summary>
    public static CommandOutput OfProcess(IReadOnlyDictionary<string, string?> environment) => new(
        Console.OpenStandardOutput(), Console.Error, IsTerminal(environment, Console.IsErrorRedirected),
        IsTerminal(environment, Console.IsOutputRedirected) && string.IsNullOrEmpty(environment.GetValueOrDefault("NO_COLOR")));

    /// <summary>The same with other results.</summary>
    public CommandOutput Into(Stream other) => new(other, Errors, isWatched, HasColors);

    /// <summary>What the command waits for, in one line of a terminal that goes away again.</summary>
    public void Wait(string what)
    {
        if (!isWatched)
            return;
        Errors.Write($"{EraseLine}{what} …");
        Errors.Flush();
        isWaiting = true;
    }

    /// <summary>Before anything else is written there.</summary>
    public void Clear()
    {
        if (!isWaiting)
            return;
        Errors.Write(EraseLine);
        Errors.Flush();
        isWaiting = false;
    }

    /// <summary>Results as text, in lines that end in a line feed everywhere.</summary>
    public StreamWriter Text() => new(Results, bufferSize: 4096, leaveOpen: true) { NewLine = "\n" };

    private static bool IsTerminal(IReadOnlyDictionary<string, string?> environment, bool isRedirected) =>
        !isRedirected && environment.GetValueOrDefault("TERM") is not ("dumb" or null or "");
}
