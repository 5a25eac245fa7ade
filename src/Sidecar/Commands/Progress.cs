namespace Sidecar.Commands;

/// <summary>What a command is waiting for, in one line of a terminal that goes away again; nothing where nobody watches.</summary>
internal sealed class Progress(TextWriter output, bool isTerminal)
{
    private const string EraseLine = "\r\e[K";

    private bool isShown;

    public void Say(string text)
    {
        if (!isTerminal)
            return;
        output.Write($"{EraseLine}{text} …");
        output.Flush();
        isShown = true;
    }

    /// <summary>Before anything else is written there.</summary>
    public void Clear()
    {
        if (!isShown)
            return;
        output.Write(EraseLine);
        output.Flush();
        isShown = false;
    }
}
