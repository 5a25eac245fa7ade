using Sidecar.Configuration;

namespace Sidecar.Tests.Configuration;

public sealed class WordsTests
{
    [Theory]
    [InlineData("true", true)]
    [InlineData("false", false)]
    [InlineData("True", null)]
    [InlineData("FALSE", null)]
    [InlineData("1", null)]
    [InlineData("0", null)]
    [InlineData("yes", null)]
    [InlineData("on", null)]
    [InlineData("", null)]
    public void Booleans_are_true_and_false_only(string text, bool? expected)
    {
        var parsed = Words.Boolean(text);
        Assert.Equal(expected, parsed.Problem is null ? parsed.Value : null);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("100", 100)]
    [InlineData("007", 7)]
    [InlineData("0", null)]
    [InlineData("101", null)]
    [InlineData("-1", null)]
    [InlineData("+1", null)]
    [InlineData("1.0", null)]
    [InlineData("1e2", null)]
    [InlineData("1,000", null)]
    [InlineData(" 1", null)]
    [InlineData("ten", null)]
    [InlineData("", null)]
    [InlineData("99999999999999999999", null)]
    public void Numbers_are_whole_and_within_bounds(string text, int? expected)
    {
        var parsed = Words.Integer(1, 100)(text);
        Assert.Equal(expected, parsed.Problem is null ? parsed.Value : null);
    }

    [Fact]
    public void A_word_outside_the_set_names_the_set()
    {
        var parse = Words.OneOf(("http", 1), ("https", 2));
        Assert.Equal(2, parse("https").Value);
        Assert.Equal("none of http, https", parse("HTTPS").Problem);
    }
}
