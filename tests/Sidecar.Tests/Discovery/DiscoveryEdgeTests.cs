using System.Collections.Immutable;
using Cluster;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Http;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Discovery;

/// <summary>Exceptions that nobody expects in discovery: it goes on, except where what it finds is not taken.</summary>
public sealed class DiscoveryEdgeTests
{
    private const string ReadsServices = """[{"source_labels":["__meta_kubernetes_service_label_team"],"target_label":"team"}]""";

    [Theory]
    [InlineData("ClusterLists+<AskAsync>", ProcessLoop.Discovery)]
    [InlineData("ObjectClient+<GetPageAsync>", ProcessLoop.Discovery)]
    [InlineData("KubernetesDiscovery+<WatchEndpointsAsync>", ProcessLoop.Watch)]
    [InlineData("ServicesWatch+<WatchAsync>", ProcessLoop.Watch)]
    internal async Task A_step_that_throws_is_reported_and_changes_are_seen_again(string step, ProcessLoop loop)
    {
        await using var cluster = await StandInCluster.StartAsync();
        cluster.RotateToken(RbacRule.Slices(null, "list", "watch"), RbacRule.Services(null, "list", "watch"));
        var time = new FaultyTime();
        var options = DiscoveryRun.Kubernetes(cluster.ApiServers[0].Address, TimeSpan.FromMilliseconds(300), o => o with
        {
            Http = new() { CredentialsFile = cluster.TokenFile, Tls = new() { CaFile = cluster.CaFile } },
            Watch = true,
        }, ("SIDECAR_RELABEL_CONFIGS", ReadsServices));
        await using var run = new DiscoveryRun(options, time);
        var own = $"127.0.0.1:{cluster.ApiServers[0].Port}";
        await run.UntilAsync(() => run.Targets == own);
        var began = TimeProvider.System.GetTimestamp();
        time.Where = step;
        await run.UntilAsync(() => run.InternalErrors(loop) > 0);
        time.Where = null;
        Assert.Equal(own, run.Targets); // the last known stay
        Assert.InRange(time.Thrown, 1, 20 + TimeProvider.System.GetElapsedTime(began) / TimeSpan.FromMilliseconds(50)); // no loop spins
        cluster.Store.SetSlice("default", "more", "kubernetes", ["10.0.0.1"], 6443);
        await run.UntilAsync(() => run.Targets is { } now && now.Contains("10.0.0.1:6443"));
        Assert.Contains(run.Log, l => l.Contains("A bug in the sidecar") && l.Contains($"loop={Word.Of(loop)}"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_not_taken_is_offered_again_and_after_five_times_discovery_ends(bool isStatic)
    {
        await using var server = new RawServer(_ => RawServer.Json(Samples.Slices(Samples.Slice("a", "10.0.0.1"))));
        var options = isStatic
            ? Given.Good(Given.StaticTarget(("SIDECAR_TARGETS", "10.0.0.1:6443")))
            : DiscoveryRun.Kubernetes(server.Url, TimeSpan.FromSeconds(1));
        var offers = 0;
        var taken = new TaskCompletionSource();
        // Twice refused: taken at the third offer.
        using (var stop = new CancellationTokenSource())
        {
            var running = RunAsync(options, _ =>
            {
                if (++offers < 3)
                    throw new InvalidOperationException("thrown by a test");
                taken.TrySetResult();
            }, stop.Token);
            await taken.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            await stop.CancelAsync();
            await running;
        }
        // Always refused: the end, which ends the process.
        offers = 0;
        var ended = await Assert.ThrowsAsync<UnpublishableException>(
            () => RunAsync(options, _ => throw new InvalidOperationException($"thrown by a test {++offers}"),
            TestContext.Current.CancellationToken)
                .WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Equal("thrown by a test 5", ended.InnerException!.Message);
    }

    [Fact]
    public async Task A_list_with_a_text_of_30_megabytes_fails_in_words_and_in_little_memory()
    {
        var list = Samples.Slices(Samples.Slice("a", "10.0.0.1"))
            .Replace("\"items\"", $"\"other\":\"{new string('x', 30_000_000)}\",\"items\"", StringComparison.Ordinal);
        await using var server = new RawServer(_ => RawServer.Json(list));
        await using var run = new DiscoveryRun(server, interval: TimeSpan.FromSeconds(60));
        await run.UntilAsync(() => run.Discovery.LastError is not null);
        Assert.Contains("a text or number in the field other has more than 1 MiB", run.Discovery.LastError);
    }

    private static async Task RunAsync(Options options, Action<ImmutableArray<Target>> update, CancellationToken cancellation)
    {
        var time = new FastTime();
        var metrics = new Metrics(options.RemoteWrite.Url, "apiserver", TimeSpan.FromSeconds(15), time);
        var log = new Log(TextWriter.Null, LogLevel.Debug, LogFormat.Logfmt, time);
        using var client = new PeerClient(options.Kubernetes.Http, 2, TimeProvider.System);
        var discovery = new TargetDiscovery(options.Jobs[0], client, metrics, log, new InternalErrors(metrics, log, time), time);
        await discovery.RunAsync(update, cancellation);
    }

    /// <summary>Timers that come after a tenth of their time.</summary>
    private sealed class FastTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / 10 : dueTime, period);
    }
}
