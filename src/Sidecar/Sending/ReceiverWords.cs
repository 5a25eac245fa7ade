namespace Sidecar.Sending;

/// <summary>What receivers of the field mean by what they say, where the status alone does not tell.</summary>
internal static class ReceiverWords
{
    /// <summary>Nothing takes writes there. VictoriaMetrics says so by a 400 (app/victoria-metrics/main.go).</summary>
    public static bool IsWrongPath(int status, string words) =>
        status is 404 or 405 || (status == 400 && words.Contains("unsupported path", StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// Thanos answers 409 to samples that it has already, or has newer ones of (pkg/receive/writer.go and handler.go): sent again, they
    /// would be answered the same. It answers so to labels and exemplars out of order too, which are not there.
    /// </summary>
    public static bool IsAlreadyThere(string words)
    {
        bool Say(string text) => words.Contains(text, StringComparison.OrdinalIgnoreCase);
        return (Say("out of order") || Say("out-of-order") || Say("duplicate") || Say("conflict"))
            && !Say("label") && !Say("exemplar") && !Say("out of bounds") && !Say("too old");
    }
}
