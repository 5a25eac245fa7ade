using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Queueing;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Sending;
using Sidecar.Serving;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>The one judgement: which conditions hold, how grave they are, and what page, readiness and metrics make of them.</summary>
public sealed class JudgementTests
{
    private static readonly DateTimeOffset Now = SomeOverview.Now;

    private readonly Metrics metrics = SomeOverview.Metrics();

    /// <summary>All is well but for what is named; several at once are joined by a plus.</summary>
    private Judgement Of(string states, int targets = 3)
    {
        var facts = Well(targets);
        foreach (var state in states.Split('+', StringSplitOptions.RemoveEmptyEntries))
            facts = With(facts, state);
        return Judgement.Of(facts);
    }

    private ProcessFacts Well(int targets) =>
        SomeOverview.Facts([.. Enumerable.Range(0, targets).Select(i => SomeOverview.Target($"host-{i}"))], metrics) with
        {
            HasSent = true,
        };

    private static ProcessFacts With(ProcessFacts facts, string state)
    {
        var sending = facts.Sending;
        return state switch
        {
            "hanging" => facts with { WhyHanging = "Discovery has not moved for 4m0s." },
            "unknown" => facts with { AreTargetsKnown = false, Targets = default, HighestTargets = 0 },
            "denied" => facts with { DiscoveryFailure = new(FailureReason.Forbidden, "403: no list") },
            "none" => facts with { Targets = default, HighestTargets = 0 },
            "one-down" => facts with { Targets = Down(facts.Targets, 1) },
            "all-down" => facts with { Targets = Down(facts.Targets, facts.Targets.All) },
            "one-gone" => facts with
            {
                HighestTargets = facts.Targets.All + 1,
                Changes = [new TargetChange(Now - TimeSpan.FromSeconds(70), facts.Targets.All, 0, 1, "-10.0.0.2:6443")],
            },
            "all-gone" => facts with { HighestTargets = facts.Targets.All, Targets = default },
            "waits" => facts with { Sending = SomeOverview.Failing("503: busy", 503), OldestWaiting = Now - TimeSpan.FromMinutes(3) },
            "refuses-all" => facts with { Sending = SomeOverview.Failing("400: bad tenant", 400), IsAllRefused = true, Refused = 299_286 },
            "refuses-some" => facts with
            {
                Sending = sending with
                {
                    LastLost = Now - TimeSpan.FromMinutes(9), LosingSince = Now - TimeSpan.FromHours(1),
                    Refusal = new(FailureReason.HttpStatus, "no"),
                },
                Refused = 12,
            },
            "refused-long-ago" => facts with { Sending = sending with { LastLost = Now - TimeSpan.FromMinutes(11) }, Refused = 12 },
            "drops" => facts with { DroppingSince = Now - TimeSpan.FromMinutes(1) },
            "backlog" => facts with { OldestWaiting = Now - TimeSpan.FromMinutes(5) },
            "disk-hangs" => facts with { IsFolderHanging = true },
            "disk-full" => facts with { Queue = facts.Queue with { IsUnstored = true } },
            "future" => facts with { Ahead = 2 },
            "token" => facts with { TargetExpiry = new PeerExpiry(Now + TimeSpan.FromMinutes(4), null, null) },
            "certificate" => facts with { ReceiverExpiry = new PeerExpiry(null, Now - TimeSpan.FromDays(1), null) },
            "self-up" => facts with { Self = new LastScrape().Next(Now, default, new ScrapeOutcome(), 1, 1) },
            "self-down" => facts with
            {
                Self = new LastScrape().Next(Now.AddMinutes(-2), default,
                    new ScrapeOutcome { Failure = new(FailureReason.Parse, "a rule makes a label without a name") }, 0, 0),
            },
            "bug" => facts with { Bug = "a bug in the sidecar" },
            "unsent" => facts with { HasSent = false },
            _ => throw new ArgumentOutOfRangeException(nameof(state)),
        };
    }

    private static TargetCounts Down(TargetCounts targets, int down) => targets with
    {
        Up = targets.All - down, Down = down, FailingSince = Now - TimeSpan.FromMinutes(2),
        Failure = new(FailureReason.ConnectionRefused, "host-0:6443 refuses connections"), Advice = new("it is not running", "start it"),
    };

    [Theory]
    [InlineData("", "", "Good", true)]
    [InlineData("hanging", "hanging", "Bad", false)]
    [InlineData("unknown", "no_targets_known", "Warning", false)]
    [InlineData("unknown+denied", "no_targets_known", "Bad", false)]
    [InlineData("denied", "discovery_fails", "Warning", true)]
    [InlineData("none", "no_targets", "Warning", true)]
    [InlineData("all-gone", "no_targets targets_gone", "Bad", false)]
    [InlineData("one-down", "targets_fail", "Warning", true)]
    [InlineData("all-down", "all_targets_fail", "Bad", false)]
    [InlineData("one-gone", "targets_gone", "Warning", true)]
    [InlineData("waits", "receiver_fails", "Warning", true)]
    [InlineData("refuses-all", "all_refused", "Bad", false)]
    [InlineData("refuses-some", "some_refused", "Warning", true)]
    [InlineData("refused-long-ago", "", "Good", true)]
    [InlineData("waits+drops", "queue_dropping", "Bad", false)]
    [InlineData("drops", "queue_dropping", "Bad", false)]
    [InlineData("backlog", "backlog", "Warning", true)]
    [InlineData("disk-hangs", "queue_directory", "Warning", true)]
    [InlineData("disk-full", "queue_directory", "Warning", true)]
    [InlineData("future", "clock", "Warning", true)]
    [InlineData("token", "expiry", "Warning", true)]
    [InlineData("certificate", "expiry", "Warning", true)]
    [InlineData("bug", "bug", "Warning", true)]
    [InlineData("unsent", "starting", "Warning", true)]
    [InlineData("self-up", "", "Good", true)]
    [InlineData("self-down", "self_scrape_fails", "Warning", true)]
    // Two at once: the graver one first, whatever order they were found in.
    [InlineData("one-down+refuses-all", "all_refused targets_fail", "Bad", false)]
    [InlineData("all-down+waits", "all_targets_fail receiver_fails", "Bad", false)]
    [InlineData("refuses-all+drops+one-gone", "all_refused queue_dropping targets_gone", "Bad", false)]
    [InlineData("self-down+all-down", "all_targets_fail self_scrape_fails", "Bad", false)]
    [InlineData("one-down+one-gone", "targets_fail targets_gone", "Warning", true)]
    [InlineData("bug+refuses-all+hanging", "hanging all_refused bug", "Bad", false)]
    public void Each_state_is_judged_by_what_it_loses(string states, string conditions, string level, bool isReady)
    {
        var judgement = Of(states);
        Assert.Equal(conditions, string.Join(' ', judgement.Findings.Select(f => Word.Of(f.Condition))));
        Assert.Equal(level, judgement.Level.ToString());
        Assert.Equal(isReady, judgement.WhyNotReady is null);
        Assert.Equal(states.Contains("hanging", StringComparison.Ordinal), judgement.Facts.WhyHanging is not null);
        Assert.All(judgement.Findings, f =>
        {
            Assert.NotEmpty(f.Remedy);
            Assert.EndsWith(".", f.Sentence);
            Assert.Contains(f.Sentence, judgement.Sentence);
            Assert.NotEqual(Level.Good, judgement.LevelOf(f.Subject));
        });

        JudgementMetrics.Set(metrics, judgement, WriteVersion.Two);
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        metrics.Write(output);
        var text = System.Text.Encoding.UTF8.GetString(output.WrittenSpan);
        Assert.All(Enum.GetValues<Condition>(), c => Assert.Contains(
            $"sidecar_condition{{condition=\"{Word.Of(c)}\"}} {(judgement.Has(c) ? 1 : 0)}\n", text));
    }

    /// <summary>Without the lease nothing is scraped, and that is well where another one holds it.</summary>
    [Theory]
    [InlineData(false, "pod-b", false, "stands_by", "Good", true, "This process stands by: pod-b holds the lease and scrapes.")]
    [InlineData(false, null, false, "stands_by", "Good", true, "This process stands by: the lease was not read yet.")]
    [InlineData(false, "pod-b", true, "lease_fails", "Bad", false, "The lease cannot be had, and without it this process does not scrape.")]
    [InlineData(true, "pod-a", true, "lease_fails", "Warning", true, "The lease cannot be renewed; scraping stops before it is over.")]
    [InlineData(true, "pod-a", false, "", "Good", true, "All 3 targets are up. The receiver accepts.")]
    public void A_lease_is_judged_by_who_holds_it(
        bool leads, string? holder, bool fails, string conditions, string level, bool isReady, string sentence)
    {
        var failure = fails ? new Failure(FailureReason.Forbidden, "no") : default;
        var facts = Of("").Facts with { Lease = new LeaseState(leads, holder, failure, 0, default) };
        if (!leads)
            facts = facts with { Targets = default, HasSent = false };
        var judgement = Judgement.Of(facts);
        Assert.Equal((conditions, level, isReady), (string.Join(' ', judgement.Findings.Select(f => Word.Of(f.Condition))),
            judgement.Level.ToString(), judgement.WhyNotReady is null));
        Assert.Equal(sentence, judgement.Sentence);
    }

    [Fact]
    public void The_documentation_has_every_condition_by_its_word()
    {
        var page = File.ReadAllLines(Path.Combine(Cluster.SidecarBinary.RepositoryRoot, "src", "docs", "metrics-and-alerts.md"));
        Assert.All(Enum.GetValues<Condition>(), c => Assert.Single(page, l => l.StartsWith($"| `{Word.Of(c)}` |")));
    }

    [Fact]
    public void One_of_a_hundred_targets_is_amber_and_the_only_one_is_red()
    {
        Assert.Equal(Level.Warning, Of("one-down", targets: 100).Level);
        Assert.Equal("1 of 100 targets fails.", Of("one-down", targets: 100).Sentence);
        Assert.Equal(Level.Bad, Of("one-down", targets: 1).Level);
    }

    [Fact]
    public void Readiness_says_why_not_what_to_do_and_what_else_is_wrong()
    {
        var judgement = Of("refuses-all+one-gone");
        Assert.Equal("The receiver refuses all that it is sent, and all of it is lost: 400: bad tenant", judgement.WhyNotReady);
        Assert.Equal(["remedy: look at the receiver's log", "1 target gone 1 min ago."], judgement.Troubles);
        Assert.Equal(["There was a bug in the sidecar."], Of("bug").Troubles);
        Assert.Null(Of("bug").WhyNotReady);
    }

    /// <summary>3 targets of 120,000 bytes every 15 s.</summary>
    [Theory]
    [InlineData(8 << 20, 0, 349.5)]
    [InlineData(8 << 20, 8_316_608, 3)]
    [InlineData(8 << 20, 8 << 20, 0)]
    [InlineData(1 << 30, 0, 44739.2)]
    public void It_says_how_long_an_outage_fits(long limit, long bytes, double seconds)
    {
        var facts = With(Well(3), "waits") with { Queue = new QueueRoom(bytes, limit) };
        Assert.Equal(seconds, facts.OutageThatFits!.Value.TotalSeconds, 0.1);
        var finding = Judgement.Of(facts).Find(Condition.ReceiverFails)!;
        Assert.Equal(Now.AddSeconds(seconds), finding.LostFrom!.Value, TimeSpan.FromSeconds(0.1));
        Assert.Equal(Now - TimeSpan.FromMinutes(3), finding.Since);
        Assert.Equal(Now + TimeSpan.FromSeconds(4), finding.NextTry);
        // An age limit may come first: the oldest waits for three minutes.
        var aged = Judgement.Of(facts with { AgeLimit = TimeSpan.FromSeconds(200) }).Find(Condition.ReceiverFails)!;
        Assert.Equal(Now.AddSeconds(Math.Min(seconds, 20)), aged.LostFrom!.Value, TimeSpan.FromSeconds(0.1));
    }

    [Fact]
    public void Before_the_first_scrape_nobody_knows_how_long_an_outage_fits()
    {
        var facts = With(Well(0), "waits");
        Assert.Null(facts.OutageThatFits);
        Assert.Null(Judgement.Of(facts).Find(Condition.ReceiverFails)!.LostFrom);
    }
}
