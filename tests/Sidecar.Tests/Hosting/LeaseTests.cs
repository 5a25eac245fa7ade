using System.Globalization;
using System.Text.Json.Nodes;
using Cluster;
using Microsoft.AspNetCore.Http;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Hosting;

/// <summary>Several candidates for one Lease of a stand-in API server, with times a fifth of the real ones.</summary>
[Trait("Speed", "Slow")]
public sealed class LeaseTests : IAsyncLifetime
{
    private static readonly LeaseTimes Times =
        new(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(2), TimeSpan.FromMilliseconds(400));

    /// <summary>Where nobody may lose the lease: a machine that stands still for a while is no fault.</summary>
    private static readonly LeaseTimes Generous = Times with { Duration = TimeSpan.FromSeconds(12), Deadline = TimeSpan.FromSeconds(10) };

    private readonly List<Candidate> candidates = [];
    private StandInCluster cluster = null!;

    private ApiServer First => cluster.ApiServers[0];

    public async ValueTask InitializeAsync()
    {
        cluster = await StandInCluster.StartAsync(apiServers: 2);
        cluster.RotateToken([.. StandInCluster.ManifestRules(), .. RbacRule.Lease("sidecar", "sidecar")]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var candidate in candidates)
            await candidate.DisposeAsync();
        await cluster.DisposeAsync();
    }

    [Fact]
    public async Task The_first_makes_the_lease_and_leads_and_the_second_stands_by()
    {
        var a = Begin("a", First, times: Generous);
        await UntilAsync(() => a.Lease.IsHeld);
        var b = Begin("b", First, times: Generous);
        await UntilAsync(() => b.Lease.State.Holder == "a");
        await Task.Delay(Generous.Duration * 1.2, TestContext.Current.CancellationToken);
        Assert.True(a.Lease.IsHeld);
        Assert.False(b.Lease.IsHeld);
        await UntilAsync(() => b.Tidied > 0);
        Assert.Equal(0, a.Tidied); // its scrapes do it
        Assert.Equal([true], a.Changes);
        Assert.Empty(b.Changes);
        Assert.Equal(1, a.Metrics.Leading.Value);
        Assert.Equal(0, b.Metrics.Leading.Value);
        var spec = Spec();
        Assert.Equal(("a", 0), ((string)spec["holderIdentity"]!, (int)spec["leaseTransitions"]!));
        Assert.NotEqual((string)spec["acquireTime"]!, (string)spec["renewTime"]!);
    }

    [Fact]
    public async Task Who_ends_lets_go_and_another_takes_over_at_its_next_try()
    {
        var a = Begin("a", First);
        await UntilAsync(() => a.Lease.IsHeld);
        var b = Begin("b", First);
        await UntilAsync(() => b.Lease.State.Holder == "a");
        await a.EndAsync();
        Assert.False(a.Lease.IsHeld);
        await UntilAsync(() => b.Lease.IsHeld);
        Assert.Equal(1, (int)Spec()["leaseTransitions"]!);
    }

    [Fact]
    public async Task Who_is_killed_is_followed_when_its_lease_is_over_and_not_before()
    {
        var a = Begin("a", First);
        await UntilAsync(() => a.Lease.IsHeld);
        var b = Begin("b", First);
        await UntilAsync(() => b.Lease.State.Holder == "a");
        var renewed = Spec();
        await a.KillAsync();
        await UntilAsync(() =>
        {
            if (Spec() is var now && (string)now["holderIdentity"]! == "a")
                renewed = now;
            return b.Lease.IsHeld;
        });
        var unchanged = DateTimeOffset.UtcNow - DateTimeOffset.Parse((string)renewed["renewTime"]!, CultureInfo.InvariantCulture);
        Assert.True(unchanged > Times.Duration - TimeSpan.FromMilliseconds(100), $"{unchanged}"); // b measures by another clock
    }

    [Fact]
    public async Task Who_cannot_renew_stops_before_another_begins()
    {
        var a = Begin("a", First);
        await UntilAsync(() => a.Lease.IsHeld);
        var b = Begin("b", cluster.ApiServers[1]);
        await UntilAsync(() => b.Lease.State.Holder == "a");
        await First.StopAsync();
        await UntilAsync(() =>
        {
            var begun = b.Lease.IsHeld; // looked at first: a cannot have it again
            Assert.False(begun && a.Lease.IsHeld);
            return begun;
        });
        await UntilAsync(() => a.Changes is [true, false]);
        Assert.False(a.Lease.State.Failure.IsNone);

        await First.StartAsync();
        await UntilAsync(() => a.Lease.State is { Leads: false, Holder: "b", Failure.IsNone: true });
        Assert.True(b.Lease.IsHeld);
    }

    [Fact]
    public async Task An_API_server_that_is_away_for_less_than_the_deadline_changes_nothing()
    {
        var a = Begin("a", First, times: Generous);
        await UntilAsync(() => a.Lease.IsHeld);
        First.FailNext(2, ApiServer.Answers(503, "ServiceUnavailable", "etcd is away"));
        for (var i = 0; i < 20; i++)
        {
            Assert.True(a.Lease.State.Leads);
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
        Assert.Equal([true], a.Changes);
    }

    /// <summary>A request that hangs is given up in time to try again, and the lease is lost in time where all hang.</summary>
    [Fact]
    public async Task Requests_that_hang_do_not_hold_up_the_end_of_a_lease()
    {
        var a = Begin("a", First);
        await UntilAsync(() => a.Lease.IsHeld);
        First.FailNext(100, ApiServer.Hangs());
        await UntilAsync(() => a.Changes is [true, false]);
    }

    [Fact]
    public async Task Of_many_that_try_at_once_one_leads()
    {
        var all = Enumerable.Range(0, 5).Select(i => Begin($"c{i}", cluster.ApiServers[i % 2])).ToList();
        await UntilAsync(() => all.Exists(c => c.Lease.IsHeld));
        for (var i = 0; i < 40; i++)
        {
            OneLeads();
            await Task.Delay(25, TestContext.Current.CancellationToken);
        }
        Candidate? killed = null;
        await UntilAsync(() => (killed = all.Find(c => c.Lease.State.Leads)) is not null);
        await killed!.KillAsync();
        await UntilAsync(() =>
        {
            OneLeads();
            return all.Exists(c => c != killed && c.Lease.IsHeld);
        });

        // Looked at one after another they may have taken turns: twice.
        void OneLeads() => Assert.True(all.FindAll(c => c.Lease.IsHeld).Count(c => c.Lease.IsHeld) <= 1);
    }

    /// <summary>Clocks of nodes differ: what another writes of its time is not believed.</summary>
    [Theory]
    [InlineData(-3600)]
    [InlineData(3600)]
    public async Task Times_of_another_node_do_not_matter(int seconds)
    {
        var written = DateTime.UtcNow.AddSeconds(seconds).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", null);
        cluster.Store.Set("leases", "sidecar", "sidecar", new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["namespace"] = "sidecar", ["name"] = "sidecar", ["labels"] = new JsonObject { ["kept"] = "yes" },
            },
            ["spec"] = new JsonObject
            {
                ["holderIdentity"] = "gone", ["leaseDurationSeconds"] = 1, ["acquireTime"] = written, ["renewTime"] = written,
                ["leaseTransitions"] = 7,
            },
        });
        var began = DateTime.UtcNow;
        var a = Begin("a", First);
        await UntilAsync(() => a.Lease.IsHeld);
        Assert.True(DateTime.UtcNow - began > TimeSpan.FromSeconds(0.9));
        Assert.Equal(8, (int)Spec()["leaseTransitions"]!);
        Assert.Equal("yes", (string)cluster.Store.Get("leases", "sidecar", "sidecar")!["metadata"]!["labels"]!["kept"]!);
    }

    [Fact]
    public async Task Without_the_right_nobody_leads_and_the_log_says_what_to_do()
    {
        cluster.RotateToken(StandInCluster.ManifestRules());
        var a = Begin("a", First);
        await UntilAsync(() => a.Lease.State.Failure.Reason == FailureReason.Forbidden); // a slow machine may have a timeout first
        await UntilAsync(() => a.Log.ToString().Contains("The lease cannot be had"));
        Assert.False(a.Lease.IsHeld);
        Assert.Equal(Advice.AsksCheck, Advice.For(CheckPeer.ApiServer, a.Lease.State.Failure).Remedy);
    }

    /// <summary>A process that stood still does not scrape with what it held before.</summary>
    [Fact]
    public async Task A_lease_is_not_held_after_a_pause()
    {
        var time = new PausableTime();
        var a = Begin("a", First, time);
        await UntilAsync(() => a.Lease.IsHeld);
        await First.StopAsync(); // so that it is not renewed before it is looked at
        time.Skip(Times.Deadline * 2);
        Assert.False(a.Lease.IsHeld);
        await First.StartAsync();
        await UntilAsync(() => a.Lease.IsHeld);
    }

    [Theory]
    [InlineData("sidecar", "monitoring/sidecar")]
    [InlineData("other/lease", "other/lease")]
    public void The_namespace_is_the_pod_s_unless_it_is_named(string value, string expected)
    {
        File.WriteAllText(Path.Combine(cluster.Folder, "namespace"), "monitoring\n");
        Assert.Equal(expected, Given.Good(Given.Pod(
            ("SIDECAR_KUBERNETES_LEASE", value), ("SIDECAR_KUBERNETES_TOKEN_FILE", cluster.TokenFile))).Lease!.FullName);
    }

    [Theory]
    [InlineData("a/b/c", "neither NAME nor NAMESPACE/NAME")]
    [InlineData("A", "not the name of a Kubernetes object")]
    [InlineData("a", "its namespace is the pod's, and no service account is mounted")]
    public void What_is_no_lease_is_an_error(string value, string words)
    {
        var error = Given.OneError(Given.Pod(("SIDECAR_KUBERNETES_LEASE", value), ("SIDECAR_KUBERNETES_TOKEN_FILE", "/nowhere/token")));
        Assert.Equal("SIDECAR_KUBERNETES_LEASE", error.Name);
        Assert.Contains(words, error.ToString());
    }

    [Fact]
    public void A_lease_beside_static_targets_is_no_unused_variable() => Assert.Empty(OptionsReader.Read(Given.Pod(
        ("SIDECAR_TARGETS", "10.0.0.1:1"), ("SIDECAR_KUBERNETES_LEASE", "a/b"),
        ("SIDECAR_KUBERNETES_API_SERVER", "https://10.0.0.1:6443"))).Warnings);

    private JsonNode Spec() => cluster.Store.Get("leases", "sidecar", "sidecar")!["spec"]!;

    private Candidate Begin(string identity, ApiServer server, TimeProvider? time = null, LeaseTimes? times = null)
    {
        var candidate = new Candidate(identity, new LeaseOptions("sidecar", "sidecar", server.Address, new HttpOptions
        {
            CredentialsFile = cluster.TokenFile, Tls = new TlsOptions { CaFile = cluster.CaFile },
        }) { Times = times ?? Times }, time ?? TimeProvider.System);
        candidates.Add(candidate);
        return candidate;
    }

    /// <summary>Generously: the machine may be slow. What must not be too early is measured, and what must not be at all.</summary>
    private static async Task UntilAsync(Func<bool> isTrue)
    {
        var until = DateTime.UtcNow.AddMinutes(1);
        while (!isTrue())
        {
            Assert.True(DateTime.UtcNow < until, "not in time");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private sealed class Candidate : IAsyncDisposable
    {
        private readonly CancellationTokenSource stop = new();
        private readonly PeerClient client;
        private readonly Task running;
        private readonly List<bool> changes = [];
        private int tidied;

        public Candidate(string identity, LeaseOptions options, TimeProvider time)
        {
            var log = new Log(Log, LogLevel.Debug, LogFormat.Logfmt, time);
            Metrics = new Metrics(new Uri("http://receiver/"), "j", TimeSpan.FromSeconds(15), time);
            client = new PeerClient(options.Http, maxConnectionsPerServer: 2, time);
            Lease = new Lease(options, identity, client, Metrics, log, new InternalErrors(Metrics, log, time), time)
            {
                Tidy = () => Interlocked.Increment(ref tidied),
            };
            running = Task.Run(() => Lease.RunAsync(changed =>
            {
                lock (changes)
                    changes.Add(changed);
            }, stop.Token));
        }

        public Lease Lease { get; }

        public Metrics Metrics { get; }

        public LogText Log { get; } = new();

        public int Tidied => Volatile.Read(ref tidied);

        public bool[] Changes
        {
            get
            {
                lock (changes)
                    return [.. changes];
            }
        }

        /// <summary>As at a signal.</summary>
        public async Task EndAsync()
        {
            await stop.CancelAsync();
            await Lease.ReleaseAsync(CancellationToken.None);
        }

        public async Task KillAsync()
        {
            await stop.CancelAsync();
            await running;
        }

        public async ValueTask DisposeAsync()
        {
            await KillAsync();
            client.Dispose();
            stop.Dispose();
        }
    }

    /// <summary>The real clock, which can be set ahead.</summary>
    private sealed class PausableTime : TimeProvider
    {
        private long skipped;

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref skipped);

        public void Skip(TimeSpan time) => Interlocked.Add(ref skipped, (long)(time.TotalSeconds * TimestampFrequency));
    }
}
