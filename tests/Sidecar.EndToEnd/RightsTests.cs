using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// The stand-in API server enforces the RBAC of <c>src/deploy/base/sidecar.yaml</c>. With it the sidecar does its whole job; without any
/// one right of it, it does not: there is none too many.
/// </summary>
public sealed class RightsTests(PublishedBinary binary)
{
    /// <summary>Each right of the manifest, and what is heard without it.</summary>
    private static readonly Dictionary<string, Func<StandInFixture, Task>> Losses = new()
    {
        ["list endpointslices"] = run => HearsAsync(run, "EndpointSlices denied or unknown", "cannot list resource"),
        ["watch endpointslices"] = run => HearsAsync(run, "Watch denied", "cannot watch resource", "endpointslices"),
        ["list endpoints kubernetes"] = run => HearsAsync(run, "Discovery failed", "reason=forbidden", "cannot list resource"),
        ["watch endpoints kubernetes"] = run => HearsAsync(run, "Watch denied", "cannot watch resource"),
        ["get /metrics"] = async run =>
        {
            await run.Sidecar.WaitForLogAsync("Scrape failed", "reason=forbidden", "/metrics");
            await run.ValueAsync("up", 0);
        },
    };

    public static TheoryData<string> Rights => [.. StandInCluster.ManifestRules().SelectMany(Split).Select(Name)];

    [Fact]
    public void Rights_of_the_manifest_are_those_that_are_tested() => Assert.Equal(Losses.Keys.Order(), Rights.Select(r => r.Data).Order());

    [Theory]
    [InlineData("endpointslice")]
    [InlineData("endpoints")]
    public async Task With_all_of_them_the_whole_job_is_done(string role)
    {
        await using var run = await CreateAsync(role, StandInCluster.ManifestRules());
        run.Start(binary);
        await run.ValueAsync("a", 1);
        run.Cluster.Withdraw(run.Cluster.ApiServers[1]);
        // on the watch
        await run.Sidecar.WaitForLogAsync("Targets changed", $"gone=https://127.0.0.1:{run.Cluster.ApiServers[1].Port}/metrics");
        await run.StopAsync();
        Assert.DoesNotContain(run.Sidecar.Log, l => l.Contains("level=warn") || l.Contains("level=error"));
    }

    [Theory]
    [MemberData(nameof(Rights))]
    public async Task Without_one_of_them_something_is_lost(string right)
    {
        var rules = StandInCluster.ManifestRules().SelectMany(Split).Where(r => Name(r) != right).ToArray();
        await using var run = await CreateAsync(right.Contains("endpoints ") ? "endpoints" : "auto", rules);
        run.Start(binary);
        await Losses[right](run);
        await run.StopAsync();
    }

    [Fact]
    public async Task Endpoints_of_other_names_are_not_to_be_read_with_them()
    {
        await using var run = await CreateAsync("endpoints", StandInCluster.ManifestRules());
        run.Environment["SIDECAR_KUBERNETES_SERVICE"] = "other";
        run.Start(binary);
        Assert.Contains("cannot list resource", await run.Sidecar.WaitForLogAsync("Discovery failed", "reason=forbidden"));
        await run.StopAsync();
    }

    private static async Task<StandInFixture> CreateAsync(string role, RbacRule[] rules)
    {
        var run = await StandInFixture.CreateAsync(apiServers: 2);
        run.Cluster.RotateToken(rules);
        run.Environment["SIDECAR_KUBERNETES_ROLE"] = role;
        run.Environment["SIDECAR_KUBERNETES_REFRESH_INTERVAL"] = "1h";
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.Serve("a 1\n");
        return run;
    }

    private static async Task HearsAsync(StandInFixture run, params string[] words) => await run.Sidecar.WaitForLogAsync(words);

    /// <summary>A rule for each verb.</summary>
    private static IEnumerable<RbacRule> Split(RbacRule rule) => rule.Verbs.Select(verb => rule with { Verbs = [verb] });

    private static string Name(RbacRule rule) => string.Join(' ',
        [.. rule.Verbs, .. rule.Resources, .. rule.ResourceNames ?? [], .. rule.NonResourceUrls ?? []]);
}
