using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Commands;

/// <summary>How a step of <c>sidecar check</c> ended.</summary>
internal enum CheckStatus
{
    Ok,
    /// <summary>The step works, and an operator should know what was found.</summary>
    Warning,
    Failed,
    /// <summary>Not tried, because a step before it failed.</summary>
    Skipped,
    /// <summary>To be known, and nothing that could fail: it does not count as a step.</summary>
    Note,
}

/// <summary>One step of <c>sidecar check</c>, in words.</summary>
/// <param name="name">What was looked at: token, API server, target.</param>
/// <param name="fact">What was found, one line.</param>
/// <param name="advice">The likely cause, and what to do; null where there is nothing to do.</param>
/// <param name="reason">None where no reason fits.</param>
internal sealed class CheckStep(
    string name, CheckStatus status, string fact, AdviceText? advice = null, FailureReason reason = FailureReason.None)
{
    public string Name { get; } = name;
    public CheckStatus Status { get; } = status;
    public string Fact { get; } = fact;
    public AdviceText? Advice { get; set; } = advice;

    /// <summary>Whose step it is; null where it is of the whole process, or of the only job.</summary>
    public string? Job { get; set; }

    /// <summary>Text to paste, several lines: an RBAC rule.</summary>
    public string? Paste { get; init; }

    /// <summary>The failure's word, as in logs and metrics; null where none fits.</summary>
    public string? Reason { get; init; } = reason == FailureReason.None ? null : Word.Of(reason);

    /// <summary>Since when it is so, in ISO 8601; this and the next two of what a running process found.</summary>
    public string? Since { get; init; }

    public string? LostFrom { get; init; }
    public string? NextTry { get; init; }

    public static CheckStep Failed(string name, Failure failure, AdviceText advice) =>
        new(name, CheckStatus.Failed, failure.Message, advice, failure.Reason);
}
