using System.Globalization;
using Cluster.Campaigns;

namespace Sidecar.EndToEnd;

/// <summary>
/// The published binary with everything going wrong at once: SIGKILL, SIGTERM and SIGSTOP, a receiver, targets, an API server and a disk
/// that fail. Nothing is lost but what was in flight, nothing is wrong, and markers are right.
/// </summary>
public sealed class CampaignTests(PublishedBinary binary)
{
    /// <summary>Its schedule is the same in every run.</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public Task Nothing_is_lost_and_nothing_is_wrong() => HoldAsync(seed: 51, isOnOneProcessor: false);

    /// <summary>SIDECAR_TEST_CAMPAIGN_SEED repeats one that has failed.</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public Task Nothing_is_lost_and_nothing_is_wrong_on_one_processor() => HoldAsync(
        Environment.GetEnvironmentVariable("SIDECAR_TEST_CAMPAIGN_SEED") is { } seed
            ? int.Parse(seed, CultureInfo.InvariantCulture) : Environment.TickCount & 0xffff,
        isOnOneProcessor: File.Exists("/usr/bin/taskset"));

    private async Task HoldAsync(int seed, bool isOnOneProcessor)
    {
        var options = new CampaignOptions(binary.Path, seed, TimeSpan.FromSeconds(55))
        {
            IsOnOneProcessor = isOnOneProcessor,
        };
        var verdict = await FaultCampaign.RunAsync(options, TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper?.WriteLine(verdict.Table());
        Assert.True(verdict.Findings.Count == 0, $"seed {seed}:\n{string.Join('\n', verdict.Findings)}\n{verdict.Table()}");
        Assert.Equal(0, verdict.Lost);
        // Or the test has shown nothing.
        Assert.InRange(verdict.Arrived, 50, int.MaxValue);
        Assert.InRange(verdict.Starts, 2, int.MaxValue);
    }
}
