using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>Logs when a loss begins or threatens, when it is over, and when the first scrapes of all targets have arrived.</summary>
internal sealed class JudgementLog : IDisposable
{
    /// <summary>How often the process is judged where nobody looks at it. What holds at two of these in a row is told.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly Func<Judgement> judge;
    private readonly Log log;
    private readonly InternalErrors errors;
    private readonly TimeProvider time;
    private readonly Lock gate = new(); // of one look at a time
    private readonly Dictionary<Condition, Told> told = [];
    private readonly ITimer timer;
    private bool hasDelivered;

    /// <summary>A condition, from when it was first seen.</summary>
    private sealed class Told(string sentence, DateTimeOffset since)
    {
        public readonly string Sentence = sentence;
        public readonly DateTimeOffset Since = since;
        public bool IsWritten;
        public bool Holds;
    }

    public JudgementLog(Func<Judgement> judge, Log log, InternalErrors errors, TimeProvider time)
    {
        (this.judge, this.log, this.errors, this.time) = (judge, log, errors, time);
        timer = time.CreateTimer(_ => LookSafely(), null, Interval / 4, Interval);
    }

    public void Dispose() => timer.Dispose();

    /// <summary>The edge: an exception in a timer would end the process.</summary>
    private void LookSafely()
    {
        try
        {
            lock (gate)
                Look(judge());
        }
        catch (Exception e)
        {
            errors.Report(ProcessLoop.History, e);
        }
    }

    private void Look(Judgement judgement)
    {
        Greet(judgement.Facts);
        foreach (var finding in judgement.Findings)
        {
            if (!IsTold(finding))
                continue;
            if (!told.TryGetValue(finding.Condition, out var known))
                told.Add(finding.Condition, known = new Told(finding.Sentence, finding.Since ?? time.GetUtcNow()));
            else if (!known.IsWritten)
            {
                known.IsWritten = true;
                log.Write(finding.Level == Level.Bad ? LogLevel.Error : LogLevel.Warn, finding.Sentence,
                    ("condition", Word.Of(finding.Condition)), ("since", known.Since), ("error", finding.Fact),
                    ("lost_from", finding.LostFrom), ("remedy", finding.Remedy));
            }
            known.Holds = true;
        }
        foreach (var (condition, known) in told)
        {
            if (!known.Holds)
            {
                told.Remove(condition); // allowed while enumerating
                if (known.IsWritten)
                    log.Info($"Over: {known.Sentence}", ("condition", Word.Of(condition)), ("lasted", time.GetUtcNow() - known.Since));
            }
            known.Holds = false;
        }
    }

    /// <summary>What costs data, and what nothing else in the log tells of.</summary>
    private static bool IsTold(Finding finding) => finding.Level == Level.Bad || finding.Condition is Condition.Backlog or Condition.Expiry;

    /// <summary>Once, when every target has been scraped, one of them with success, and all of it has arrived.</summary>
    private void Greet(ProcessFacts facts)
    {
        var targets = facts.Targets;
        var isWaiting = facts.Now - facts.OldestWaiting > Interval;
        if (hasDelivered || targets.Up == 0 || targets.Up + targets.Down < targets.All || !facts.HasSent || isWaiting)
            return;
        hasDelivered = true;
        log.Info($"First scrapes delivered: {targets.Samples:N0} samples of {targets.Up:N0} target{(targets.Up == 1 ? "" : "s")}",
            ("failing", targets.Down > 0 ? targets.Down : null));
    }
}
