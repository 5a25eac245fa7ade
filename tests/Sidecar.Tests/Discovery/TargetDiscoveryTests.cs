using Microsoft.Extensions.Time.Testing;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Http;

namespace Sidecar.Tests.Discovery;

public sealed class TargetDiscoveryTests
{
    private const string SlicesPath =
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes";
    private const string EndpointsPath = "/api/v1/namespaces/default/endpoints?fieldSelector=metadata.name%3Dkubernetes&limit=500";

    [Fact]
    public async Task Static_targets_are_published_once_and_equal_ones_are_one()
    {
        var options = Given.Good(Given.StaticTarget(("SIDECAR_TARGETS", "10.0.0.1:6443,https://10.0.0.2/metrics,10.0.0.1:6443")));
        await using var run = new DiscoveryRun(options, TimeProvider.System);
        await run.UntilAsync(() => run.Discovery.IsKnown);
        Assert.Equal("10.0.0.1:6443 10.0.0.2", run.Targets);
        Assert.Equal(2, run.DiscoveredTargets);
    }

    [Fact]
    public async Task The_slices_of_one_service_are_asked_for_by_name_and_published_when_they_change()
    {
        var json = Samples.Slices(Samples.Slice("a", "10.0.0.1"));
        await using var server = new RawServer(_ => RawServer.Json(json));
        await using var run = new DiscoveryRun(server);
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443");
        Assert.Equal(SlicesPath + "&limit=500", server.Requests[0].Path);
        Assert.Equal("application/json", server.Requests[0].Header("Accept"));
        var asked = server.Requests.Count;
        await run.UntilAsync(() => server.Requests.Count > asked + 3);
        Assert.Equal(1, run.Published);

        json = Samples.Slices(Samples.Slice("b", "10.0.0.3"), Samples.Slice("a", "10.0.0.1", "10.0.0.2", "10.0.0.1"));
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443 10.0.0.2:6443 10.0.0.3:6443");
        json = Samples.Slices(Samples.Slice("a", "10.0.0.2"));
        await run.UntilAsync(() => run.Targets == "10.0.0.2:6443");
        Assert.Equal(3, run.Published);
        Assert.Equal(1, run.DiscoveredTargets);
        Assert.Equal(1, server.Connections);
        Assert.Equal(0, run.Failures);
        Assert.Collection(run.Log.Where(l => l.Contains("Targets changed")),
            line => Assert.Contains("added=https://10.0.0.1:6443/metrics", line),
            line => Assert.Contains("added=\"https://10.0.0.3:6443/metrics https://10.0.0.2:6443/metrics\"", line),
            line => Assert.Contains("gone=\"https://10.0.0.3:6443/metrics https://10.0.0.1:6443/metrics\"", line));
    }

    [Fact]
    public async Task The_users_selector_and_names_are_part_of_the_question()
    {
        await using var server = new RawServer(_ => RawServer.Json(Samples.Slices()));
        await using var run = new DiscoveryRun(server, change: o =>
            o with { Namespace = "kube-system", Service = "etcd", LabelSelector = "a in (b,c)" });
        await run.UntilAsync(() => server.Requests.Count > 0);
        Assert.Equal(
            "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Detcd%2Ca%20in%20%28b%2Cc%29&limit=500",
            server.Requests[0].Path);
    }

    [Fact]
    public async Task Pages_are_joined_and_an_expired_token_begins_anew()
    {
        var expired = true;
        await using var server = new RawServer(request =>
        {
            if (!request.Path.Contains("continue="))
                return RawServer.Json(Samples.SlicesPage("page/2", Samples.Slice("a", "10.0.0.1")));
            if (request.Path.EndsWith("&continue=page%2F3", StringComparison.Ordinal))
                return RawServer.Json(Samples.Slices(Samples.Slice("c", "10.0.0.3")));
            if (!expired)
                return RawServer.Json(Samples.SlicesPage("page/3", Samples.Slice("b", "10.0.0.2")));
            expired = false;
            return RawServer.Answer("410 Gone", """{"kind":"Status","message":"The provided continue parameter is too old","code":410}""");
        });
        await using var run = new DiscoveryRun(server);
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443 10.0.0.2:6443 10.0.0.3:6443");
        Assert.Equal(1, run.Published);
        Assert.Equal(0, run.Failures);
    }

    [Fact]
    public async Task Pages_without_end_are_a_failure()
    {
        await using var server = new RawServer(_ => RawServer.Json(Samples.SlicesPage("again", Samples.Slice("a", "10.0.0.1"))));
        await using var run = new DiscoveryRun(server);
        await run.UntilAsync(() => run.Log.Any(l => l.Contains("without end")));
        Assert.Null(run.Targets);
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { RawServer.Answer("403 Forbidden", Samples.Forbidden), "verbs: [list, watch]" },
        { RawServer.Answer("404 Not Found", "404 page not found\n"), "before 1.21" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task Endpoints_are_used_where_slices_are_denied_until_they_are_not(string refusal, string remedy)
    {
        var slices = refusal;
        await using var server = new RawServer(r =>
            r.Path == EndpointsPath ? RawServer.Json(Samples.Endpoints("10.0.0.1", "10.0.0.2")) : slices);
        await using var run = new DiscoveryRun(server, interval: TimeSpan.FromMilliseconds(5));
        await run.UntilAsync(() => server.Requests.Count(r => r.Path == EndpointsPath) > 10);
        Assert.Equal("10.0.0.1:6443 10.0.0.2:6443", run.Targets);
        Assert.Contains(remedy, Assert.Single(run.Log, l => l.Contains("EndpointSlices denied or unknown")));
        Assert.Equal(0, run.Failures);

        slices = RawServer.Json(Samples.Slices(Samples.Slice("a", "10.0.0.9")));
        await run.UntilAsync(() => run.Targets == "10.0.0.9:6443");
        var asked = server.Requests.Count;
        await run.UntilAsync(() => server.Requests.Count > asked + 3);
        Assert.All(server.Requests.Skip(asked), r => Assert.StartsWith(SlicesPath, r.Path));
        Assert.Single(run.Log, l => l.Contains("EndpointSlices denied or unknown"));
    }

    [Fact]
    public async Task Where_both_are_denied_both_are_told()
    {
        await using var server = new RawServer(r =>
            RawServer.Answer("403 Forbidden", r.Path == EndpointsPath ? """{"message":"no endpoints for you"}""" : Samples.Forbidden));
        await using var run = new DiscoveryRun(server);
        await run.UntilAsync(() => run.Failures > 0);
        await run.UntilAsync(() => run.Log.Any(l =>
            l.Contains("cannot list resource") && l.Contains("no endpoints for you") && l.Contains("reason=forbidden")));
        Assert.False(run.Discovery.IsKnown);
        Assert.Null(run.Targets);
    }

    [Fact]
    public async Task A_role_that_is_set_is_the_only_one_asked()
    {
        await using var server = new RawServer(r =>
            r.Path == EndpointsPath ? RawServer.Json(Samples.Endpoints("10.0.0.1")) : RawServer.Answer("403 Forbidden", Samples.Forbidden));
        await using var run = new DiscoveryRun(server, change: o => o with { Role = KubernetesRole.EndpointSlice });
        await run.UntilAsync(() => run.Failures > 0);
        Assert.Null(run.Targets);
        Assert.All(server.Requests, r => Assert.StartsWith(SlicesPath, r.Path));

        await using var other = new DiscoveryRun(server, change: o => o with { Role = KubernetesRole.Endpoints });
        var before = server.Requests.Count(r => r.Path == EndpointsPath);
        Assert.Equal(0, before);
        await other.UntilAsync(() => other.Targets == "10.0.0.1:6443");
    }

    public static TheoryData<string, string> Faults => new()
    {
        { RawServer.Answer("500 Internal Server Error", """{"kind":"Status","message":"etcd is away"}"""), "etcd is away" },
        { RawServer.Answer("401 Unauthorized", """{"kind":"Status","message":"Unauthorized"}"""), "answers 401" },
        { "", "closed the connection" },
        { RawServer.Json("<html>login</html>"), "no JSON" },
        { RawServer.Json(""), "no JSON" },
        { RawServer.Json(Samples.Slices(Samples.Slice("a", "10.0.0.1"))[..^60]), "cut or damaged" },
        { RawServer.Json("""{"kind":"Status","status":"Success"}"""), "of kind Status" },
        { RawServer.Json("""{"kind":"EndpointSliceList","metadata":{}}"""), "no items" },
        { RawServer.Json("""{"kind":"EndpointSliceList","metadata":{},"items":[{"metadata":{"name":"a"},"ports":[{"port":"x"}]}]}"""),
        "port is not a port number" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"kind\":\"EndpointSliceList\",", "in the middle of its answer" },
        { "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "127.0.0.1:1 refuses connections" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task The_last_known_targets_stay_whatever_the_api_server_answers(string fault, string words)
    {
        var answer = RawServer.Json(Samples.Slices(Samples.Slice("a", "10.0.0.1")));
        await using var server = new RawServer(_ => answer);
        await using var run = new DiscoveryRun(server);
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443");
        answer = fault;
        await run.UntilAsync(() => run.Failures >= 3);
        Assert.Equal("10.0.0.1:6443", run.Targets);
        Assert.Equal(1, run.Published);
        Assert.True(run.Discovery.IsKnown);
        Assert.Contains(words, Assert.Single(run.Log, l => l.Contains("Discovery failed"))); // one line for them all, not one each
        answer = RawServer.Json(Samples.Slices(Samples.Slice("a", "10.0.0.2")));
        await run.UntilAsync(() => run.Targets == "10.0.0.2:6443");
        Assert.Single(run.Log, l => l.Contains("The API server answers again"));
    }

    [Theory]
    [InlineData(KubernetesRole.EndpointSlice)]
    [InlineData(KubernetesRole.Endpoints)]
    internal async Task An_empty_answer_of_the_api_server_is_an_answer(KubernetesRole role)
    {
        var isSlice = role == KubernetesRole.EndpointSlice;
        var answer = RawServer.Json(isSlice ? Samples.Slices(Samples.Slice("a", "10.0.0.1")) : Samples.Endpoints("10.0.0.1"));
        await using var server = new RawServer(_ => answer);
        await using var run = new DiscoveryRun(server, change: o => o with { Role = role });
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443");
        answer = RawServer.Json(isSlice ? Samples.Slices() : Samples.NoEndpoints);
        await run.UntilAsync(() => run.Targets == "");
        Assert.Equal(0, run.Failures);
        Assert.Contains(run.Log, l => l.Contains("The Service has no endpoints"));
    }

    [Fact]
    public async Task A_404_that_is_not_about_the_object_empties_nothing()
    {
        var answer = RawServer.Json(Samples.Endpoints("10.0.0.1"));
        await using var server = new RawServer(_ => answer);
        await using var run = new DiscoveryRun(server, change: o => o with { Role = KubernetesRole.Endpoints });
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443");
        answer = RawServer.Answer("404 Not Found", "404 page not found\n");
        await run.UntilAsync(() => run.Failures >= 2);
        Assert.Equal("10.0.0.1:6443", run.Targets);
    }

    [Theory]
    [InlineData("https", "10.0.0.1:6443")]
    [InlineData("http", "")]
    [InlineData(null, "10.0.0.1:6443")]
    public async Task Ports_of_another_name_are_left_out(string? name, string targets)
    {
        await using var server = new RawServer(_ => RawServer.Json(Samples.Slices(Samples.Slice("a", "10.0.0.1"))));
        await using var run = new DiscoveryRun(server, change: o => o with { PortName = name });
        await run.UntilAsync(() => run.Targets == targets);
        Assert.Equal(targets.Length == 0, run.Log.Any(l => l.Contains("ports=https")));
    }

    [Fact]
    public async Task An_address_that_is_none_is_left_out_and_the_others_stay()
    {
        await using var server = new RawServer(_ => RawServer.Json(Samples.Slices(Samples.Slice("a", "evil.example/steal?", "10.0.0.1"))));
        await using var run = new DiscoveryRun(server);
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443");
        Assert.Contains(run.Log, l => l.Contains("evil.example"));
    }

    [Fact]
    public async Task A_rotated_token_and_a_rotated_CA_are_noticed()
    {
        using var folder = new Folder();
        var authority = new Authority();
        var accepted = "one";
        var rotation = new Lock(); // nobody asks while the file is new and the server is not
        await using var server = new RawServer(r =>
        {
            lock (rotation)
            {
                return r.Header("Authorization") == "Bearer " + accepted
                    ? RawServer.Json(Samples.Slices(Samples.Slice("a", "10.0.0.1"))) : RawServer.Answer("401 Unauthorized");
            }
        }, authority.Server());
        var http = new HttpOptions
        {
            CredentialsFile = folder.Write("token", "one"),
            Tls = new() { CaFile = folder.Write("ca.crt", authority.Pem) },
        };
        await using var run = new DiscoveryRun(server, change: o => o with { Http = http });
        await run.UntilAsync(() => run.Targets == "10.0.0.1:6443");
        lock (rotation)
        {
            folder.Write("token", "two");
            accepted = "two";
        }
        var asked = server.Requests.Count;
        await run.UntilAsync(() => server.Requests.Count(r => r.Header("Authorization") == "Bearer two") > 2);
        Assert.InRange(run.Failures, 0, 1);

        var next = new Authority();
        server.Tls = next.Server();
        folder.Write("ca.crt", next.Pem);
        var connections = server.Connections;
        await run.UntilAsync(() => server.Connections > connections && server.Requests.Count > asked + 20);
        await run.UntilAsync(() => run.Log.All(l => !l.Contains("Discovery failed")) || run.Log[^1].Contains("answers again"));
        Assert.Equal("10.0.0.1:6443", run.Targets);
    }

    [Theory]
    [InlineData("429 Too Many Requests", "Retry-After: 20", 20)]
    [InlineData("503 Service Unavailable", "Retry-After: Mon, 23 Nov 2026 04:00:30 GMT", 25)]
    [InlineData("429 Too Many Requests", "Retry-After: 86400", 300)]
    public async Task A_Retry_After_is_obeyed_within_bounds(string status, string header, int seconds)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 4, 0, 0, TimeSpan.Zero));
        var times = new List<DateTimeOffset>();
        await using var server = new RawServer(_ =>
        {
            lock (times)
            {
                times.Add(time.GetUtcNow());
                return times.Count == 1 ? RawServer.Answer(status, "", header)
                    : RawServer.Json(Samples.Slices(Samples.Slice("a", "10.0.0.1")));
            }
        });
        await using var run = new DiscoveryRun(server, time, TimeSpan.FromSeconds(2));
        await run.UntilAsync(() => run.Failures == 1);
        await run.UntilAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return run.Targets == "10.0.0.1:6443";
        });
        Assert.InRange((times[1] - times[0]).TotalSeconds, seconds, 100_000);
    }

    [Fact]
    public async Task Failures_are_asked_about_sooner_than_the_interval_and_for_ever()
    {
        var time = new FakeTimeProvider();
        var times = new List<DateTimeOffset>();
        await using var server = new RawServer(_ =>
        {
            lock (times)
                times.Add(time.GetUtcNow());
            return RawServer.Answer("500 Internal Server Error");
        });
        await using var run = new DiscoveryRun(server, time, TimeSpan.FromSeconds(15));
        for (var failures = 1; failures < 60; failures++)
        {
            var seen = failures;
            await run.UntilAsync(() => run.Failures >= seen);
            // The pause begins a moment after the count: go on until it is over.
            await run.UntilAsync(() =>
            {
                if (run.Failures == seen && Asked() == seen) // and no request is under way
                    time.Advance(TimeSpan.FromSeconds(seen < 4 ? 1 : 5));
                return run.Failures > seen;
            });
        }

        int Asked()
        {
            lock (times)
                return times.Count;
        }
        List<double> pauses;
        lock (times)
            pauses = times.Zip(times.Skip(1), (a, b) => (b - a).TotalSeconds).ToList();
        foreach (var (pause, least) in pauses.Zip((double[])[1, 2, 4, 8, 15, 15]))
            Assert.InRange(pause, least, 1000);
        Assert.InRange(pauses[0], 1, 14);
        Assert.All(pauses.Skip(4), pause => Assert.InRange(pause, 15, 1000));
    }
}
