using System.Text.Json;
using Cluster;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Commands;

public sealed class CheckCommandTests
{
    public static TheoryData<string> Cases => [.. CheckCases.All.Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task What_is_wrong_is_told_with_cause_and_remedy(string name)
    {
        var one = CheckCases.All.Single(c => c.Name == name);
        await using var run = await CommandRun.CreateAsync();
        await one.Break(run);
        var exitCode = await run.RunAsync(["check", "--output", "json", .. one.Flags]);
        using var json = JsonDocument.Parse(run.Output);
        var steps = json.RootElement.GetProperty("steps").EnumerateArray().ToList();
        var found = steps.FirstOrDefault(s =>
            s.GetProperty("step").GetString() == one.Step && s.GetProperty("status").GetString() == one.Status);
        Assert.True(found.ValueKind == JsonValueKind.Object, run.Output);
        var words = string.Join('\n', new[] { "fact", "cause", "remedy", "paste" }.Select(p =>
            found.TryGetProperty(p, out var text) ? text.GetString() : ""));
        Assert.All(one.Says, said => Assert.Contains(said, words));
        Assert.Equal(one.ExitCode, exitCode);
        Assert.Equal(one.ExitCode == 0, json.RootElement.GetProperty("ok").GetBoolean());
        if (one.Status == "failed" && one.Step is not "configuration")
            Assert.True(found.TryGetProperty("remedy", out _), run.Output);
        Assert.DoesNotContain(run.Cluster.Token, run.Output);
    }

    [Fact]
    public async Task All_is_well()
    {
        await using var run = await CommandRun.CreateAsync(apiServers: 2);
        run.Cluster.ApiServers[1].Metrics.Serve("a 1\nb 1\n");
        Assert.Equal(0, await run.RunAsync("check"));
        var text = run.Output.Replace(run.ApiServer.Port.ToString(), "P").Replace(run.Receiver.Port.ToString(), "R")
            .Replace(run.Cluster.ApiServers[1].Port.ToString(), "Q");
        Assert.StartsWith("✓ configuration   4 variables are set", text);
        Assert.Contains("✓ API server      127.0.0.1:P answers, and allows endpointslices\n", text);
        Assert.Contains("✓ discovery       2 targets of the Service kubernetes in namespace default\n", text);
        Assert.Contains("✓ target          https://127.0.0.1:P/metrics: 1 sample, ", text);
        Assert.Contains("✓ target          https://127.0.0.1:Q/metrics: 2 samples", text);
        Assert.Contains("✓ to send         13 samples every 15s", text);
        Assert.Contains("✓ receiver        http://127.0.0.1:R/api/v1/write accepts a request without samples", text);
        Assert.EndsWith("\nAll is well.\n", text);
        Assert.Equal(0, run.Receiver.Samples);
        Assert.Empty(run.Receiver.Violations);
    }

    [Fact]
    public async Task A_sample_is_sent_only_where_that_is_asked_for()
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_EXTERNAL_LABELS"] = "cluster=prod";
        Assert.Equal(0, await run.RunAsync("check", "--send"));
        Assert.Equal(["sidecar_check{cluster=\"prod\",job=\"apiserver\"}"], run.Receiver.SeriesNames);
        Assert.Empty(run.Receiver.Violations);
    }

    [Fact]
    public async Task Every_step_that_can_be_tried_is_tried()
    {
        await using var run = await CommandRun.CreateAsync();
        File.WriteAllText(run.Cluster.TokenFile, CheckCase.Jwt("""{"exp":1000000000}"""));
        run.Receiver.Answer = _ => new ReceiverAnswer(401);
        Assert.Equal(1, await run.RunAsync("check"));
        Assert.Equal(["✓ configuration", "✗ token", "✗ API server", "– targets", "✗ receiver"],
            run.Lines.Where(l => l[0] is '✓' or '✗' or '–' or '!').Select(l => l[..18].Trim()));
        Assert.Equal("3 of 5 steps failed.", run.Lines[^1]);
    }

    [Fact]
    public async Task Colours_are_for_terminals()
    {
        await using var run = await CommandRun.CreateAsync();
        Assert.Equal(0, await run.RunAsync(isTerminal: true, "check"));
        Assert.Contains("\e[32m✓\e[0m configuration", run.Output);
        Assert.Contains($"Scraping https://127.0.0.1:{run.ApiServer.Port}/metrics …", run.Errors);
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.DoesNotContain('\e', run.Output);
        Assert.Equal("", run.Errors);
    }

    [Theory]
    [InlineData("sidecar:sidecar:sidecar:list:endpointslices", "Role", "default")]
    [InlineData("sidecar:sidecar:sidecar:get:metrics", "ClusterRole", null)]
    public async Task The_rule_to_paste_grants_what_is_missing(string name, string kind, string? ns)
    {
        await using var run = await CommandRun.CreateAsync();
        run.Cluster.RotateToken(ns is null ? [RbacRule.Slices("default")] : [RbacRule.MetricsPath]);
        Assert.Equal(1, await run.RunAsync("check", "--output=json"));
        using var json = JsonDocument.Parse(run.Output);
        var paste = json.RootElement.GetProperty("steps").EnumerateArray()
            .Select(s => s.TryGetProperty("paste", out var p) ? p.GetString()! : "").First(p => p.Contains(name));
        var lines = paste.Split('\n');
        Assert.Equal("kubectl apply -f - <<'EOF'", lines[0]);
        Assert.Equal("EOF", lines[^1]);
        var yaml = new YamlStream();
        yaml.Load(new StringReader(string.Join('\n', lines[1..^1])));
        var (role, binding) = ((YamlMappingNode)yaml.Documents[0].RootNode, (YamlMappingNode)yaml.Documents[1].RootNode);
        Assert.Equal(kind, role["kind"].ToString());
        Assert.Equal(kind + "Binding", binding["kind"].ToString());
        Assert.Equal(name, binding["roleRef"]["name"].ToString());
        Assert.Equal(name, role["metadata"]["name"].ToString());
        Assert.Equal("sidecar", binding["subjects"][0]["namespace"].ToString());
        foreach (var one in new[] { role, binding })
            Assert.Equal(ns, ((YamlMappingNode)one["metadata"]).Children.TryGetValue("namespace", out var found) ? found.ToString() : null);
        Assert.Equal(ns is null ? "[ [ /metrics ], [ get ] ]" : "[ [ discovery.k8s.io ], [ endpointslices ], [ list, watch ] ]",
            $"[ {string.Join(", ", ((YamlMappingNode)role["rules"][0]).Children.Values)} ]");
    }

    [Theory]
    [InlineData("--sned")]
    [InlineData("--output")]
    [InlineData("--output", "yaml")]
    [InlineData("now")]
    public async Task A_wrong_flag_is_exit_code_2(params string[] flags)
    {
        await using var run = await CommandRun.CreateAsync();
        Assert.Equal(2, await run.RunAsync(["check", .. flags]));
        Assert.Contains($"'{flags[0]}'", run.Errors);
    }
}
