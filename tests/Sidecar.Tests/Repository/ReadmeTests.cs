using System.Text;
using System.Text.RegularExpressions;
using Cluster;
using Sidecar.Configuration;
using Sidecar.Http;

namespace Sidecar.Tests.Repository;

/// <summary>What the README and the manifests say is what the program has.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(SidecarBinary.RepositoryRoot, "README.md"));

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
        Assert.True(Readme.Contains(table.ToString(), StringComparison.Ordinal), $"README.md lacks this table of variables:\n{table}");
    }

    [Fact]
    public void Every_name_of_a_variable_in_readme_and_manifests_exists()
    {
        var known = Variables.All.Select(v => v.Name).ToHashSet();
        var files = Directory.EnumerateFiles(Path.Combine(SidecarBinary.RepositoryRoot, "src", "deploy"))
            .Append(Path.Combine(SidecarBinary.RepositoryRoot, "README.md")).Append(Path.Combine(SidecarBinary.RepositoryRoot, "Dockerfile.distroless"));
        foreach (var file in files)
        {
            var names = NamePattern().Matches(File.ReadAllText(file)).Select(m => m.Value).Where(n => !n.EndsWith('_')); // `SIDECAR_REMOTE_WRITE_…`
            Assert.All(names, name => Assert.True(known.Contains(name), $"{Path.GetFileName(file)} names {name}"));
        }
    }

    [Fact]
    public void Every_reason_of_the_troubleshooting_table_exists()
    {
        var words = Enum.GetValues<FailureReason>().Select(Failure.Word).ToHashSet();
        var named = ReasonPattern().Matches(Readme).Select(m => m.Groups[1].Value).ToList();
        Assert.NotEmpty(named);
        Assert.All(named, reason => Assert.Contains(reason, words));
    }

    [GeneratedRegex("SIDECAR_[A-Z0-9_]+")]
    private static partial Regex NamePattern();

    [GeneratedRegex("reason=([a-z_]+)")]
    private static partial Regex ReasonPattern();
}
