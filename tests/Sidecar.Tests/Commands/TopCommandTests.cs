using System.Globalization;
using System.Text.RegularExpressions;
using Cluster;
using Sidecar.Commands;
using Sidecar.Hosting;

namespace Sidecar.Tests.Commands;

public sealed partial class TopCommandTests
{
    private const int Samples = 20_000;

    [Fact]
    public async Task Metrics_are_ranked_with_series_share_bytes_and_labels()
    {
        await using var run = await CommandRun.CreateAsync();
        run.ApiServer.Metrics.Serve(
            string.Concat(Enumerable.Range(0, 60).Select(i => $"big{{id=\"{i}\",kind=\"{i % 3}\",same=\"x\"}} 1\n"))
            + string.Concat(Enumerable.Range(0, 30).Select(i => $"middle{{id=\"{i}\"}} 1\n")) + "small 1\n");
        Assert.Equal(0, await run.RunAsync("top", "2"));
        Assert.StartsWith("96 series of 1 target, ", run.Lines[0]);
        Assert.Matches(@"^ +60 +62\.5% +\d+ B  big$", run.Lines[2]);
        Assert.Equal("id 60, kind 3", run.Lines[3].Trim());
        Assert.Matches(@"^ +30 +31\.\d% +\d+ B  middle$", run.Lines[4]);
        Assert.Equal("id 30", run.Lines[5].Trim());
        Assert.DoesNotContain("small", run.Output);
    }

    [Fact]
    public async Task Bytes_are_those_that_are_sent()
    {
        await using var run = await CommandRun.CreateAsync(apiServers: 2);
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.ServeGzip(new ApiServerPayload(1).Gzip(Samples, 0));
        Assert.Equal(0, await run.RunAsync("top", "1000"));
        Assert.StartsWith($"{2 * (Samples + 5):N0} series of 2 targets", run.Lines[0]);
        var rows = run.Lines.Select(l => RowPattern().Match(l)).Where(m => m.Success).ToList();
        Assert.Equal(2 * (Samples + 5),
            rows.Sum(r => int.Parse(r.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task Proposals_are_taken_by_the_configuration_and_save_what_they_say()
    {
        await using var run = await CommandRun.CreateAsync();
        run.ApiServer.Metrics.ServeGzip(new ApiServerPayload(1).Gzip(Samples, 0));
        run.Environment["SIDECAR_METRIC_RELABEL_CONFIGS"] =
            """[ {"source_labels":["__name__"],"regex":"it's_not_there","action":"drop"} ]""";
        Assert.Equal(0, await run.RunAsync("top"));
        var before = Series(run);
        var proposals = Proposals(run);
        Assert.Equal(3, proposals.Count); // the preset, fewer buckets, no buckets
        Assert.Equal(proposals.OrderBy(p => p.Saved), proposals);
        Assert.True(proposals[^1].Saved > before / 2);
        foreach (var (variable, value, saved) in proposals)
        {
            var environment = new Dictionary<string, string?>(run.Environment) { [variable] = value };
            Assert.Empty(OptionsReader.Read(environment).Errors);
            var old = run.Environment.GetValueOrDefault(variable);
            run.Environment[variable] = value;
            Assert.Equal(0, await run.RunAsync("top"));
            Assert.Equal(before - saved, Series(run));
            if (variable == "SIDECAR_METRIC_RELABEL_CONFIGS")
                Assert.Contains("it's_not_there", value); // one's own rules stay
            run.Environment[variable] = old;
        }
    }

    [Theory]
    [InlineData("1.0")]
    [InlineData("2.0")]
    public async Task Bytes_are_of_the_protocol_that_is_set(string protocol)
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_REMOTE_WRITE_PROTOCOL"] = protocol;
        Assert.Equal(0, await run.RunAsync("top"));
        Assert.Contains($"as sent (remote write {protocol})", run.Lines[0]);
        Assert.Contains(run.Lines, l => l.EndsWith("  up"));
    }

    [Fact]
    public async Task Where_no_histogram_is_to_blame_the_biggest_metric_is()
    {
        await using var run = await CommandRun.CreateAsync();
        run.ApiServer.Metrics.Serve(string.Concat(Enumerable.Range(0, 100).Select(i => $"big{{id=\"{i}\"}} 1\n")) + "a 1\n");
        Assert.Equal(0, await run.RunAsync("top"));
        var (_, value, saved) = Assert.Single(Proposals(run));
        Assert.Equal(100, saved);
        Assert.Equal("""[{"source_labels":["__name__"],"regex":"big","action":"drop"}]""", value);
    }

    [Fact]
    public async Task Where_nothing_stands_out_nothing_is_proposed()
    {
        await using var run = await CommandRun.CreateAsync();
        run.ApiServer.Metrics.Serve(string.Concat(Enumerable.Range(0, 100).Select(i => $"m{i} 1\n")));
        Assert.Equal(0, await run.RunAsync("top"));
        Assert.Empty(Proposals(run));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1001")]
    [InlineData("ten")]
    public async Task A_wrong_number_is_exit_code_2(string number)
    {
        await using var run = await CommandRun.CreateAsync();
        Assert.Equal(2, await run.RunAsync("top", number));
        Assert.Contains($"'{number}'", run.Errors);
    }

    [Theory]
    [InlineData(null, "[{}]", "[{}]")]
    [InlineData("", "[{}]", "[{}]")]
    [InlineData("[]", "[{}]", "[{}]")]
    [InlineData(" [ ] ", "[{}]", "[{}]")]
    [InlineData("[{\"a\":1}]\n", "[{}]", "[{\"a\":1},{}]")]
    public void Proposed_rules_go_behind_one_s_own(string? own, string added, string expected) =>
        Assert.Equal(expected, Proposal.Append(own, added));

    private static int Series(CommandRun run) =>
        int.Parse(run.Lines[0].Split(' ')[0], NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

    internal static List<(string Variable, string Value, int Saved)> Proposals(CommandRun run)
    {
        var found = new List<(string, string, int)>();
        for (var i = 0; i + 1 < run.Lines.Count; i++)
        {
            if (SavesPattern().Match(run.Lines[i]) is not { Success: true } saves)
                continue;
            var set = run.Lines[i + 1].Trim().Split('=', 2);
            found.Add((set[0], set[1][1..^1].Replace("'\\''", "'"),
                int.Parse(saves.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture)));
        }
        return found;
    }

    [GeneratedRegex("saves ([0-9,]+) series")]
    private static partial Regex SavesPattern();

    [GeneratedRegex(@"^ +([0-9,]+) +[0-9.]+% +[0-9.]+ (B|KiB|MiB)  ")]
    private static partial Regex RowPattern();
}
