using System.Buffers;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Text;
using Cluster;
using Sidecar.Commands;
using Sidecar.Configuration;
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
using Sidecar.Tests.Commands;
using Sidecar.Tests.Serving;

namespace Sidecar.Tests.Repository;

/// <summary>What README, pages and manifests say is what the program has.</summary>
public sealed partial class DocumentTests
{
    private static string Page(string name) => RepositoryFiles.Read("src", "docs", name);

    [Fact]
    public void The_table_of_variables_is_the_program_s()
    {
        var table = new StringBuilder("| variable | default | meaning |\n|---|---|---|\n");
        foreach (var group in Variables.All.GroupBy(v => v.Group))
        {
            table.Append($"| **{Help.Title(group.Key)}** | | |\n");
            foreach (var variable in group)
                table.Append($"| `{variable.Name}` | {variable.DefaultText.Replace("|", "\\|")} | {variable.Meaning.Replace("|", "\\|")} |\n");
        }
        Assert.True(Page("variables.md").Contains(table.ToString(), StringComparison.Ordinal),
            $"variables.md lacks this table of variables:\n{table}");
    }

    [Fact]
    public void Every_name_of_a_variable_in_pages_and_manifests_exists()
    {
        var known = Variables.All.Select(v => v.Name).Concat(JobProfile.All.Select(p => new JobVariables(p.Name))
            .SelectMany(j => Variables.All.Where(v => v.IsOfJob).Select(j.NameOf))).ToHashSet();
        var files = Directory.EnumerateFiles(Path.Combine(SidecarBinary.RepositoryRoot, "src", "deploy"), "*", SearchOption.AllDirectories)
            .Concat(DocumentLinkTests.Pages).Append(Path.Combine(SidecarBinary.RepositoryRoot, "Dockerfile.distroless"));
        foreach (var file in files)
        {
            // `SIDECAR_REMOTE_WRITE_…`
            var names = NamePattern().Matches(File.ReadAllText(file)).Select(m => m.Value).Where(n => !n.EndsWith('_'));
            Assert.All(names, name => Assert.True(known.Contains(name), $"{Path.GetFileName(file)} names {name}"));
        }
    }

    [Fact]
    public void Every_reason_of_the_troubleshooting_table_exists()
    {
        var words = Enum.GetValues<FailureReason>().Select(r => Word.Of(r)).ToHashSet();
        var named = ReasonPattern().Matches(Page("operating.md")).Select(m => m.Groups[1].Value).ToList();
        Assert.NotEmpty(named);
        Assert.All(named, reason => Assert.Contains(reason, words));
    }

    [Fact]
    public void The_table_of_commands_is_the_program_s()
    {
        var table = "| command | does |\n|---|---|\n" + string.Concat(CommandLine.All.Select(c => $"| `{c.Usage}` | {c.Does} |\n"));
        Assert.True(Page("operating.md").Contains(table, StringComparison.Ordinal), $"operating.md lacks this table of commands:\n{table}");
    }

    [Fact]
    public void The_exit_codes_are_the_program_s()
    {
        var codes = $"Exit codes: {string.Join(", ", ExitCode.All.Select(c => $"{c.Code} {c.Meaning.Split(';')[0]}"))}.";
        Assert.Contains(codes, Page("operating.md"));
        var constants = typeof(ExitCode).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral)
            .Select(f => (int)f.GetRawConstantValue()!);
        Assert.Equal(constants.Order(), ExitCode.All.Select(c => c.Code));
    }

    [Fact]
    public void The_table_of_own_metrics_is_the_program_s()
    {
        var output = new ArrayBufferWriter<byte>();
        new Metrics(new Uri("http://receiver/"), "apiserver", TimeSpan.FromSeconds(15), TimeProvider.System).Write(output);
        var lines = Encoding.UTF8.GetString(output.WrittenSpan).Split('\n');
        var table = new StringBuilder("| metric | type | meaning |\n|---|---|---|\n");
        foreach (var help in lines.Where(l => l.StartsWith("# HELP ") && !l.StartsWith("# HELP process_")))
        {
            var (name, meaning) = (help.Split(' ')[2], help.Split(' ', 4)[3]);
            table.Append($"| `{name}` | {lines.First(l => l.StartsWith($"# TYPE {name} ")).Split(' ')[3]} | {meaning.Replace("|", "\\|")} |\n");
        }
        Assert.True(Page("metrics-and-alerts.md").Contains(table.ToString(), StringComparison.Ordinal),
            $"metrics-and-alerts.md lacks this table of own metrics:\n{table}");
    }

    /// <summary>Log messages and answers of peers that the table quotes: each stands in the sources, the stand-ins' included.</summary>
    [Fact]
    public void Every_message_of_the_troubleshooting_table_exists()
    {
        string[] folders = ["src/Sidecar", "tests/Cluster"];
        var sources = string.Concat(folders.SelectMany(f =>
            Directory.EnumerateFiles(Path.Combine(SidecarBinary.RepositoryRoot, f), "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}")).Select(File.ReadAllText));
        var page = Page("operating.md");
        var table = page[page.IndexOf("| What the log says |", StringComparison.Ordinal)..].Split("\n\n")[0];
        var quoted = table.Split('\n').Skip(2).SelectMany(row => QuotePattern().Matches(row.Split(" | ")[0]).Select(m => m.Groups[1].Value))
            .ToList();
        // What names a user, a path or a resource is put together of pieces there.
        var whole = quoted.Where(q => q.Contains(' ') && !q.Contains('"') && !q.Contains('…')).ToList();
        Assert.NotEmpty(whole);
        Assert.All(whole, message => Assert.Contains(message, sources));
    }

    /// <summary>Addresses, sizes and times are those of the day; the rest is held to what the program prints now.</summary>
    [Theory]
    [InlineData("sidecar check")]
    [InlineData("sidecar top 3")]
    public async Task Transcripts_are_what_the_program_prints(string command)
    {
        await using var run = await CommandRun.CreateAsync(apiServers: 2);
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.ServeGzip(new ApiServerPayload(1).Gzip(20_000, 0));
        // The one that is listed first is asked and allows everything; the other one denies its metrics.
        var (first, second) = run.Cluster.ApiServers.OrderBy(a => $"{a.Port}", StringComparer.Ordinal).ToArray() is [var a, var b]
            ? (a, b) : default;
        run.Environment["SIDECAR_KUBERNETES_API_SERVER"] = first.Address.ToString();
        var token = CheckCase.Jwt($$"""{"sub":"{{StandInCluster.AccountName}}","exp":{{DateTimeOffset.UtcNow.AddMinutes(54.5).ToUnixTimeSeconds()}}}""");
        File.WriteAllText(run.Cluster.TokenFile, token);
        first.Tokens[token] = new Account(StandInCluster.AccountName, RbacRule.Slices("default"), RbacRule.MetricsPath);
        second.Tokens[token] = new Account(StandInCluster.AccountName);
        if (command == "sidecar top 3")
            run.Cluster.Withdraw(second);
        run.Receiver.Answer = _ => new ReceiverAnswer(404, "404 page not found\n");
        await using var pages = new ListenerFixture { Judgement = Running(first, second, run.Receiver.WriteUrl) };
        run.Environment["SIDECAR_LISTEN_ADDRESS"] = pages.Address;
        await run.RunAsync(command.Split(' ')[1..]);
        var text = run.Output.Replace(pages.Address, "127.0.0.1:9090")
            .Replace($"127.0.0.1:{first.Port}", "10.0.0.1:6443").Replace($"127.0.0.1:{second.Port}", "10.0.0.2:6443")
            .Replace(run.Receiver.WriteUrl.GetLeftPart(UriPartial.Authority), "http://10.206.0.16:17000")
            .Replace(run.Cluster.TokenFile, "/var/run/secrets/kubernetes.io/serviceaccount/token");
        var transcript = $"```\n$ {command}\n{text}```\n";
        var isThere = Masked(Page("operating.md")).Contains(Masked(transcript), StringComparison.Ordinal);
        Assert.True(isThere, $"operating.md lacks this transcript, whatever its figures:\n{transcript}");
    }

    /// <summary>What a process says that meets the same.</summary>
    private static Judgement Running(ApiServer first, ApiServer second, Uri receiver)
    {
        var now = SomeOverview.Now;
        var denied = new Failure(FailureReason.Forbidden,
            $"https://127.0.0.1:{second.Port}/metrics answers 403: forbidden: User \"{StandInCluster.AccountName}\" cannot get path \"/metrics\"");
        var lost = new Failure(FailureReason.NotFound, $"{receiver} answers 404: 404 page not found", Status: 404);
        return Judgement.Of(new ProcessFacts
        {
            Now = now, Started = now.AddHours(-3), AreTargetsKnown = true, HighestTargets = 2, HasSent = true, Protocol = "2.0",
            DiscoveryAnswered = now.AddSeconds(-4), Queue = new QueueRoom(6 << 20, 8 << 20),
            Targets = new TargetCounts(2, 1, 1, 20_005, 5_120, now.AddMinutes(-3), denied,
                TargetAdvice.For(new Target(new Uri($"https://127.0.0.1:{second.Port}/metrics"), [], []), new HttpOptions(), denied)),
            Sending = new SendingStatus
            {
                LastFailure = lost, FailingSince = now.AddMinutes(-21), LastAccepted = now.AddMinutes(-21), NextTry = now.AddSeconds(3),
                Advice = ReceiverAdvice.For(receiver, 404, lost, WriteVersion.Two, isEmpty: false),
            },
        });
    }

    /// <summary>Rules as an environment file has them, each a right configuration.</summary>
    [Fact]
    public void Rules_of_the_page_on_relabeling_are_right()
    {
        var lines = Page("relabeling.md").Split('\n').Where(l => l.StartsWith("SIDECAR_", StringComparison.Ordinal))
            .Select(l => l.Split('=', 2)).ToList();
        Assert.Equal(["SIDECAR_RELABEL_CONFIGS", "SIDECAR_METRIC_RELABEL_CONFIGS"], lines.Select(l => l[0]));
        var given = lines.ToDictionary(l => l[0], l => (string?)l[1].Trim('\''));
        given["SIDECAR_TARGETS"] = "10.0.0.1:6443";
        given["SIDECAR_REMOTE_WRITE_URL"] = "http://receiver/";
        Assert.Empty(OptionsReader.Read(given).Errors.Select(e => e.ToString()));
    }

    /// <summary>Whoever goes back a version must know what that one reads.</summary>
    [Fact]
    public void List_of_changes_names_the_version_of_the_queue_s_files() =>
        Assert.Contains($"| {RepositoryFiles.Version} | version {ScrapeFile.Version} |", Page("CHANGELOG.md"));

    private static string Masked(string text) => FigurePattern().Replace(text, "#");

    [GeneratedRegex(@" *[0-9.,]+ ?((KiB|MiB|B|s|m)\b|%)")]
    private static partial Regex FigurePattern();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex QuotePattern();

    [GeneratedRegex("SIDECAR_[A-Z0-9_]+")]
    private static partial Regex NamePattern();

    [GeneratedRegex("reason=([a-z_]+)")]
    private static partial Regex ReasonPattern();
}
