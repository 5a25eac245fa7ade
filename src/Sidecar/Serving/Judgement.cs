using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>
/// The one judgement of the process: what is being lost, since when, why, and the remedy. Page, readiness, log and metrics follow it. Never
/// changes.
/// </summary>
internal sealed class Judgement
{
    /// <param name="facts">All that is known.</param>
    /// <param name="findings">Gravest first.</param>
    internal Judgement(ProcessFacts facts, ImmutableArray<Finding> findings) => (Facts, Findings) = (facts, findings);

    public ProcessFacts Facts { get; }

    /// <summary>The conditions that hold, gravest first; empty when all is well.</summary>
    public ImmutableArray<Finding> Findings { get; }

    public Level Level => Findings.IsEmpty ? Level.Good : Findings[0].Level;

    /// <summary>Null when what is scraped is delivered, or will be; else one sentence with its fact.</summary>
    public string? WhyNotReady => NotReady is not { } finding ? null
        : finding.Fact is null ? finding.Sentence : $"{finding.Sentence[..^1]}: {finding.Fact}";

    /// <summary>What is to be said beside <see cref="WhyNotReady"/>, a line each.</summary>
    public IEnumerable<string> Troubles => Findings.Select(f => f == NotReady ? $"remedy: {f.Remedy}" : f.Sentence);

    private Finding? NotReady => Findings.FirstOrDefault(f => f.IsNotReady);

    /// <summary>All of it in a sentence or two.</summary>
    public string Sentence => Findings.IsEmpty
        ? $"{UpSentence(Facts.Targets)} The receiver accepts." : string.Join(' ', Findings.Select(f => f.Sentence));

    /// <summary>Of one part alone.</summary>
    public Level LevelOf(Subject subject) => Findings.FirstOrDefault(f => f.Subject == subject)?.Level ?? Level.Good;

    public bool Has(Condition condition) => Find(condition) is not null;

    /// <summary>Null where the condition does not hold.</summary>
    public Finding? Find(Condition condition) => Findings.FirstOrDefault(f => f.Condition == condition);

    public static Judgement Of(ProcessFacts facts)
    {
        var found = new Findings(facts).All();
        // Stable, and by hand: a sort by an enum is an instantiation of its own.
        return new Judgement(facts, [.. found.FindAll(f => f.Level == Level.Bad), .. found.FindAll(f => f.Level == Level.Warning),
            .. found.FindAll(f => f.Level == Level.Good)]);
    }

    private static string UpSentence(TargetCounts targets) => targets.All == 1 ? "The target is up."
        : targets.Up == targets.All ? $"All {targets.All:N0} targets are up."
        : $"{targets.Up:N0} of {targets.All:N0} targets are up, none fails.";
}
