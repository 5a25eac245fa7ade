namespace Sidecar.Operation.Commands;

/// <summary>How a step of <c>sidecar check</c> ended.</summary>
internal enum CheckStatus
{
    Ok,
    /// <summary>It works, and is odd all the same.</summary>
    Odd,
    Failed,
    /// <summary>Not tried, because a step before it failed.</summary>
    Skipped,
}

/// <summary>One step of <c>sidecar check</c>, in words.</summary>
/// <param name="Name">What was looked at: token, API server, target.</param>
/// <param name="Fact">What was found, one line.</param>
internal sealed record CheckStep(string Name, CheckStatus Status, string Fact)
{
    /// <summary>The likely cause, where the fact does not tell it.</summary>
    public string? Cause { get; init; }

    /// <summary>What to do.</summary>
    public string? Remedy { get; init; }

    /// <summary>Text to paste, several lines: an RBAC rule.</summary>
    public string? Paste { get; init; }

    /// <summary>The failure's word, as in logs and metrics; null where none fits.</summary>
    public string? Reason { get; init; }

    public static string Word(CheckStatus status) => status switch
    {
        CheckStatus.Ok => "ok",
        CheckStatus.Odd => "warning",
        CheckStatus.Failed => "failed",
        _ => "skipped",
    };
}
