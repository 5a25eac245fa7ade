using Sidecar.Telemetry;

namespace Sidecar.Queueing;

/// <summary>Files that cannot be used, collected so that a folder full of them makes two log lines and not one a file.</summary>
internal sealed class FileProblems(Log log)
{
    private const int MostNames = 3;

    private readonly Kind moved = new();
    private readonly Kind left = new();

    public void Add(string path, string cause, bool isMoved)
    {
        var kind = isMoved ? moved : left;
        kind.Count++;
        if (kind.Count > MostNames)
            return;
        kind.Names.Add(Path.GetFileName(path));
        if (!kind.Causes.Contains(cause))
            kind.Causes.Add(cause);
    }

    public void Tell()
    {
        Tell(moved, "A file of the queue cannot be used; it was moved to damaged/",
            "Files of the queue cannot be used; they were moved to damaged/",
            "damaged/ is never emptied: remove what nobody needs");
        Tell(left, "A file of the queue cannot be used; it is left where it is",
            "Files of the queue cannot be used; they are left where they are",
            "let the sidecar's user read it, or take it away; the next start looks again");
    }

    private void Tell(Kind kind, string one, string several, string remedy)
    {
        if (kind.Count == 1)
            log.Error(one, ("file", kind.Names[0]), ("error", kind.Causes[0]), ("remedy", remedy));
        else if (kind.Count > 1)
        {
            log.Error(several, ("files", kind.Count), ("first", string.Join(' ', kind.Names)), ("error", string.Join("; ", kind.Causes)),
                ("remedy", remedy));
        }
    }

    private sealed class Kind
    {
        public int Count { get; set; }
        public List<string> Names { get; } = [];
        public List<string> Causes { get; } = [];
    }
}
