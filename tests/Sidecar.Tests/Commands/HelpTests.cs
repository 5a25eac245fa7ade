using Sidecar.Commands;
using Sidecar.Configuration;

namespace Sidecar.Tests.Commands;

public sealed class HelpTests
{
    private static string Text()
    {
        using var output = new StringWriter { NewLine = "\n" };
        Help.Write(output);
        return output.ToString();
    }

    [Fact]
    public void Every_variable_has_a_line_that_begins_with_its_name()
    {
        var words = Text().Split('\n').Where(l => l.StartsWith("  SIDECAR_", StringComparison.Ordinal)).Select(l => l.Trim().Split(' ')[0]);
        Assert.Equal(Variables.All.Select(v => v.Name), words);
    }

    [Fact]
    public void Lines_fit_a_wide_terminal() => Assert.All(Text().Split('\n'), line => Assert.InRange(line.Length, 0, 140));

    [Fact]
    public void Nothing_of_the_table_is_cut()
    {
        // Wrapping only replaces spaces, so each word of each cell is there.
        var words = Text().Split((char[])[' ', '\n']).ToHashSet();
        Assert.All(Variables.All, v => Assert.All($"{v.DefaultText} {v.Meaning}".Split(' '), word => Assert.Contains(word, words)));
    }

    [Theory]
    [InlineData("sidecar config")]
    [InlineData("sidecar help")]
    [InlineData("sidecar version")]
    [InlineData("  0  ")]
    [InlineData("  1  ")]
    [InlineData("  2  ")]
    [InlineData("Remote write")]
    public void Commands_exit_codes_and_groups_are_there(string text) => Assert.Contains(text, Text());
}
