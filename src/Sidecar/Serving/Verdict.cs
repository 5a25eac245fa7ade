namespace Sidecar.Serving;

/// <summary>How grave a state is.</summary>
internal enum Level
{
    Good,
    /// <summary>Not yet, or not quite, or it will pass.</summary>
    Warning,
    Bad,
}

/// <summary>The state of things in a sentence or two.</summary>
internal readonly record struct Verdict(Level Level, string Sentence)
{
    public static Verdict Of(Overview overview)
    {
        var (targets, receiver) = (OfTargets(overview), OfReceiver(overview));
        var (level, sentence) = (targets.Level, receiver.Level) switch
        {
            (Level.Good, not Level.Good) => receiver,
            (not Level.Good, Level.Good) => targets,
            _ => new Verdict(targets.Level > receiver.Level ? targets.Level : receiver.Level, $"{targets.Sentence} {receiver.Sentence}"),
        };
        if (overview.WhyUnhealthy is { } why)
            return new Verdict(Level.Bad, $"{why} {sentence}");
        return overview.Troubles.Count == 0 ? new Verdict(level, sentence)
            : new Verdict(level > Level.Warning ? level : Level.Warning, $"{sentence} {string.Join(' ', overview.Troubles)}");
    }

    public static Verdict OfTargets(Overview overview)
    {
        if (!overview.AreTargetsKnown)
        {
            return overview.DiscoveryError is null
                ? new Verdict(Level.Warning, "No targets are known yet: the API server has not answered.")
                : new Verdict(Level.Bad, "No targets are known: discovery fails.");
        }
        var all = overview.Targets.Count;
        if (all == 0)
            return new Verdict(Level.Warning, "Discovery finds no targets.");
        var (up, down) = Count(overview.Targets);
        if (down > 0)
        {
            return new Verdict(Level.Bad, all == 1 ? "The target fails."
                : down == all ? $"All {all:N0} targets fail." : $"{down:N0} of {all:N0} targets {(down == 1 ? "fails" : "fail")}.");
        }
        if (up == 0)
            return new Verdict(Level.Warning, "The first scrape is under way.");
        if (overview.DiscoveryError is not null)
            return new Verdict(Level.Warning, "Discovery fails; the last known targets stay.");
        return new Verdict(Level.Good, all == 1 ? "The target is up."
            : up == all ? $"All {all:N0} targets are up." : $"{up:N0} of {all:N0} targets are up, none fails.");
    }

    public static Verdict OfReceiver(Overview overview)
    {
        if (overview.ReceiverError is not null)
        {
            return overview.IsDropping
                ? new Verdict(Level.Bad, "The receiver does not accept, and the oldest scrapes are being dropped.")
                : new Verdict(Level.Warning, "The receiver does not accept; what is scraped waits in the queue.");
        }
        return overview.Metrics.QueueHighestSentTimestampSeconds.Value > 0
            ? new Verdict(Level.Good, "The receiver accepts.")
            : new Verdict(Level.Warning, "Nothing was sent yet.");
    }

    public static (int Up, int Down) Count(IReadOnlyList<TargetStatus> targets)
    {
        var (up, down) = (0, 0);
        foreach (var target in targets)
        {
            up += target.Health == TargetHealth.Up ? 1 : 0;
            down += target.Health == TargetHealth.Down ? 1 : 0;
        }
        return (up, down);
    }
}
