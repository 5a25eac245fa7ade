using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>How grave a state is.</summary>
internal enum Level
{
    Good,
    /// <summary>Not yet, or not quite, or it will pass: a part is lost, or all will be.</summary>
    Warning,
    /// <summary>All is lost, or what was scraped is.</summary>
    Bad,
}

/// <summary>Whose state a condition is about: one card of the page each.</summary>
internal enum Subject
{
    Targets,
    Queue,
    Receiver,
    Process,
}

/// <summary>One condition that holds now: what it is, since when, why, what it costs, and what to do. Never changes.</summary>
internal sealed class Finding
{
    public required Condition Condition { get; init; }
    public required Level Level { get; init; }
    public required Subject Subject { get; init; }

    /// <summary>Data is lost now; what will be lost has <see cref="LostFrom"/>.</summary>
    public bool IsLosing { get; init; }

    public required string Sentence { get; init; }

    /// <summary>The fact behind it, in the words of whoever said it; null where the sentence is all.</summary>
    public string? Fact { get; init; }

    /// <summary>The likely cause, where the fact does not tell it.</summary>
    public string? Cause { get; init; }

    public required string Remedy { get; init; }

    /// <summary>Null where nobody knows.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>When data begins to be lost if this goes on; null where it is lost already, or never will be.</summary>
    public DateTimeOffset? LostFrom { get; init; }

    public DateTimeOffset? NextTry { get; init; }

    /// <summary>A process under it is not ready: what it is there for does not come about.</summary>
    public bool IsNotReady => Level == Level.Bad || Condition == Condition.NoTargetsKnown;

    /// <summary>Somebody has to do something now: data is lost, or nothing comes about.</summary>
    public bool IsFault => Level == Level.Bad || IsLosing;

    /// <summary>Since when, until when, and when it is tried again; null where nothing of that is known, or the sentence says it.</summary>
    public string? When(DateTimeOffset now)
    {
        if (Condition == Condition.TargetsGone)
            return null;
        var parts = new List<string>(3);
        if (Since is { } since)
            parts.Add($"for {Quantities.Text(now - since)}");
        if (LostFrom is { } lost)
        {
            var left = Quantities.Text(lost - now);
            parts.Add(Condition != Condition.ReceiverFails ? $"in {left} it does not work any more"
                : lost - now < TimeSpan.FromSeconds(1) ? "the queue is full: the oldest is lost next"
                : $"full in about {left} at this rate; then the oldest is lost");
        }
        if (NextTry is { } next)
            parts.Add($"tried again in {Quantities.Text(next - now)}");
        return parts.Count == 0 ? null : string.Join(" · ", parts);
    }
}
