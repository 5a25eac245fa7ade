using Sidecar.Configuration;
using Sidecar.Http;
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

    /// <summary>Null when healthy; else what only a new start mends.</summary>
    public string? WhyUnhealthy => Facts.WhyHanging;

    /// <summary>Null when what is scraped is delivered, or will be; else one sentence with its fact.</summary>
    public string? WhyNotReady => NotReady is not { } finding ? null
        : finding.Fact is null ? finding.Sentence : $"{finding.Sentence[..^1]}: {finding.Fact}";

    /// <summary>What is to be said beside <see cref="WhyNotReady"/>, a line each.</summary>
    public IReadOnlyList<string> Troubles
    {
        get
        {
            var lines = new List<string>();
            foreach (var finding in Findings)
            {
                if (finding == NotReady)
                    lines.Add($"remedy: {finding.Remedy}");
                else
                    lines.Add(finding.Sentence);
            }
            return lines;
        }
    }

    private Finding? NotReady
    {
        get
        {
            foreach (var finding in Findings)
            {
                if (finding.IsNotReady)
                    return finding;
            }
            return null;
        }
    }

    /// <summary>All of it in a sentence or two.</summary>
    public string Sentence => Findings.IsEmpty
        ? $"{UpSentence(Facts.Targets)} The receiver accepts." : string.Join(' ', Findings.Select(f => f.Sentence));

    /// <summary>Of one part alone.</summary>
    public Level LevelOf(Subject subject)
    {
        var level = Level.Good;
        foreach (var finding in Findings)
        {
            if (finding.Subject == subject && finding.Level > level)
                level = finding.Level;
        }
        return level;
    }

    public bool Has(Condition condition) => Find(condition) is not null;

    /// <summary>Null where the condition does not hold.</summary>
    public Finding? Find(Condition condition)
    {
        foreach (var finding in Findings)
        {
            if (finding.Condition == condition)
                return finding;
        }
        return null;
    }

    public static Judgement Of(ProcessFacts facts)
    {
        var found = new List<Finding>();
        Hanging(facts, found);
        Lease(facts, found);
        Targets(facts, found);
        Receiver(facts, found);
        Queue(facts, found);
        Process(facts, found);
        // Stable, and by hand: a sort by an enum is an instantiation of its own.
        var findings = ImmutableArray.CreateBuilder<Finding>(found.Count);
        for (var level = Level.Bad; level >= Level.Good; level--)
        {
            foreach (var finding in found)
            {
                if (finding.Level == level)
                    findings.Add(finding);
            }
        }
        return new Judgement(facts, findings.MoveToImmutable());
    }

    private static string UpSentence(TargetCounts targets) => targets.All == 1 ? "The target is up."
        : targets.Up == targets.All ? $"All {targets.All:N0} targets are up."
        : $"{targets.Up:N0} of {targets.All:N0} targets are up, none fails.";

    private static void Hanging(ProcessFacts facts, List<Finding> found)
    {
        if (facts.WhyHanging is not { } why)
            return;
        found.Add(new Finding
        {
            Condition = Condition.Hanging, Level = Level.Bad, Subject = Subject.Process, Loss = Loss.All, Sentence = why,
            Remedy = "restart the process (a liveness probe on /-/healthy does), and report it with the log",
        });
    }

    private static void Lease(ProcessFacts facts, List<Finding> found)
    {
        if (facts.Lease is not { } lease)
            return;
        if (!lease.Failure.IsNone)
        {
            var advice = Advice.For(CheckPeer.ApiServer, lease.Failure);
            found.Add(new Finding
            {
                Condition = Condition.LeaseFails, Level = lease.Leads ? Level.Warning : Level.Bad, Subject = Subject.Process,
                Loss = lease.Leads ? Loss.Ahead : Loss.Some,
                Sentence = lease.Leads ? "The lease cannot be renewed; scraping stops before it is over."
                    : "The lease cannot be had, and without it this process does not scrape.",
                Fact = lease.Failure.Message, Cause = advice.Cause, Remedy = advice.Remedy,
            });
        }
        else if (!lease.Leads)
        {
            found.Add(new Finding
            {
                Condition = Condition.StandsBy, Level = Level.Good, Subject = Subject.Process,
                Sentence = lease.Holder is { } holder ? $"This process stands by: {holder} holds the lease and scrapes."
                    : "This process stands by: the lease was not read yet.",
                Remedy = "none is needed: this process takes over when the lease is released or expires",
            });
        }
    }

    private static void Targets(ProcessFacts facts, List<Finding> found)
    {
        var (targets, discovery) = (facts.Targets, facts.DiscoveryFailure);
        var advice = discovery.IsNone ? null : Advice.For(CheckPeer.ApiServer, discovery);
        if (!facts.AreTargetsKnown)
        {
            found.Add(new Finding
            {
                Condition = Condition.NoTargetsKnown, Level = discovery.IsNone ? Level.Warning : Level.Bad, Subject = Subject.Targets,
                Loss = Loss.All,
                Sentence = discovery.IsNone ? "No targets are known yet: the API server has not answered."
                    : "No targets are known: discovery fails.",
                Fact = discovery.Message, Cause = advice?.Cause,
                Remedy = advice?.Remedy ?? "wait a moment; then 'sidecar check' tells more",
            });
            return;
        }
        if (facts.IsStandingBy)
        {
            // Who holds the lease scrapes them.
        }
        else if (targets.All == 0)
        {
            found.Add(new Finding
            {
                Condition = Condition.NoTargets, Level = facts.HighestTargets > 0 ? Level.Bad : Level.Warning, Subject = Subject.Targets,
                Loss = Loss.All, Sentence = "Discovery finds no targets.",
                Remedy = "'sidecar check' tells whether the Service has endpoints, its ports have other names, or relabeling drops all",
            });
        }
        else if (targets.Down > 0)
        {
            var isAll = targets.Down == targets.All;
            found.Add(new Finding
            {
                Condition = isAll ? Condition.AllTargetsFail : Condition.TargetsFail, Level = isAll ? Level.Bad : Level.Warning,
                Subject = Subject.Targets, Loss = isAll ? Loss.All : Loss.Some,
                Sentence = targets.All == 1 ? "The target fails." : isAll ? $"All {targets.All:N0} targets fail."
                    : $"{targets.Down:N0} of {targets.All:N0} targets {(targets.Down == 1 ? "fails" : "fail")}.",
                Fact = targets.Failure.Message, Cause = targets.Advice?.Cause,
                Remedy = targets.Advice?.Remedy ?? "'sidecar check' tells more", Since = targets.FailingSince,
            });
        }
        else if (targets.Up == 0)
            found.Add(Starting(Subject.Targets, "The first scrape is under way."));
        if (facts.HighestTargets > targets.All && !facts.IsStandingBy)
            found.Add(Gone(facts));
        if (!discovery.IsNone)
        {
            found.Add(new Finding
            {
                Condition = Condition.DiscoveryFails, Level = Level.Warning, Subject = Subject.Targets,
                Sentence = "Discovery fails; the last known targets stay.", Fact = discovery.Message, Cause = advice?.Cause,
                Remedy = advice!.Remedy, Since = facts.DiscoveryAnswered,
            });
        }
    }

    private static Finding Gone(ProcessFacts facts)
    {
        var gone = facts.HighestTargets - facts.Targets.All;
        DateTimeOffset? when = null;
        foreach (var change in facts.Changes)
        {
            if (change.Gone > 0)
            {
                when = change.At;
                break;
            }
        }
        var ago = when is { } at ? $" {Quantities.Text(Quantities.Rough(facts.Now - at))} ago" : "";
        return new Finding
        {
            Condition = Condition.TargetsGone, Level = Level.Warning, Subject = Subject.Targets,
            Sentence = $"{gone:N0} target{(gone == 1 ? "" : "s")} gone{ago}.",
            Cause = "Kubernetes took it out of the Service: its health checks fail, or its pod was removed",
            Remedy = "look at the API server or the pod; where it was removed on purpose, this passes within the hour", Since = when,
        };
    }

    private static Finding Starting(Subject subject, string sentence) => new()
    {
        Condition = Condition.Starting, Level = Level.Warning, Subject = subject, Sentence = sentence,
        Remedy = "wait for the first scrapes, which take an interval at most",
    };

    private static void Receiver(ProcessFacts facts, List<Finding> found)
    {
        var sending = facts.Sending;
        var failure = sending.LastFailure;
        if (facts.IsAllRefused)
        {
            found.Add(new Finding
            {
                Condition = Condition.AllRefused, Level = Level.Bad, Subject = Subject.Receiver, Loss = Loss.All,
                Sentence = "The receiver refuses all that it is sent, and all of it is lost.", Fact = failure.Message,
                Cause = sending.Advice?.Cause, Remedy = sending.Advice?.Remedy ?? "look at the receiver's log",
                Since = sending.FailingSince,
            });
        }
        else if (!failure.IsNone && facts.DroppingSince is null)
        {
            found.Add(new Finding
            {
                Condition = Condition.ReceiverFails, Level = Level.Warning, Subject = Subject.Receiver, Loss = Loss.Ahead,
                Sentence = "The receiver does not accept; scrapes wait in the queue.", Fact = failure.Message,
                Cause = sending.Advice?.Cause, Remedy = sending.Advice?.Remedy ?? "look at the receiver's log",
                Since = sending.FailingSince,
                LostFrom = LostFrom(facts), NextTry = sending.NextTry > facts.Now ? sending.NextTry : null,
            });
        }
        else if (failure.IsNone && !facts.HasSent && !facts.IsStandingBy)
            found.Add(Starting(Subject.Receiver, "Nothing was sent yet."));
        if (!facts.IsAllRefused && facts.Now - sending.LastLost < TimeSpan.FromMinutes(10))
        {
            found.Add(new Finding
            {
                Condition = Condition.SomeRefused, Level = Level.Warning, Subject = Subject.Receiver, Loss = Loss.Some,
                Sentence = $"The receiver refuses a part of what it is sent: {facts.Refused:N0} samples are lost so far.",
                Fact = sending.Refusal.Message, Since = sending.LosingSince,
                Remedy = $"fix the series that the receiver names, or drop them by {Variables.WriteRelabelConfigs.Name}; where it is a limit, raise it",
            });
        }
    }

    /// <summary>When an outage of the receiver that goes on begins to cost data.</summary>
    private static DateTimeOffset? LostFrom(ProcessFacts facts)
    {
        DateTimeOffset? full = facts.OutageThatFits is { } fits ? facts.Now + fits : null;
        DateTimeOffset? tooOld = facts.AgeLimit > TimeSpan.Zero && facts.OldestWaiting is { } oldest ? oldest + facts.AgeLimit : null;
        return full is null || tooOld < full ? tooOld : full;
    }

    private static void Queue(ProcessFacts facts, List<Finding> found)
    {
        var failure = facts.Sending.LastFailure;
        if (facts.DroppingSince is { } since)
        {
            found.Add(new Finding
            {
                Condition = Condition.QueueDropping, Level = Level.Bad, Subject = Subject.Queue, Loss = Loss.Some,
                Sentence = failure.IsNone ? "The receiver is too slow, and the oldest scrapes are being dropped."
                    : "The receiver does not accept, and the oldest scrapes are being dropped.",
                Fact = failure.Message, Cause = facts.Sending.Advice?.Cause, Since = since, Remedy = facts.Sending.Advice?.Remedy
                    ?? $"raise {Variables.RemoteWriteConcurrency.Name} or {Variables.QueueSizeLimit.Name}, or send less ('sidecar top')",
            });
        }
        else if (failure.IsNone && facts.OldestWaiting is { } oldest && facts.Now - oldest > TimeSpan.FromMinutes(2))
        {
            found.Add(new Finding
            {
                Condition = Condition.Backlog, Level = Level.Warning, Subject = Subject.Queue, Loss = Loss.Ahead,
                Sentence = $"Scrapes of the last {Quantities.Text(Quantities.Rough(facts.Now - oldest))} are still to be sent.",
                Since = oldest, Remedy = "after an outage this passes; else the receiver is too slow: "
                    + $"raise {Variables.RemoteWriteConcurrency.Name}, or send less ('sidecar top')",
            });
        }
        if (facts.IsFolderHanging || facts.Queue.IsUnstored)
        {
            found.Add(new Finding
            {
                Condition = Condition.QueueDirectory, Level = Level.Warning, Subject = Subject.Queue, Loss = Loss.Ahead,
                Sentence = facts.IsFolderHanging
                    ? "The queue directory does not answer: scrapes wait in memory, and a crash would lose them. Look at the volume."
                    : "The queue directory cannot be written: scrapes wait in memory, and a crash would lose them. Look at the volume.",
                Remedy = "look at the volume's space, permissions and health, and at what it is mounted from",
            });
        }
        if (facts.Ahead > 0)
        {
            found.Add(new Finding
            {
                Condition = Condition.Clock, Level = Level.Warning, Subject = Subject.Queue,
                Sentence = $"{facts.Ahead} waiting scrapes are from the future: the clock was ahead when they were made, or is behind now.",
                Remedy = "set the clock, by NTP (chrony, systemd-timesyncd)",
            });
        }
    }

    private static void Process(ProcessFacts facts, List<Finding> found)
    {
        Expiry(facts, found, "the API server", facts.ApiServerExpiry);
        if (facts.TargetExpiry != facts.ApiServerExpiry)
            Expiry(facts, found, "the targets", facts.TargetExpiry);
        Expiry(facts, found, "the receiver", facts.ReceiverExpiry);
        if (facts.Self is { Failure: { IsNone: false } failure } self)
        {
            found.Add(new Finding
            {
                Condition = Condition.SelfScrapeFails, Level = Level.Warning, Subject = Subject.Process, Loss = Loss.Some,
                Sentence = "The own metrics cannot be scraped: alerts on the sidecar see nothing.", Fact = failure.Message,
                Since = self.FailingSince,
                Remedy = "report it with the lines of the log that name it; meanwhile scrape /metrics by somebody else",
            });
        }
        if (facts.Bug is { } bug)
        {
            found.Add(new Finding
            {
                Condition = Condition.Bug, Level = Level.Warning, Subject = Subject.Process, Sentence = $"There was {bug}.",
                Remedy = "report it with the lines of the log that name it",
            });
        }
    }

    private static void Expiry(ProcessFacts facts, List<Finding> found, string peer, PeerExpiry expiry)
    {
        // The kubelet renews an hour's token when a fifth of it is left; certificates are renewed weeks ahead.
        One("token", expiry.Token, TimeSpan.FromMinutes(5), "fix the renewal of the token: the kubelet renews projected ones");
        One("client certificate", expiry.Certificate, TimeSpan.FromDays(7), "renew it; the file is looked at again each second");
        One("CA", expiry.Ca, TimeSpan.FromDays(7), "let the CA file have the authority that follows it; it is looked at again each second");

        void One(string what, DateTimeOffset? expires, TimeSpan soon, string remedy)
        {
            if (expires is not { } at || at - facts.Now > soon)
                return;
            var when = at > facts.Now ? $"expires in {Quantities.Text(Quantities.Rough(at - facts.Now))}"
                : $"expired {Quantities.Text(Quantities.Rough(facts.Now - at))} ago";
            found.Add(new Finding
            {
                Condition = Condition.Expiry, Level = Level.Warning, Subject = Subject.Process, Loss = Loss.Ahead,
                Sentence = $"The {what} for {peer} {when}.", Remedy = remedy, LostFrom = at > facts.Now ? at : null,
            });
        }
    }
}
