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
        Assert.StartsWith("✓ configuration   5 variables are set", text);
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
    public async Task A_queue_directory_is_tried_and_left_as_it_was()
    {
        await using var run = await CommandRun.CreateAsync();
        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        run.Environment["SIDECAR_QUEUE_DIRECTORY"] = folder;
        run.Environment["SIDECAR_QUEUE_SIZE_LIMIT"] = "1MiB";
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.Contains($"✓ queue           {folder} can be written, up to 1MiB: about ", run.Output);
        Assert.False(Directory.Exists(folder));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "1-2.scrape"), "theirs");
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.Equal("theirs", File.ReadAllText(Directory.GetFileSystemEntries(folder).Single()));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task What_warns_is_not_called_well()
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_TLS_INSECURE_SKIP_VERIFY"] = "true";
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.Contains("\n! configuration", run.Output);
        Assert.DoesNotContain("All is well", run.Output);
        Assert.StartsWith("Nothing failed; 1 of ", run.Lines[^1]);
    }

    /// <summary>A server that was restarted in between is no second one.</summary>
    [Fact]
    public async Task A_restart_is_no_load_balancer()
    {
        await using var run = await CommandRun.CreateAsync();
        long? started = null; // while the check goes on, however long it has taken to begin
        run.ApiServer.Metrics.Gzip = n => TargetBehaviour.Compress(System.Text.Encoding.UTF8.GetBytes(
            $"process_start_time_seconds {(n == 1 ? 1.7e9 : started ??= DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1)}\n"));
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.Equal(3, run.ApiServer.Metrics.Scrapes);
        Assert.EndsWith("\nAll is well.\n", run.Output);
    }

    [Fact]
    public async Task It_waits_until_all_is_well()
    {
        await using var run = await CommandRun.CreateAsync();
        var refused = 0;
        run.Receiver.Answer = _ => new ReceiverAnswer(refused++ == 0 ? 503 : 204);
        Assert.Equal(0, await run.RunAsync(isTerminal: true, "check", "--wait", "10m"));
        Assert.Equal(2, refused);
        Assert.Single(run.Lines, l => l.Contains("/api/v1/write"));
        Assert.EndsWith("\nAll is well.\n", run.Output);
        Assert.Contains("1 step fails; trying again for 9m", run.Errors);
    }

    [Theory]
    [InlineData("--wait=1s")]
    [InlineData("--wait=1s", "--output=json")]
    public async Task It_waits_no_longer_than_it_is_told_to(params string[] flags)
    {
        await using var run = await CommandRun.CreateAsync();
        var refused = 0;
        run.Receiver.Answer = _ =>
        {
            refused++;
            return new ReceiverAnswer(503);
        };
        Assert.Equal(1, await run.RunAsync(["check", .. flags]));
        Assert.InRange(refused, 1, 2); // where the first try takes longer than that, there is no second
        Assert.Single(run.Lines, l => l.Contains("answers 503"));
    }

    [Fact]
    public async Task A_configuration_that_is_wrong_is_not_waited_for()
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "soon";
        Assert.Equal(2, await run.RunAsync("check", "--wait", "1h"));
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
    [InlineData("--send=yes")]
    [InlineData("--wait")]
    [InlineData("--wait", "5")]
    [InlineData("--wait=")]
    public async Task A_wrong_flag_is_exit_code_2(params string[] flags)
    {
        await using var run = await CommandRun.CreateAsync();
        Assert.Equal(2, await run.RunAsync(["check", .. flags]));
        Assert.Contains($"'{flags[0].Split('=')[0]}'", run.Errors);
    }
}
