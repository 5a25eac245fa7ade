using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>Finds the conditions that hold, part by part.</summary>
internal sealed class Findings(ProcessFacts facts)
{
    private readonly List<Finding> found = [];
    private readonly Failure failure = facts.Sending.LastFailure;

    public List<Finding> All()
    {
        if (facts.WhyHanging is { } why)
            Add(Condition.Hanging, Level.Bad, Subject.Process, isLosing: true, why,
                new(null, "restart the process (a liveness probe on /-/healthy does), and report it with the log"));
        Lease();
        Targets();
        Receiver();
        Queue();
        Expiry("the API server", facts.ApiServerExpiry);
        if (facts.TargetExpiry != facts.ApiServerExpiry)
            Expiry("the targets", facts.TargetExpiry);
        Expiry("the receiver", facts.ReceiverExpiry);
        if (facts.Self is { Failure.IsNone: false } self)
            Add(Condition.SelfScrapeFails, Level.Warning, Subject.Process, isLosing: true,
                "The own metrics cannot be scraped: alerts on the sidecar see nothing.",
                new(null, "report it with the lines of the log that name it; meanwhile scrape /metrics by somebody else"),
                self.Failure.Message, self.FailingSince);
        if (facts.Bug is { } bug)
            Add(Condition.Bug, Level.Warning, Subject.Process, isLosing: false, $"There was {bug}.",
                new(null, "report it with the lines of the log that name it"));
        return found;
    }

    private void Lease()
    {
        if (facts.Lease is not { } lease)
            return;
        if (!lease.Failure.IsNone)
            Add(Condition.LeaseFails, lease.Leads ? Level.Warning : Level.Bad, Subject.Process, !lease.Leads,
                lease.Leads ? "The lease cannot be renewed; scraping stops before it is over."
                    : "The lease cannot be had, and without it this process does not scrape.",
                Advice.For(CheckPeer.ApiServer, lease.Failure), lease.Failure.Message);
        else if (!lease.Leads)
            Add(Condition.StandsBy, Level.Good, Subject.Process, isLosing: false,
                lease.Holder is { } holder ? $"This process stands by: {holder} holds the lease and scrapes."
                    : "This process stands by: the lease was not read yet.",
                new(null, "none is needed: this process takes over when the lease is released or expires"));
    }

    private void Targets()
    {
        var (targets, discovery) = (facts.Targets, facts.DiscoveryFailure);
        var advice = discovery.IsNone ? null : Advice.For(CheckPeer.ApiServer, discovery);
        if (!facts.AreTargetsKnown)
        {
            Add(Condition.NoTargetsKnown, discovery.IsNone ? Level.Warning : Level.Bad, Subject.Targets, isLosing: true,
                discovery.IsNone ? "No targets are known yet: the API server has not answered." : "No targets are known: discovery fails.",
                advice ?? new(null, "wait a moment; then 'sidecar check' tells more"), discovery.Message);
            return;
        }
        if (facts.IsStandingBy)
        {
            // Who holds the lease scrapes them.
        }
        else if (targets.All == 0)
            Add(Condition.NoTargets, facts.HighestTargets > 0 ? Level.Bad : Level.Warning, Subject.Targets, isLosing: true,
                "Discovery finds no targets.", new(null,
                    "'sidecar check' tells whether the Service has endpoints, its ports have other names, or relabeling drops all"));
        else if (targets.Down > 0 && targets.Down == targets.All)
            Add(Condition.AllTargetsFail, Level.Bad, Subject.Targets, isLosing: true,
                targets.All == 1 ? "The target fails." : $"All {targets.All:N0} targets fail.", targets.Advice ?? AskCheck,
                targets.Failure.Message, targets.FailingSince);
        else if (targets.Down > 0)
            Add(Condition.TargetsFail, Level.Warning, Subject.Targets, isLosing: true,
                $"{targets.Down:N0} of {targets.All:N0} targets {(targets.Down == 1 ? "fails" : "fail")}.", targets.Advice ?? AskCheck,
                targets.Failure.Message, targets.FailingSince);
        else if (targets.Up == 0)
            Starting(Subject.Targets, "The first scrape is under way.");
        if (facts.HighestTargets > targets.All && !facts.IsStandingBy)
            Gone(facts.HighestTargets - targets.All);
        if (advice is not null)
            Add(Condition.DiscoveryFails, Level.Warning, Subject.Targets, isLosing: false, "Discovery fails; the last known targets stay.",
                advice, discovery.Message, facts.DiscoveryAnswered);
    }

    private static AdviceText AskCheck => new(null, "'sidecar check' tells more");

    private void Gone(int gone)
    {
        DateTimeOffset? when = null;
        foreach (var change in facts.Changes)
        {
            if (change.Gone > 0 && when is null)
                when = change.At; // they are newest first
        }
        Add(Condition.TargetsGone, Level.Warning, Subject.Targets, isLosing: false,
            $"{gone:N0} target{(gone == 1 ? "" : "s")} gone{(when is { } at ? $" {Quantities.Text(facts.Now - at)} ago" : "")}.",
            new("Kubernetes took it out of the Service: its health checks fail, or its pod was removed",
                "look at the API server or the pod; where it was removed on purpose, this passes within the hour"), since: when);
    }

    private void Starting(Subject subject, string sentence) => Add(Condition.Starting, Level.Warning, subject, isLosing: false, sentence,
        new(null, "wait for the first scrapes, which take an interval at most"));

    private void Receiver()
    {
        var sending = facts.Sending;
        var advice = sending.Advice ?? new(null, "look at the receiver's log");
        if (facts.IsAllRefused)
            Add(Condition.AllRefused, Level.Bad, Subject.Receiver, isLosing: true,
                "The receiver refuses all that it is sent, and all of it is lost.", advice, failure.Message, sending.FailingSince);
        else if (!failure.IsNone && facts.DroppingSince is null)
            Add(Condition.ReceiverFails, Level.Warning, Subject.Receiver, isLosing: false,
                "The receiver does not accept; scrapes wait in the queue.", advice, failure.Message, sending.FailingSince, LostFrom(),
                sending.NextTry > facts.Now ? sending.NextTry : null);
        else if (failure.IsNone && !facts.HasSent && !facts.IsStandingBy)
            Starting(Subject.Receiver, "Nothing was sent yet.");
        if (!facts.IsAllRefused && facts.Now - sending.LastLost < TimeSpan.FromMinutes(10))
            Add(Condition.SomeRefused, Level.Warning, Subject.Receiver, isLosing: true,
                $"The receiver refuses a part of what it is sent: {facts.Refused:N0} samples are lost so far.", new(null,
                    $"fix the series that the receiver names, or drop them by {Variables.WriteRelabelConfigs.Name}; where it is a limit, raise it"),
                sending.Refusal.Message, sending.LosingSince);
    }

    /// <summary>When an outage of the receiver that goes on begins to cost data.</summary>
    private DateTimeOffset? LostFrom()
    {
        DateTimeOffset? full = facts.OutageThatFits is { } fits ? facts.Now + fits : null;
        DateTimeOffset? tooOld = facts.AgeLimit > TimeSpan.Zero && facts.OldestWaiting is { } oldest ? oldest + facts.AgeLimit : null;
        return full is null || tooOld < full ? tooOld : full;
    }

    private void Queue()
    {
        const string SendLess = "or send less ('sidecar top')";
        if (facts.DroppingSince is { } since)
            Add(Condition.QueueDropping, Level.Bad, Subject.Queue, isLosing: true,
                failure.IsNone ? "The receiver is too slow, and the oldest scrapes are being dropped."
                    : "The receiver does not accept, and the oldest scrapes are being dropped.",
                facts.Sending.Advice ?? new(null,
                    $"raise {Variables.RemoteWriteConcurrency.Name} or {Variables.QueueSizeLimit.Name}, give the process more processor time, {SendLess}"),
                failure.Message, since);
        else if (failure.IsNone && facts.OldestWaiting is { } oldest && facts.Now - oldest > TimeSpan.FromMinutes(2))
            Add(Condition.Backlog, Level.Warning, Subject.Queue, isLosing: false,
                $"Scrapes of the last {Quantities.Text(facts.Now - oldest)} are still to be sent.", new(null,
                    "after an outage this passes; else the receiver is too slow: "
                        + $"raise {Variables.RemoteWriteConcurrency.Name}, {SendLess}"), since: oldest);
        if (facts.IsFolderHanging || facts.Queue.IsUnstored)
            Add(Condition.QueueDirectory, Level.Warning, Subject.Queue, isLosing: false,
                $"The queue directory {(facts.IsFolderHanging ? "does not answer" : "cannot be written")}: "
                    + "scrapes wait in memory, and a crash would lose them. Look at the volume.",
                new(null, "look at the volume's space, permissions and health, and at what it is mounted from"));
        if (facts.Ahead > 0)
            Add(Condition.Clock, Level.Warning, Subject.Queue, isLosing: false,
                $"{facts.Ahead} waiting scrapes are from the future: the clock was ahead when they were made, or is behind now.",
                new(null, "set the clock, by NTP (chrony, systemd-timesyncd)"));
    }

    private void Expiry(string peer, PeerExpiry expiry)
    {
        // The kubelet renews an hour's token when a fifth of it is left; certificates are renewed weeks ahead.
        One("token", expiry.Token, TimeSpan.FromMinutes(5), "fix the renewal of the token: the kubelet renews projected ones");
        One("client certificate", expiry.Certificate, TimeSpan.FromDays(7), "renew it; the file is looked at again each second");
        One("CA", expiry.Ca, TimeSpan.FromDays(7), "let the CA file have the authority that follows it; it is looked at again each second");

        void One(string what, DateTimeOffset? expires, TimeSpan soon, string remedy)
        {
            if (expires is not { } at || at - facts.Now > soon)
                return;
            var when = at > facts.Now ? $"expires in {Quantities.Text(at - facts.Now)}" : $"expired {Quantities.Text(facts.Now - at)} ago";
            Add(Condition.Expiry, Level.Warning, Subject.Process, isLosing: false, $"The {what} for {peer} {when}.", new(null, remedy),
                lostFrom: at > facts.Now ? at : null);
        }
    }

    private void Add(
        Condition condition, Level level, Subject subject, bool isLosing, string sentence, AdviceText advice, string? fact = null,
        DateTimeOffset? since = null, DateTimeOffset? lostFrom = null, DateTimeOffset? nextTry = null) => found.Add(new Finding
        {
            Condition = condition, Level = level, Subject = subject, IsLosing = isLosing, Sentence = sentence, Fact = fact,
            Cause = advice.Cause, Remedy = advice.Remedy, Since = since, LostFrom = lostFrom, NextTry = nextTry,
        });
}
