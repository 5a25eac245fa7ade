using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Scraping;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Relabeling;

namespace Sidecar.Tests.Discovery;

public sealed class ShardingTests
{
    [Fact]
    public void A_shard_is_what_the_rule_hashmod_on_the_address_makes_of_it()
    {
        var options = Given.Good(Given.StaticTarget()).Scrape with
        {
            TargetRules = Rules.Parse("""[{"source_labels":["__address__"],"modulus":7,"target_label":"shard","action":"hashmod"}]"""),
        };
        var seen = new HashSet<int>();
        for (var i = 0; i < 200; i++)
        {
            var address = $"10.0.{i}.1:6443";
            var target = TargetBuilder.FromLabels(new() { ["__address__"] = address }, options, out _)!;
            var shard = Sharding.ShardOf(address, 7);
            Assert.Equal(target.Labels.Single(l => l.Key == "shard").Value, $"{shard}");
            seen.Add(shard);
        }
        Assert.Equal(7, seen.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Each_target_is_that_of_one_shard(int shards)
    {
        var all = new List<string>();
        var addresses = string.Join(',', Enumerable.Range(1, 20).Select(i => $"10.0.0.{i}:6443"));
        for (var shard = 0; shard < shards; shard++)
        {
            var options = Given.Good(Given.StaticTarget(("SIDECAR_TARGETS", addresses), ("SIDECAR_SHARD", $"{shard}"),
                ("SIDECAR_SHARDS", $"{shards}")));
            await using var run = new DiscoveryRun(options, TimeProvider.System);
            await run.UntilAsync(() => run.Targets is not null);
            Assert.InRange(run.DiscoveredTargets, 1, 20);
            all.AddRange(run.Targets!.Split(' '));
        }
        Assert.Equal(addresses.Split(',').Order(), all.Order());
    }
}
