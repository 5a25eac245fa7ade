using System.Text.RegularExpressions;

namespace Sidecar.Tests.Repository;

/// <summary>The README is short, every page is found from it, every link leads somewhere, and every command says who runs it.</summary>
public sealed partial class DocumentLinkTests
{
    /// <summary>All documents for people, the benchmarks' own aside.</summary>
    public static IEnumerable<string> Pages =>
    [
        Path.Combine(RepositoryFiles.Root, "README.md"),
        .. Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "src", "docs"), "*.md"),
        .. Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, ".github"), "*.md"),
    ];

    [Fact]
    public void Readme_has_at_most_150_lines_and_two_commands_of_its_own()
    {
        var readme = RepositoryFiles.Read("README.md");
        Assert.InRange(readme.Split('\n').Length, 1, 151);
        var section = readme[readme.IndexOf("## Two commands", StringComparison.Ordinal)..readme.IndexOf("## Install",
            StringComparison.Ordinal)];
        Assert.Equal(
            ["dotnet run -c Release --project tests/Cluster", "dotnet test --solution Sidecar.sln -c Release"],
            Fence().Matches(section).Select(m => m.Groups["text"].Value.Trim()));
    }

    [Fact]
    public void Every_page_is_found_from_the_readme()
    {
        var linked = LinksOf(Path.Combine(RepositoryFiles.Root, "README.md")).Select(l => l.File).ToHashSet();
        Assert.All(Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "src", "docs"), "*.md"), page =>
            Assert.Contains(page, linked));
    }

    [Fact]
    public void Every_link_leads_to_a_file_and_a_heading_that_are_there() => Assert.All(Pages.SelectMany(LinksOf), link =>
    {
        Assert.True(Path.Exists(link.File), $"{link.From} links to {link.File}");
        if (link.Anchor == "")
            return;
        var anchors = HeadingPattern().Matches(File.ReadAllText(link.File)).Select(m => Anchor(m.Groups[1].Value));
        Assert.Contains(link.Anchor, anchors);
    });

    /// <summary>
    /// In front of every block stands who runs it (a test class, which names its command), who prints it, or why it is not run:
    /// <c>run by X</c>, <c>printed by X</c>, <c>not run: because</c>.
    /// </summary>
    [Fact]
    public void Every_command_is_run_by_a_test_or_says_why_not()
    {
        var tests = Directory.EnumerateFiles(Path.Combine(RepositoryFiles.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .ToDictionary(f => Path.GetFileNameWithoutExtension(f)!);
        var blocks = Pages.SelectMany(p => Fence().Matches(File.ReadAllText(p)).Select(m => (Page: Path.GetFileName(p), Block: m)))
            .ToList();
        Assert.NotEmpty(blocks);
        foreach (var (page, block) in blocks)
        {
            var text = block.Groups["text"].Value;
            var tag = TagPattern().Match(block.Groups["tag"].Value);
            Assert.True(tag.Success, $"{page}: no word of who runs this:\n{text}");
            if (tag.Groups["test"].Success)
                Assert.True(tests.ContainsKey(tag.Groups["test"].Value), $"{page} names {tag.Groups["test"].Value}, which is no test");
        }
    }

    private static IEnumerable<(string From, string File, string Anchor)> LinksOf(string page)
    {
        foreach (var target in LinkPattern().Matches(File.ReadAllText(page)).Select(m => m.Groups[1].Value).Where(t => !t.Contains("://")))
        {
            var parts = target.Split('#', 2);
            var file = parts[0] == "" ? page : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, parts[0]));
            yield return (Path.GetFileName(page), file, parts.Length == 2 ? parts[1] : "");
        }
    }

    /// <summary>As GitHub makes them.</summary>
    private static string Anchor(string heading) => NoAnchorPattern().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex(@"(?<tag>[^\n]*)\n```\w*\n(?<text>.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("^<!-- ((run|printed) by (?<test>\\w+)|not run: .+) -->$")]
    private static partial Regex TagPattern();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex LinkPattern();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex HeadingPattern();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex NoAnchorPattern();
}
